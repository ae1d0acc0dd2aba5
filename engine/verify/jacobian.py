"""The Jacobian of one recorded operation, three ways: from its rule, from torch's own backward, and by differences."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import Edge, Node
from ..graph.trace import BackwardStep, Trace
from ..rules import evaluate_step
from .operators import FAILURES
from .replay import Replay, replayer

Array = npt.NDArray[np.float64]
MOST_ENTRIES = 1 << 16
_STEP = 1e-6


class LocalJacobian(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """d output / d operand at the recorded values, each of shape (*output shape, *operand shape), in float64.

    Attributes
    ----------
    arg : the operand's name in the operator's schema; None for the base of a write into a view.
    source : node and output that the operand comes from.
    by_rule : row by row from the rule's VJP; None where there is no rule that can be evaluated.
    by_autograd : the operator run again, and differentiated by torch; None where it cannot be run again.
    by_difference : central differences of the operator run again, in each element of the operand.
    """

    arg: str | None
    source: tuple[int, int]
    by_rule: Array | None
    by_autograd: Array | None
    by_difference: Array | None


def local_jacobian(trace: Trace, node_id: int | Node, output: int | None = None) -> list[LocalJacobian]:
    """The Jacobians of a small node in its floating-point operands, in the order of its inputs.

    Parameters
    ----------
    trace : recorded with `values="all"`.
    output : which output is differentiated; the first that the backward pass brought a gradient to if left out.

    Raises
    ------
    ValueError
        The node is no operation, a value was not kept, or a Jacobian would have more than `MOST_ENTRIES` entries.
    """
    node = trace.graph.nodes[node_id.__index__()]
    if node.kind != "op":
        raise ValueError(f"Node {node.id} is a {node.kind}: only operations have a Jacobian. Choose one that reads it.")
    step = trace.step_of(node) or BackwardStep(index=0, node=node)
    number = _output_of(step) if output is None else output
    if number >= len(node.outputs):
        raise ValueError(f"Node {node.id} ({node.label}) has no output {number}.")
    shape = node.outputs[number].shape
    wanted = _operands(trace, node)
    for _, value in wanted:
        if value.size * node.outputs[number].numel > MOST_ENTRIES:
            raise ValueError(
                f"The Jacobian of node {node.id} ({node.label}) would have {value.size} × {node.outputs[number].numel} "
                f"entries, more than {MOST_ENTRIES}. Check its VJP instead (check_node)."
            )
    rows = _by_rule(trace, step, number, shape)
    prepared = replayer(trace, step)
    found = []
    for edge, value in wanted:
        rule = rows.get(edge)
        found.append(
            LocalJacobian(
                arg=edge.arg,
                source=(edge.source, edge.output_nr),
                by_rule=None if rule is None else rule.reshape((*shape, *value.shape)),
                by_autograd=None if prepared is None else _by_autograd(*prepared, edge.input_nr, number),
                by_difference=None if prepared is None else _by_difference(*prepared, edge.input_nr, number),
            )
        )
    return found


def _output_of(step: BackwardStep) -> int:
    return next((number for number, info in enumerate(step.grad_outputs) if info is not None), 0)


def _operands(trace: Trace, node: Node) -> list[tuple[Edge, npt.NDArray[np.floating]]]:
    found = []
    for edge in trace.graph.incoming(node):
        value = trace.value(edge.source, edge.output_nr)
        if value is None:
            raise ValueError(
                f"The values that node {node.id} ({node.label}) reads were not kept. Record with values='all'."
            )
        # The view that a write goes through is no operand of its own: the base is.
        if value.dtype.kind == "f" and not (node.grad_fn == "CopySlices" and edge.arg in ("self", "input")):
            found.append((edge, value))
    return found


def _by_rule(trace: Trace, step: BackwardStep, output: int, shape: tuple[int, ...]) -> dict[Edge, Array]:
    """One VJP per element of the output, with a gradient that is 1 there and 0 elsewhere."""
    columns: dict[Edge, list[Array]] = {}
    for place in range(int(np.prod(shape))):
        unit = np.zeros(int(np.prod(shape)))
        unit[place] = 1
        grad_outputs: list[npt.NDArray[np.float64] | None] = [None] * max(output + 1, len(step.node.outputs))
        grad_outputs[output] = unit.reshape(shape)
        for edge, gradient in evaluate_step(trace, step, list(grad_outputs)) or []:
            if gradient is not None:
                columns.setdefault(edge, []).append(gradient)
    count = int(np.prod(shape))
    return {edge: np.stack(rows) for edge, rows in columns.items() if count and len(rows) == count}


def _by_autograd(run: Replay, operands: dict[int, torch.Tensor], place: int, output: int) -> Array | None:
    operand = operands.get(place)
    if operand is None:
        return None
    leaf = operand.clone().requires_grad_()
    try:
        with torch.enable_grad():
            result = run({**operands, place: leaf})[output]
            flat = result.reshape(-1)
            rows = [
                torch.autograd.grad(flat[k], leaf, retain_graph=True, allow_unused=True)[0] for k in range(flat.numel())
            ]
    except FAILURES:
        return None
    stacked = [torch.zeros_like(leaf) if row is None else row for row in rows]
    return torch.stack(stacked).reshape((*result.shape, *leaf.shape)).numpy() if stacked else None


def _by_difference(run: Replay, operands: dict[int, torch.Tensor], place: int, output: int) -> Array | None:
    operand = operands.get(place)
    if operand is None:
        return None
    columns = []
    moved = operand.clone()
    flat = moved.reshape(-1)
    try:
        with torch.no_grad():
            for k in range(flat.numel()):
                middle = float(flat[k])
                h = _STEP * max(1.0, abs(middle))
                flat[k] = middle + h
                above = run({**operands, place: moved})[output]
                flat[k] = middle - h
                below = run({**operands, place: moved})[output]
                flat[k] = middle
                columns.append((above - below) / (2 * h))
    except FAILURES:
        return None
    if not columns:
        return None
    shape = columns[0].shape
    return torch.stack([column.reshape(-1) for column in columns], dim=1).reshape((*shape, *operand.shape)).numpy()
