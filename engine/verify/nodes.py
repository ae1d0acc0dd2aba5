"""Checks a recorded trace node by node, without its program: each VJP against its rule and against differences."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import numpy.typing as npt

from ..graph.model import Edge, Node
from ..graph.trace import BackwardStep, Trace
from ..rules import evaluate_step
from .by_rule import largest_rounding
from .differences import Rounding, relative_error
from .leaves import BUDGET_S, leaf_rows, wrong_above_of
from .replay import difference_errors
from .report import NodeRow, Report

MOST_ELEMENTS = 1 << 20
"""Nodes with larger gradients are compared by rule only: differences would take long."""


def check_nodes(trace: Trace, *, seed: int = 0, budget_s: float = BUDGET_S) -> Report:
    """Compare every recorded VJP with its rule, and with central differences of its operator re-run in float64.

    The leaves are compared with the rules composed from the root, and with finite differences of the whole recorded
    graph. The trace must have been recorded with `values="all"`; nodes whose values were not kept are left out, and
    counted in the notes. Nothing of the user's program is run.

    Parameters
    ----------
    budget_s : time for finite differences of leaves, and as much again for those of nodes; where it does not last for
        all of them, some are taken, and the notes say so.
    """
    rule_errors: dict[str, list[tuple[float, int]]] = {}
    difference: dict[str, list[tuple[float, int]]] = {}
    counts: dict[str, int] = {}
    is_narrow, left_out = False, 0
    deadline_s = time.monotonic() + budget_s
    for step in trace.backward:
        name = step.node.grad_fn
        if name is None or name == "AccumulateGrad":
            continue
        counts[name] = counts.get(name, 0) + 1
        recorded = recorded_gradients(trace, step)
        if not recorded:
            continue
        is_narrow = is_narrow or any(gradient.dtype != np.float64 for _, gradient in recorded)
        # Where the terms of a sum cancel, the recorded gradient is as inexact as its terms.
        rounding = largest_rounding(step.grad_outputs)
        by_rule = evaluate_step(trace, step)
        if by_rule is not None:
            rule_errors.setdefault(name, []).append((_rule_error(recorded, dict(by_rule), rounding), step.node.id))
        is_small = sum(gradient.size for _, gradient in recorded) <= MOST_ELEMENTS
        is_affordable = time.monotonic() < deadline_s or name not in difference
        if not is_small or not is_affordable:
            left_out += 1
        else:
            error = difference_errors(trace, step, recorded, seed, rounding.noise)
            if error is not None:
                difference.setdefault(name, []).append((error, step.node.id))
    rows = [_node_row(name, count, rule_errors.get(name), difference.get(name)) for name, count in counts.items()]
    wrong_above = wrong_above_of(trace)
    rows = [msgspec.structs.replace(row, wrong_above=wrong_above) for row in rows]
    rows.sort(key=lambda row: (row.verdict != "wrong", row.grad_fn))
    notes = []
    unchecked = [row.grad_fn for row in rows if row.verdict == "unchecked"]
    if unchecked:
        notes.append(
            f"Not checked: {', '.join(unchecked)}. There is no rule or operator that could be run again for these, "
            "or their values were not kept."
        )
    if left_out:
        notes.append(f"{left_out} of {sum(counts.values())} nodes are large or came late: compared by rule alone.")
    if is_narrow:
        notes.append("The program ran in float32 or less: agreement to about 1e−6 is the best there can be.")
    leaves, more = leaf_rows(trace, seed=seed, budget_s=budget_s)
    return Report(target=trace.target, rows=tuple(leaves), nodes=tuple(rows), notes=(*notes, *more))


def check_node(trace: Trace, node_id: int | Node, *, seed: int = 0) -> NodeRow:
    """Compare one node's recorded VJP with its rule, and with central differences of its operator in float64.

    Raises
    ------
    ValueError
        The backward pass did not reach the node, or it is a leaf.
    """
    node = trace.graph.nodes[node_id.__index__()]
    step = trace.step_of(node)
    if step is None or node.grad_fn is None or node.kind != "op":
        raise ValueError(f"Node {node.id} ({node.label}) has no VJP: the backward pass did not go through it.")
    recorded = recorded_gradients(trace, step)
    rounding = largest_rounding(step.grad_outputs)
    by_rule = evaluate_step(trace, step)
    rule_error = None if by_rule is None or not recorded else _rule_error(recorded, dict(by_rule), rounding)
    difference = difference_errors(trace, step, recorded, seed, rounding.noise) if recorded else None
    return NodeRow(
        grad_fn=node.grad_fn,
        count=1,
        rule_error=rule_error,
        difference_error=difference,
        worst_node=node.id,
        wrong_above=wrong_above_of(trace),
    )


def recorded_gradients(trace: Trace, step: BackwardStep) -> list[tuple[Edge, npt.NDArray[np.floating]]]:
    """The gradients that a step handed on along its edges, where their values were kept and are real."""
    found = []
    for edge in trace.graph.incoming(step.node):
        if edge.grad_index is None or edge.grad_index >= len(step.grad_inputs):
            continue
        info = step.grad_inputs[edge.grad_index]
        if info is not None and info.array is not None and info.array.dtype.kind == "f":
            found.append((edge, info.array))
    return found


def _scale(arrays: list[npt.NDArray[np.floating]]) -> float:
    return max((float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) for a in arrays), default=0.0)


def _rule_error(
    recorded: list[tuple[Edge, npt.NDArray[np.floating]]],
    by_rule: dict[Edge, npt.NDArray[np.float64] | None],
    rounding: Rounding,
) -> float:
    worst = 0.0
    for edge, gradient in recorded:
        expected = by_rule.get(edge)
        if expected is None:
            continue
        mine = gradient.astype(np.float64)
        if mine.shape != expected.shape:
            return float("inf")
        worst = max(worst, relative_error(mine, expected, _scale([mine, expected]), rounding))
    return worst


def _node_row(
    name: str, count: int, by_rule: list[tuple[float, int]] | None, difference: list[tuple[float, int]] | None
) -> NodeRow:
    worst = max([*(by_rule or []), *(difference or [])], default=None)
    return NodeRow(
        grad_fn=name,
        count=count,
        rule_error=max(by_rule)[0] if by_rule else None,
        difference_error=max(difference)[0] if difference else None,
        worst_node=None if worst is None else worst[1],
    )
