"""What recorded operations cost: floating-point operations by torch's formulas, memory held by saved tensors, time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..graph.model import Edge, Node

_Formula = Callable[..., Any]
_KERNELS = {
    # Kernels that compute what a counted one does, and have its arguments, but no formula of their own.
    "aten._scaled_dot_product_flash_attention_for_cpu": "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_fused_attention_overrideable": "aten._scaled_dot_product_flash_attention",
}


_formulas: dict[str, _Formula | None] = {}
"""By operator, with and without its overload; begun anew when torch's registry has grown."""
_registered = 0
_arguments: dict[str, tuple[_Argument, ...]] = {}
_known: dict[Any, int | None] = {}
"""Results by operator, shapes and arguments: a training repeats the same calls in every step."""
_MOST_KNOWN = 4096


class _Argument(NamedTuple):
    """An argument of an operator, as its schema has it."""

    name: str
    default: Any
    is_keyword: bool


class _Form(NamedTuple):
    """Stands for a tensor in the formulas that look at tensors and not at shapes."""

    shape: tuple[int, ...]


def count_flops(nodes: list[Node], edges: list[Edge]) -> None:
    """Set `flops` of every operation that torch.utils.flop_counter has a formula for.

    Works from the recorded shapes and arguments; equal calls are computed once.
    """
    _learn_formulas()
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    counted = {node.id: node for node in nodes if node.op is not None and _formula(node.op) is not None}
    if not counted:
        return
    shapes: dict[int, dict[str, tuple[int, ...]]] = {node_id: {} for node_id in counted}
    for edge in edges:
        if edge.target in counted and edge.arg is not None:
            outputs = nodes[edge.source].outputs
            if edge.output_nr < len(outputs):
                shapes[edge.target][edge.arg] = outputs[edge.output_nr].shape
    for node_id, node in counted.items():
        given = shapes[node_id]
        results = tuple(info.shape for info in node.outputs)
        key = (node.op, tuple(given.items()), results, repr(node.params))
        if key not in _known:
            _known[key] = _evaluate(node, _formulas[node.op or ""], given, results)
        node.flops = _known[key]


def _learn_formulas() -> None:
    global _registered  # noqa: PLW0603 - a cache of what belongs to torch
    # Imported here and not above: no one needs it before the first trace is complete.
    from torch.utils.flop_counter import flop_registry

    if len(flop_registry) == _registered:
        return
    _registered = len(flop_registry)
    _formulas.clear()
    _known.clear()
    _formulas.update((str(packet), formula) for packet, formula in flop_registry.items())
    for kernel, like in _KERNELS.items():
        if like in _formulas:
            _formulas.setdefault(kernel, _formulas[like])


def _formula(op: str) -> _Formula | None:
    if op not in _formulas:
        _formulas[op] = _formulas.get(op.rpartition(".")[0])
    return _formulas[op]


def _evaluate(
    node: Node, formula: _Formula | None, shapes: dict[str, tuple[int, ...]], results: tuple[tuple[int, ...], ...]
) -> int | None:
    if formula is None:
        return None
    by_shape = getattr(formula, "__wrapped__", None)  # what torch wraps to be called with tensors takes their shapes
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for argument in _arguments_of(node.op or ""):
        if argument.name in shapes:
            shape = shapes[argument.name]
            value: Any = _Form(shape) if by_shape is None else shape
        else:
            value = node.params.get(argument.name, argument.default)
        if argument.is_keyword:
            keywords[argument.name] = value
        else:
            positional.append(value)
    try:
        result = results[0] if len(results) == 1 else results
        if by_shape is not None:
            return int(by_shape(*positional, **keywords, out_shape=result))
        return int(formula(*positional, **keywords, out_val=result))
    except (TypeError, ValueError, AssertionError, AttributeError, IndexError, KeyError):
        return None  # forms that the formula does not foresee: nested tensors, a kernel whose arguments differ


def _arguments_of(op: str) -> tuple[_Argument, ...]:
    known = _arguments.get(op)
    if known is None:
        namespace, _, rest = op.partition(".")
        operator, _, overload = rest.partition(".")
        function = getattr(getattr(getattr(torch.ops, namespace, None), operator, None), overload, None)
        schema = [] if function is None else function._schema.arguments
        known = _arguments[op] = tuple(
            _Argument(a.name, a.default_value if a.has_default_value() else None, a.kwarg_only) for a in schema
        )
    return known


class Storages:
    """Numbers the storages that saved tensors look at, in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def span(self, tensor: torch.Tensor) -> tuple[int, int, int] | None:
        """Number of the tensor's storage, and where in it the tensor begins and ends; None if it has no storage.

        The storage must stay alive as long as this object is asked about others.
        """
        if tensor.layout is not torch.strided or tensor.is_nested:
            return None
        try:
            address = int(tensor.untyped_storage()._cdata)
            size = tensor.element_size()
            begin = int(tensor.storage_offset()) * size
            reach = int(tensor.numel())
            if reach and not tensor.is_contiguous():
                rows = zip(tensor.shape, tensor.stride(), strict=True)
                reach = 1 + sum((int(length) - 1) * int(stride) for length, stride in rows)
        except (RuntimeError, NotImplementedError):  # no storage, or sizes that are symbols
            return None
        number = self._numbers.setdefault(address, len(self._numbers))
        return number, begin, begin + reach * size


class StepClock:
    """Measures the engine's steps between their hooks, so that no second hook has to run before each of them."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}
        self._latest = time.perf_counter()

    def start(self) -> None:
        """The engine begins now."""
        self._ends.clear()
        self._latest = time.perf_counter()

    def stop(self) -> float:
        """A step has ended on this thread. Returns its seconds; the clock stands still on it until `resume`.

        The engine gives every device a thread of its own; the first step on one is measured from the end of the latest
        step on any other, since that is what it waited for.
        """
        now = time.perf_counter()
        return now - self._ends.get(threading.get_ident(), self._latest)

    def resume(self) -> None:
        """The recording of the step is done."""
        self._latest = self._ends[threading.get_ident()] = time.perf_counter()
