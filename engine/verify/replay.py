"""Runs one recorded operator again in float64, from its recorded operands, to differentiate it numerically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import Edge
from ..graph.trace import BackwardStep, Trace
from ..rules.writes import written_region
from .differences import EPSILON, KINK, STEPS, Rounding, relative_error
from .operators import FAILURES, is_random, operator_of, run_operator, widened

SMOOTH_BELOW = 1e-5

Replay = Callable[[dict[int, torch.Tensor]], list[torch.Tensor]]


def replayer(trace: Trace, step: BackwardStep) -> tuple[Replay, dict[int, torch.Tensor]] | None:
    """How to run a step's operator again, and its operands in float64 by their edge's `input_nr`.

    None where the operator is random, not known to this torch, writes into one of its operands' views, or an operand's
    value was not kept.
    """
    node = step.node
    operator = operator_of(node.op)
    if operator is None or is_random(operator, node):
        return None
    if node.grad_fn == "CopySlices":
        return _write_replayer(trace, step, operator)
    operands: dict[int, torch.Tensor] = {}
    names: list[tuple[str, int]] = []
    for edge in trace.graph.incoming(node):
        value = None if edge.arg is None else trace.value(edge.source, edge.output_nr)
        if edge.arg is None or value is None or value.dtype.kind == "c":
            return None
        operands[edge.input_nr] = widened(value)
        names.append((edge.arg, edge.input_nr))

    def run(values: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        # Cloned, since the operator may change its operands in place.
        return run_operator(operator, node, [(name, values[place].clone()) for name, place in names])

    return run, operands


def _write_replayer(trace: Trace, step: BackwardStep, operator: Any) -> tuple[Replay, dict[int, torch.Tensor]] | None:
    """A write into a view, as a function of the whole tensor before it and of what is written."""
    node = step.node
    whole = next((info for info in step.grad_outputs if info is not None), None)
    region = None if whole is None else written_region(trace, node, whole.shape)
    start = None if region is None else trace.value(*region.base)
    if region is None or start is None or start.dtype.kind == "c":
        return None
    operands: dict[int, torch.Tensor] = {}
    names: list[tuple[str, int]] = []
    base_at = -1
    for edge in trace.graph.incoming(node):
        if edge.arg in ("self", "input"):
            continue
        if edge.arg is None:
            base_at = edge.input_nr
            continue
        value = trace.value(edge.source, edge.output_nr)
        if value is None:
            return None
        operands[edge.input_nr] = widened(value)
        names.append((edge.arg, edge.input_nr))
    operands[base_at] = widened(start)

    def run(values: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        part = base = values[base_at].clone()
        for view, output in region.views:
            part = run_operator(operator_of(view.op), view, [("self", part)])[output]
        run_operator(operator, node, [("self", part), *((name, values[place].clone()) for name, place in names)])
        return [base if info is not None else part for info in step.grad_outputs]

    return run, operands


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

    is_masked = True

    def value(operand_values: dict[int, torch.Tensor]) -> float:
        with torch.no_grad():
            outputs = run(operand_values)
        pairs = zip(outputs, weights, strict=False)
        # Masks make infinities on purpose, which stay where they are, whatever is moved; and what no gradient arrives
        # at may well be NaN (the branch that where leaves out).
        return sum(
            float((output * weight).masked_fill((output.isinf() | (weight == 0)) & is_masked, 0.0).sum())
            for output, weight in pairs
            if weight is not None
        )

    try:
        value(operands)
    except FAILURES:
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
        is_masked = not np.isnan(slope)  # NaN is right where the operator itself gives it nearby
        error = _direction_error(value, operands, edge.input_nr, direction, slope, scale, rounding)
        if error is not None:
            errors.append(error)
    return max(errors, default=None)


def _direction_error(
    value: Callable[[dict[int, torch.Tensor]], float],
    operands: dict[int, torch.Tensor],
    place: int,
    direction: torch.Tensor,
    slope: float,
    scale: float,
    rounding: float,
) -> float | None:
    """None where there is no derivative to compare with: at a kink (the maximum of equal values), an infinite one."""
    if np.isinf(slope):
        return None
    sizes = operands[place].abs().nan_to_num(0.0, posinf=0.0)
    size = max(1.0, float(sizes.max())) if sizes.numel() else 1.0
    operand = operands[place]
    best = float("inf")
    centre = value(operands)
    middle, is_kinked = abs(centre), True
    # Smaller steps too: between units that switch on and off the function is smooth only nearby.
    for step in (*STEPS, 1e-7, 1e-8):
        h = step * size / max(1.0, float(direction.abs().max()) if direction.numel() else 1.0)
        above = value({**operands, place: operand + h * direction})
        below = value({**operands, place: operand - h * direction})
        estimate = (above - below) / (2 * h)
        if np.isnan(estimate) and np.isnan(slope):
            return 0.0
        ahead, behind = (above - centre) / h, (centre - below) / h
        is_kinked = is_kinked and abs(ahead - behind) > KINK * max(abs(ahead), abs(behind)) + 128 * EPSILON * middle / h
        noise = 64 * EPSILON * max(1.0, middle) / h + rounding * max(1, operand.numel()) ** 0.5
        largest = max(scale, abs(estimate), abs(slope))
        error = relative_error(np.array([slope]), np.array([estimate]), largest, Rounding(noise, max(1.0, middle)))
        best = min(best, error)
        if best < 1e-7:
            break
    return None if is_kinked and best > SMOOTH_BELOW else best
