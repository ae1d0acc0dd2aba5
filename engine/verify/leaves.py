"""Checks the leaves of a recorded trace without its program: by rule, and by finite differences of the graph."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import Node
from ..graph.trace import Trace
from .by_rule import coarsest_epsilon, each_gradient_by_rule, rounding_of
from .differences import MOST_ELEMENTS, SAMPLED_ELEMENTS, STEPS, Rounding, central_differences, relative_error
from .hooks import behind_hooks, gradient_before_hooks, hook_notes
from .report import WRONG_ABOVE, Row
from .rerun import CannotRerunError, Rerun
from .rows import make_row

Array = npt.NDArray[np.float64]

BUDGET_S = 30.0
"""Time for finite differences of leaves; where all would take longer, some are taken."""
_NARROW_TOLERANCE = 1e-5
_FEW_ELEMENTS = 2


class _Plan(NamedTuple):
    """Which leaves are moved, and at how many elements each."""

    leaves: frozenset[int]
    most_elements: int
    sampled_elements: int
    budget_s: float


def leaf_rows(trace: Trace, *, seed: int = 0, budget_s: float = BUDGET_S) -> tuple[list[Row], list[str]]:
    """A row for every leaf that the backward pass reached, and notes on what was left out.

    Parameters
    ----------
    trace : recorded with `values="all"`.
    budget_s : how long finite differences may take, about.
    """
    leaves = [leaf for leaf in trace.leaves() if _gradient(trace, leaf) is not None]
    notes = hook_notes(trace)
    behind = behind_hooks(trace)
    rerun, plan = None, _Plan(frozenset(), 0, 0, 0.0)
    if leaves:
        try:
            rerun = Rerun(trace)
        except CannotRerunError as error:
            notes.append(f"No finite differences of leaves: the recorded graph cannot be run again, since {error}.")
        else:
            plan = _plan(rerun, [leaf for leaf in leaves if leaf.id not in behind], budget_s)
    rounding = rounding_of(trace)
    rows: dict[int, Row] = {}
    late, spent_s = 0, 0.0
    for node_id, by_rule in each_gradient_by_rule(trace):
        leaf = trace.graph.nodes[node_id]
        grad = _gradient(trace, leaf)
        if grad is None:
            continue
        differences = None
        if rerun is not None and node_id in plan.leaves and node_id in rerun.leaves:
            if spent_s < plan.budget_s:
                began_s = time.monotonic()
                tensor = rerun.leaves[node_id]
                differences = central_differences(
                    partial(rerun.value, node_id),
                    tensor,
                    grad.astype(np.float64),
                    seed,
                    tolerance=_NARROW_TOLERANCE if grad.dtype != np.float64 else 1e-8,
                    most_elements=plan.most_elements,
                    sampled_elements=plan.sampled_elements,
                )
                rerun.restore(node_id)
                spent_s += time.monotonic() - began_s
            else:
                late += 1
        name = leaf.name or f"leaf {leaf.id}"
        rows[node_id] = make_row(name, grad.astype(np.float64), differences, by_rule, rounding)
    wrong_above = wrong_above_of(trace)
    found = [msgspec.structs.replace(rows[leaf.id], wrong_above=wrong_above) for leaf in leaves if leaf.id in rows]
    if rerun is not None and not behind and (late or len(plan.leaves) < len(leaves)):
        found.append(_together(trace, rerun, leaves, rounding, seed))
        notes.append(
            f"Finite differences of {len(plan.leaves) - late} of {len(leaves)} leaves were taken (at {_FEW_ELEMENTS} "
            "elements and along one random direction each), and of all leaves moved together; the others were compared "
            "by rule, every element of them."
        )
    elif rerun is not None and plan.most_elements < MOST_ELEMENTS:
        notes.append(f"Each leaf was moved at {_FEW_ELEMENTS} elements and along one random direction.")
    return found, notes


def wrong_above_of(trace: Trace) -> float:
    """The relative error from which a gradient is wrong: more is allowed to programs that compute in half precision."""
    return max(WRONG_ABOVE, 32 * coarsest_epsilon(trace))


def _gradient(trace: Trace, leaf: Node) -> npt.NDArray[np.floating] | None:
    grad = gradient_before_hooks(trace, leaf)
    return grad if grad is not None and grad.dtype.kind == "f" and grad.size else None


def _plan(rerun: Rerun, leaves: list[Node], budget_s: float) -> _Plan:
    began_s = time.monotonic()
    rerun.value()
    once_s = max(time.monotonic() - began_s, 1e-6)
    everything = frozenset(leaf.id for leaf in leaves)
    # A pair of runs an element, and one for the middle; a run begins at the leaf, on average halfway.
    counts = [leaf.outputs[0].numel for leaf in leaves]
    moves = sum(count if count <= MOST_ELEMENTS else SAMPLED_ELEMENTS + 1 for count in counts)
    if once_s * (2 * moves + len(leaves)) <= budget_s:
        return _Plan(everything, MOST_ELEMENTS, SAMPLED_ELEMENTS, 2 * budget_s)
    affordable = int(budget_s / (once_s / 2 * (2 * (_FEW_ELEMENTS + 1) + 1)))
    if affordable >= len(leaves):
        return _Plan(everything, _FEW_ELEMENTS, _FEW_ELEMENTS, budget_s)
    places = np.unique(np.linspace(0, len(leaves) - 1, max(2, affordable)).astype(int))
    return _Plan(frozenset(leaves[k].id for k in places.tolist()), _FEW_ELEMENTS, _FEW_ELEMENTS, budget_s)


def _together(trace: Trace, rerun: Rerun, leaves: list[Node], rounding: Rounding, seed: int) -> Row:
    """All leaves moved at once along one random direction, weighted by their gradients so that the large ones count."""
    moved = [leaf for leaf in leaves if leaf.id in rerun.leaves]
    norm = float(np.sqrt(sum(float(np.square(_known(trace, leaf)).sum()) for leaf in moved))) or 1.0

    def direction(leaf: Node) -> Array:
        draw = np.random.default_rng([seed, leaf.id]).standard_normal(leaf.outputs[0].shape)
        return np.asarray(draw * np.abs(_known(trace, leaf)) / norm)

    slope = sum(float((_known(trace, leaf) * direction(leaf)).sum()) for leaf in moved)
    best = float("inf")
    for step in STEPS:
        values = []
        for sign in (1.0, -1.0):
            for leaf in moved:
                rerun.leaves[leaf.id].add_(torch.from_numpy(direction(leaf)), alpha=sign * step)
            values.append(rerun.value())
            for leaf in moved:
                rerun.restore(leaf.id)
        estimate = (values[0] - values[1]) / (2 * step)
        best = estimate if abs(estimate - slope) < abs(best - slope) else best
        if abs(best - slope) <= _NARROW_TOLERANCE * abs(slope):
            break
    return Row(
        name=f"all {len(moved)} leaves",
        shape=(),
        at="direction",
        autograd=slope,
        by_rule=None,
        finite_difference=best,
        relative_error=relative_error(
            np.array([slope]), np.array([best]), max(abs(slope), abs(best)), Rounding(rounding.noise, rounding.size)
        ),
        checked=1,
        count=sum(leaf.outputs[0].numel for leaf in moved),
    )


def _known(trace: Trace, leaf: Node) -> Array:
    grad = _gradient(trace, leaf)
    assert grad is not None  # only such leaves are asked for
    return grad.astype(np.float64)
