"""Finds reads of `.grad` on tensors that are no leaves, where it is always None."""

from __future__ import annotations

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import at, located, seen


def find(trace: Trace) -> list[Finding]:
    """One finding per line that reads such a `.grad`."""
    found = []
    for observation in seen(trace, "grad-read"):
        node = trace.graph.nodes[observation.nodes[0]]
        name = observation.text or node.name or node.label
        if node.kind == "leaf":
            found.append(_replaced(node, name, at(observation.source)))
            continue
        found.append(
            Finding(
                kind="non-leaf-grad",
                severity="warning",
                node_id=node.id,
                title=f"{name}.grad is None{at(observation.source)}: {name} is no leaf",
                reason=f"{name} is the result of {located(node)}. backward() computes its gradient and hands it on, "
                "but keeps only those of leaves, the tensors that were made with requires_grad=True.",
                cure=f"Call {name}.retain_grad() before backward(), or look at its gradient here.",
            )
        )
    return found


def _replaced(leaf: Node, name: str, where: str) -> Finding:
    return Finding(
        kind="non-leaf-grad",
        severity="error",
        node_id=leaf.id,
        title=f"{name}.grad is None{where}: {name} is no leaf any more",
        reason=f"In the first step {name} was a leaf. Since then it has been replaced by the result of an operation, "
        f"as in {name} = {name} - ..., and backward() keeps the gradients of leaves alone.",
        cure=f"Change it in place instead: with torch.no_grad(): {name} -= learning_rate * {name}.grad",
    )
