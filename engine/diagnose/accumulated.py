"""Finds gradients that were added to those of an earlier backward pass, though the earlier ones had been used."""

from __future__ import annotations

from ..graph.model import Node, Source
from ..graph.trace import Trace
from .finding import Finding
from .words import at, names, seen, summary_of


def find(trace: Trace) -> list[Finding]:
    """At most one finding, for all leaves whose gradients of two steps add up."""
    following = seen(trace, "grad-kept")
    if following:
        nodes = [trace.graph.nodes[node] for observation in following for node in observation.nodes]
        stepped = next((observation.text for observation in following if observation.text), "")
        return [_finding(nodes, stepped, following[0].source)]
    leaves: list[Node] = []
    begun: set[int] = set()
    for step in trace.backward:
        if step.node.id in begun:
            continue  # a part of this step's own gradient (a reentrant checkpoint accumulates in passes of its own)
        begun.add(step.node.id)
        before = summary_of(step.grad_before)
        if before is not None and before.zeros < before.count:
            leaves.append(step.node)
    stepped = next((observation.text for observation in seen(trace, "optimizer-step")), "")
    # Several passes before one step of the optimizer are meant to add up.
    if not leaves or (seen(trace, "optimizer") and not stepped):
        return []
    return [_finding(leaves, stepped, None)]


def _finding(leaves: list[Node], stepped: str, next_backward: Source | None) -> Finding:
    used = f"{stepped} has already taken its step with it" if stepped else "the leaf has already moved by it"
    when = f"the next backward(){at(next_backward)} begins" if next_backward else "this backward() began"
    return Finding(
        kind="accumulated",
        severity="warning",
        node_id=leaves[0].id,
        title=f"Gradients of two steps add up in {names(leaves)}",
        reason=f"backward() adds to .grad and never overwrites it. When {when}, .grad still holds the gradient of the "
        f"step before, although {used}.",
        cure="Call optimizer.zero_grad() before backward() in each training step."
        if stepped
        else "Call optimizer.zero_grad(), or set .grad to None, before backward() in each training step. If gradients "
        "are accumulated over several small batches on purpose, all is well.",
        related=tuple(leaf.id for leaf in leaves[1:]),
    )
