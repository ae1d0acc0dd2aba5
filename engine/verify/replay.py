"""Runs one recorded operator again in float64, from its recorded operands, to differentiate it numerically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import Edge
from ..graph.trace import BackwardStep, Trace
from ..rules.call import list_name
from .differences import EPSILON, STEPS, Rounding, relative_error

_NARROW = {"float32", "float16", "bfloat16"}
# Arguments that only say where and how a result is stored.
_STORAGE_ARGUMENTS = {"device", "layout", "memory_format", "pin_memory", "non_blocking"}
# Their lists of indices may leave out axes, which a trace does not keep.
_UNREPLAYABLE = {"aten.index.Tensor", "aten.index_put_.default", "aten.index_put.default"}

Replay = Callable[[dict[int, torch.Tensor]], list[torch.Tensor]]


def operator_of(name: str | None) -> Any:
    """The operator behind a recorded name such as "aten.addmm.default"; None if this torch has none."""
    parts = (name or "").split(".")
    if len(parts) != 3:
        return None
    namespace, operator, overload = parts
    packet = getattr(getattr(torch.ops, namespace, None), operator, None)
    return getattr(packet, overload, None)


def replayer(trace: Trace, step: BackwardStep) -> tuple[Replay, dict[int, torch.Tensor]] | None:
    """How to run a step's operator again, and its operands in float64 by their edge's `input_nr`.

    None where the operator is random, not known to this torch, writes into one of its operands' views, or an operand's
    value was not kept.
    """
    node = step.node
    operator = operator_of(node.op)
    if operator is None or node.op in _UNREPLAYABLE or node.grad_fn == "CopySlices":
        return None
    if torch.Tag.nondeterministic_seeded in operator.tags:
        return None
    operands: dict[int, torch.Tensor] = {}
    places: dict[str, list[int]] = {}
    is_list: set[str] = set()
    for edge in trace.graph.incoming(node):
        if edge.arg is None:
            return None
        value = trace.value(edge.source, edge.output_nr)
        if value is None or value.dtype.kind == "c":
            return None
        tensor = torch.from_numpy(np.ascontiguousarray(value))
        operands[edge.input_nr] = tensor.to(torch.float64) if tensor.is_floating_point() else tensor
        name = list_name(edge.arg)
        places.setdefault(name, []).append(edge.input_nr)
        if name != edge.arg:
            is_list.add(name)

    def run(values: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for argument in operator._schema.arguments:
            if argument.name in places:
                found = [values[place].clone() for place in places[argument.name]]
                value: Any = found if argument.name in is_list else found[0]
            elif argument.name in node.params and argument.name not in _STORAGE_ARGUMENTS:
                value = _argument(node.params[argument.name])
            else:
                value = argument.default_value if argument.has_default_value() else None
            if argument.kwarg_only:
                keywords[argument.name] = value
            else:
                positional.append(value)
        result = operator(*positional, **keywords)
        return [result] if isinstance(result, torch.Tensor) else [r for r in result if isinstance(r, torch.Tensor)]

    return run, operands


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        if value in _NARROW:
            return torch.float64
        found = getattr(torch, value, None)
        return found if isinstance(found, torch.dtype) else value
    return value


def difference_errors(
    trace: Trace, step: BackwardStep, recorded: list[tuple[Edge, npt.NDArray[Any]]], seed: int, rounding: float
) -> float | None:
    """Worst relative error of a step's gradients along random directions; None where it cannot be run again."""
    if any(info is not None and info.array is None for info in step.grad_outputs):
        return None
    prepared = replayer(trace, step)
    if prepared is None:
        return None
    run, operands = prepared
    weights = [
        None if info is None or info.array is None else torch.from_numpy(np.array(info.array, dtype=np.float64))
        for info in step.grad_outputs
    ]

    def value(operand_values: dict[int, torch.Tensor]) -> float:
        with torch.no_grad():
            outputs = run(operand_values)
        pairs = zip(outputs, weights, strict=False)
        return sum(float((output * weight).sum()) for output, weight in pairs if weight is not None)

    try:
        value(operands)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return None  # an argument that a trace keeps as text only; the rule may still speak for this node
    generator = np.random.default_rng(seed)
    errors = []
    for edge, gradient in recorded:
        operand = operands.get(edge.input_nr)
        if operand is None or not operand.is_floating_point() or gradient.shape != tuple(operand.shape):
            continue
        direction = torch.from_numpy(np.asarray(generator.standard_normal(gradient.shape)))
        slope = float((torch.from_numpy(gradient.astype(np.float64)) * direction).sum())
        scale = float(np.linalg.norm(gradient.astype(np.float64)))
        errors.append(_direction_error(value, operands, edge.input_nr, direction, slope, scale, rounding))
    return max(errors, default=None)


def _direction_error(
    value: Callable[[dict[int, torch.Tensor]], float],
    operands: dict[int, torch.Tensor],
    place: int,
    direction: torch.Tensor,
    slope: float,
    scale: float,
    rounding: float,
) -> float:
    operand = operands[place]
    size = max(1.0, float(operand.abs().max())) if operand.numel() else 1.0
    best = float("inf")
    middle = abs(value(operands))
    # Smaller steps too: between units that switch on and off the function is smooth only nearby.
    for step in (*STEPS, 1e-7, 1e-8):
        h = step * size / max(1.0, float(direction.abs().max()) if direction.numel() else 1.0)
        above = value({**operands, place: operand + h * direction})
        below = value({**operands, place: operand - h * direction})
        estimate = (above - below) / (2 * h)
        if np.isnan(estimate) and np.isnan(slope):
            return 0.0
        noise = 64 * EPSILON * max(1.0, middle) / h + rounding * max(1, operand.numel()) ** 0.5
        largest = max(scale, abs(estimate), abs(slope))
        error = relative_error(np.array([slope]), np.array([estimate]), largest, Rounding(noise, max(1.0, middle)))
        best = min(best, error)
        if best < 1e-7:
            break
    return best
