"""Finds a backward pass in which every leaf's gradient is exactly zero."""

from __future__ import annotations

from ..graph.trace import Trace
from .finding import Finding
from .words import leaf_gradient, located, summary_of


def find(trace: Trace) -> list[Finding]:
    """At most one finding, at the step where the last trace of a gradient was lost."""
    reached = [leaf for leaf in trace.leaves() if trace.step_of(leaf) is not None]
    summaries = [leaf_gradient(trace, leaf) for leaf in reached]
    if not reached or any(s is None or s.zeros < s.count or not s.count for s in summaries):
        return []
    culprit = next(
        (
            step.node
            for step in trace.backward
            if any(_has_gradient(info) for info in map(summary_of, step.grad_outputs))
            and step.grad_inputs
            and not any(_has_gradient(info) for info in map(summary_of, step.grad_inputs))
        ),
        reached[0],
    )
    return [
        Finding(
            kind="zero-gradient",
            severity="error",
            node_id=culprit.id,
            title=f"Every gradient is zero: it is lost in {located(culprit)}",
            reason="A gradient arrives there and only zeros go on: the operation is flat at these values (a step "
            "function, a ReLU that is off, a saturated or clamped value, a factor of zero).",
            cure="Replace a rounding or comparison by a smooth function, or look at the values that enter this node.",
            related=tuple(leaf.id for leaf in reached),
        )
    ]


def _has_gradient(summary: object) -> bool:
    count, zeros = getattr(summary, "count", 0), getattr(summary, "zeros", 0)
    return bool(count > zeros)
