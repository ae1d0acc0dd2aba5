"""Checks a whole program: every leaf's gradient by autograd, by finite differences and by the rules, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from ..capture.grad_graph import leaves_below
from ..capture.results import drained, named_tensors
from ..capture.tracing import record
from ..errors import TraceError
from ..graph.model import Node
from ..graph.trace import Trace
from .by_rule import gradients_by_rule, rounding_of
from .differences import central_differences
from .doubled import Doubled, leaves_in_order, running_in_float64
from .hooks import behind_hooks, gradient_before_hooks, hook_notes
from .leaves import leaf_rows
from .nodes import check_nodes
from .report import Report, Row
from .rows import make_row

MOST_PARAMETERS = 1 << 22
"""Larger programs are not run again; see `check`."""

Build = Callable[[], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]
Array = npt.NDArray[np.float64]


def check(build: Build, *, target: str = "", seed: int = 0) -> Report:
    """Compare autograd with central finite differences and with the rules composed by hand.

    Parameters
    ----------
    build : makes the program anew: (callable or nn.Module, its arguments, its keyword arguments).
    target : what is checked, for the report.
    seed : of the sample of elements that is taken from leaves with more than 64.

    Returns
    -------
    One row per leaf that requires grad and is used. Programs with more than `MOST_PARAMETERS` elements in their leaves
    run once, and their recorded graph is checked (see `check_nodes`), in bounded time. What cannot be checked is said
    in `Report.notes`: a program that gives another result each time, has no floating-point result, or cannot run in
    float64.

    Raises
    ------
    engine.errors.TraceError
        The program itself fails.
    """
    with _one_thread():
        return _check(build, target, seed)


def _check(build: Build, target: str, seed: int) -> Report:
    program, args, kwargs = build()
    with _same_random_numbers():
        native = record(program, args, kwargs, values="all", target=target, keep="step")
    notes = hook_notes(native)
    size = sum(leaf.outputs[0].numel for leaf in native.leaves() if native.step_of(leaf) is not None)
    if size > MOST_PARAMETERS:
        # Running it again and again, widened, would take long and twice the memory: what it recorded is enough.
        report = check_nodes(native, seed=seed)
        return msgspec.structs.replace(
            report,
            notes=(f"With {size:,} parameters, the recorded graph is checked instead of new runs.", *report.notes),
        )
    with _same_random_numbers():
        planted = leaves_in_order(program, args, kwargs)
    checker = _Checker(program, args, kwargs, planted)
    try:
        with _same_random_numbers():
            doubled = record(checker.run_widened, values="all", target=target, keep="step")
    except TraceError as error:
        notes.append(f"The program does not run in float64, so there are no finite differences ({error}).")
        return Report(target=target, rows=_native_rows(native), notes=tuple(notes))
    rows, more = checker.rows(native, doubled, seed)
    return Report(target=target, rows=tuple(rows), notes=tuple(dict.fromkeys((*notes, *more))))


class _Checker:
    """One built program, evaluated again and again in float64 with the same random numbers."""

    def __init__(
        self,
        program: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        planted: list[torch.Tensor | None],
    ) -> None:
        self._program = program
        self._args = args
        self._kwargs = kwargs
        self._planted = planted
        self._mode = Doubled(planted)
        self._leaves: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def run_widened(self) -> Any:
        """The program's result in float64. Leaves keep their shadows; everything else starts afresh."""
        self._mode = Doubled(self._planted)
        self._mode.adopt(self._leaves)
        versions = [None if leaf is None else leaf._version for leaf in self._planted]
        with running_in_float64(self._mode):
            result = drained(self._program(*self._mode.widen(self._args), **self._mode.widen(self._kwargs)))
        for place, (leaf, version) in enumerate(zip(self._planted, versions, strict=True)):
            if leaf is not None and leaf._version != version:  # a leaf that the program fills anew cannot be moved
                self._planted[place] = None
        self._leaves = self._leaves or dict(self._mode.leaves)  # not of later runs: what they make need not live on
        return result

    def _roots(self) -> list[torch.Tensor]:
        with _same_random_numbers():
            found = [tensor for _, tensor in named_tensors(self.run_widened(), "")]
        return [tensor for tensor in found if tensor.dtype.is_floating_point]

    def _value(self) -> float:
        roots = self._roots()  # with gradients on: the program may differentiate inside
        return sum(float(roots[k].detach().sum()) for k in self._differentiable if k < len(roots))

    def rows(self, native: Trace, doubled: Trace, seed: int) -> tuple[list[Row], list[str]]:
        roots = self._roots()
        self._differentiable = [k for k, root in enumerate(roots) if root.requires_grad]
        reached = leaves_below([roots[k] for k in self._differentiable])
        # A leaf that no torch function sees (it enters an extension, say) is not one that can be moved from here.
        again = self._roots()
        in_both = {id(leaf) for leaf in leaves_below([again[k] for k in self._differentiable if k < len(again)])}
        shadows = {id(shadow) for _, shadow in self._mode.leaves.values()}
        wanted = [leaf for leaf in reached if id(leaf) in shadows & in_both]
        notes = []
        has_more = len(wanted) < len(reached)
        total = sum((roots[k].sum() for k in self._differentiable), start=torch.zeros((), dtype=torch.float64))
        gradients = torch.autograd.grad(total, wanted, allow_unused=True) if wanted else ()
        first, second = self._value(), self._value()
        is_steady = first == second or (np.isnan(first) and np.isnan(second))
        if not is_steady:
            notes.append(
                "The program gives another result each time it runs, although the random numbers are the same; "
                "finite differences would compare noise. Make it depend on its arguments alone."
            )
        if not np.isfinite(first):
            notes.append("The result is not finite, so there are no finite differences.")
        can_move = is_steady and bool(np.isfinite(first))
        rules, rounding = gradients_by_rule(doubled), rounding_of(doubled)
        behind = behind_hooks(doubled)
        names = _names(native, doubled)
        rows: list[Row] = []
        for leaf, gradient in zip(wanted, gradients, strict=True):
            if gradient is None:
                continue
            node = _node_of(doubled, leaf, gradient.detach().to_dense().numpy())
            moved, grad = _as_real(leaf), _as_real(gradient).numpy()
            is_dense = leaf.layout == torch.strided
            is_free = is_dense and (node is None or node.id not in behind)
            differences = central_differences(self._value, moved, grad, seed) if can_move and is_free else None
            by_rule = None if node is None or leaf.is_complex() else rules.get(node.id)
            name = ("" if node is None else names.get(node.id, "")) or f"leaf {len(rows)}"
            rows.append(make_row(name, grad, differences, by_rule, rounding))
        if has_more:
            # Only the recorded graph can move them.
            known = {row.name for row in rows}
            others, more = leaf_rows(native, seed=seed)
            rows.extend(row for row in others if row.name not in known)
            notes.extend(more)
        order = {name: place for place, name in enumerate(names.values())}
        rows.sort(key=lambda row: order.get(row.name, len(order)))
        return rows, notes


def _native_rows(native: Trace) -> tuple[Row, ...]:
    """What can be said without float64: autograd against the rules, in the precision of the program."""
    rules, rounding = gradients_by_rule(native), rounding_of(native)
    rows = []
    for leaf in native.leaves():
        grad = gradient_before_hooks(native, leaf)
        if grad is not None and np.isrealobj(grad):
            rows.append(
                make_row(leaf.name or f"leaf {leaf.id}", grad.astype(np.float64), None, rules.get(leaf.id), rounding)
            )
    return tuple(rows)


def _as_real(tensor: torch.Tensor) -> torch.Tensor:
    """A leaf or its gradient as real numbers, in the same memory; complex ones get an axis (real, imaginary part)."""
    dense = tensor.detach().to_dense()
    return torch.view_as_real(dense.resolve_conj()) if dense.is_complex() else dense


def _node_of(trace: Trace, tensor: torch.Tensor, grad: npt.NDArray[Any]) -> Node | None:
    """The trace's leaf that a tensor is: the one with its values and its gradient."""
    values = tensor.detach().to_dense().numpy()
    for node in trace.leaves():
        kept, found = trace.value(node), trace.grad(node)
        if kept is None or found is None or kept.shape != values.shape:
            continue
        if np.array_equal(kept, values, equal_nan=True) and np.allclose(found, grad, rtol=1e-9, atol=0, equal_nan=True):
            return node
    return None


def _names(native: Trace, doubled: Trace) -> dict[int, str]:
    """Names of the widened run's leaves by their node ids: those of the leaves with the same values in the real run."""
    result: dict[int, str] = {}
    free = [node for node in native.leaves() if native.step_of(node) is not None]
    for node in doubled.leaves():
        value, grad = doubled.value(node), doubled.grad(node)
        if value is None or grad is None:
            continue
        fitting = [other for other in free if _is_same(native, other, value)]
        if not fitting:
            continue
        best = min(fitting, key=lambda other: _distance(native.grad(other), grad))
        free.remove(best)
        result[node.id] = best.name or f"leaf {best.id}"
    return result


def _is_same(native: Trace, node: Node, value: npt.NDArray[Any]) -> bool:
    kept = native.value(node)
    return (
        kept is not None
        and kept.shape == value.shape
        and np.array_equal(kept.astype(value.dtype), value, equal_nan=True)
    )


def _distance(first: npt.NDArray[Any] | None, second: npt.NDArray[Any]) -> float:
    if first is None:
        return float("inf")
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return float(np.abs(np.nan_to_num(first - second)).sum())


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Whatever runs inside draws the same random numbers every time, and leaves the generator as it was."""
    # Not torch.manual_seed: each call of it queues one (with a traceback) for a CUDA that may never be started.
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        torch.set_rng_state(state)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Many evaluations of small operations are much faster without handing each to a pool of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
