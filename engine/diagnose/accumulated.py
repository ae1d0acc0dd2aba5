"""Finds gradients that were added to those of an earlier backward pass."""

from __future__ import annotations

from ..graph.trace import Trace
from .finding import Finding
from .words import names, summary_of


def find(trace: Trace) -> list[Finding]:
    """At most one finding, for all leaves whose .grad was not empty or zero before this backward pass."""
    leaves = []
    for step in trace.backward:
        before = summary_of(step.grad_before)
        if before is not None and before.zeros < before.count:
            leaves.append(step.node)
    if not leaves:
        return []
    return [
        Finding(
            kind="accumulated",
            severity="warning",
            node_id=leaves[0].id,
            title=f"The gradient was added to an older one in {names(leaves)}",
            reason="backward() adds to .grad and never overwrites it; here .grad still held the gradient of an earlier "
            "backward pass.",
            cure="Call optimizer.zero_grad() before backward() in each training step. If gradients are accumulated "
            "over several small batches on purpose, all is well.",
            related=tuple(leaf.id for leaf in leaves[1:]),
        )
    ]
