"""Finds a backward pass that goes a second time through a graph whose saved tensors are freed."""

from __future__ import annotations

from ..graph.model import Node, Source
from ..graph.trace import Trace
from .finding import Finding
from .words import at, located, reaching_root, seen


def find(trace: Trace) -> list[Finding]:
    """At most one finding: in this pass where it failed so, or in the one that followed it."""
    for observation in seen(trace, "second-backward"):
        if "second time" in observation.text or "freed" in observation.text:
            return [_finding(trace, trace.graph.nodes[observation.nodes[0]], observation.source)]
    if trace.error is not None and "backward through the graph a second time" in trace.error:
        freed = {observation.nodes[0] for observation in seen(trace, "freed-saved")}
        if freed:
            latest = max(freed & reaching_root(trace) or freed)
            return [_finding(trace, trace.graph.nodes[latest], None)]
    return []


def _finding(trace: Trace, node: Node, second: Source | None) -> Finding:
    is_root = node.id in {root for root, _ in trace.roots} and second is not None
    if is_root:
        cure = "Call backward() once, or give the first call retain_graph=True if both are meant."
    else:
        cure = (
            f"Cut {node.name or 'it'} off between the steps with detach(), or compute it anew in each step; "
            "retain_graph=True in the first backward() keeps the graph, if both passes are meant to use it."
        )
    which = f"The second backward(){at(second)}" if second is not None else "backward()"
    return Finding(
        kind="freed-graph",
        severity="error",
        node_id=node.id,
        title=f"{which} goes again through the graph of {located(node)}",
        reason="The first backward pass frees what the operations had saved for it as soon as it has used it, to save "
        "memory, so a second pass through the same operations cannot be computed.",
        cure=cure,
    )
