"""Finds leaves that require a gradient and get none, since the loss does not depend on them."""

from __future__ import annotations

from ..graph.trace import Trace
from .cut_path import cut_edges
from .finding import Finding
from .words import computed_from, names


def find(trace: Trace) -> list[Finding]:
    """At most one finding, for all such leaves; those behind a cut are told about there."""
    if not trace.backward:
        return []
    behind: set[int] = set()
    for edge in cut_edges(trace):
        behind |= computed_from(trace, edge.source)
    lost = [leaf for leaf in trace.leaves() if trace.step_of(leaf) is None and leaf.id not in behind]
    if not lost:
        return []
    them = "it" if len(lost) == 1 else "them"
    return [
        Finding(
            kind="unused-leaf",
            severity="warning",
            node_id=lost[0].id,
            title=f"No gradient reaches {names(lost)}",
            reason=f"The program uses {them}, but the loss does not depend on the result, so .grad stays as it was.",
            cure=f"Use the result in the loss, or set requires_grad=False for {them}.",
            related=tuple(leaf.id for leaf in lost[1:]),
        )
    ]
