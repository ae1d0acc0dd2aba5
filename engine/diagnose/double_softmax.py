"""Finds a softmax before a cross-entropy, which applies its own."""

from __future__ import annotations

from ..graph.trace import Trace
from .finding import Finding
from .words import located

_SHAPING = {"view", "unsafe_view", "reshape", "transpose", "permute", "squeeze", "unsqueeze", "clone", "t", "to_copy"}


def find(trace: Trace) -> list[Finding]:
    """One finding per log_softmax whose input is a softmax, reshaping aside."""
    found = []
    for node in trace.graph.nodes:
        if node.label != "log_softmax":
            continue
        current = node
        while True:
            edge = next(iter(trace.graph.incoming(current)), None)
            if edge is None:
                break
            current = trace.graph.nodes[edge.source]
            if current.label not in _SHAPING:
                break
        if current.label != "softmax":
            continue
        found.append(
            Finding(
                kind="double-softmax",
                severity="warning",
                node_id=current.id,
                title=f"softmax is applied twice, first by {located(current)}",
                reason="cross_entropy takes logits and applies softmax itself. Fed with probabilities between 0 and 1 "
                "it can never become confident, and the gradients stay small.",
                cure="Hand the logits to cross_entropy, and use softmax only to show probabilities.",
                related=(node.id,),
            )
        )
    return found
