"""Finds a softmax or sigmoid before a cross-entropy of logits, which applies its own."""

from __future__ import annotations

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import located

_SHAPING = {"view", "unsafe_view", "reshape", "transpose", "permute", "squeeze", "unsqueeze", "clone", "t", "to_copy"}


_LOGITS = {"log_softmax": "softmax", "binary_cross_entropy_with_logits": "sigmoid"}
"""What takes logits, and the function that it applies to them itself."""


def find(trace: Trace) -> list[Finding]:
    """One finding per loss of logits whose input is a softmax or a sigmoid, reshaping aside."""
    found = []
    for node in trace.graph.nodes:
        own = _LOGITS.get(node.label)
        if own is None:
            continue
        current = node
        while True:
            edge = next(iter(trace.graph.incoming(current)), None)
            if edge is None:
                break
            current = trace.graph.nodes[edge.source]
            if current.label not in _SHAPING:
                break
        if current.label.rstrip("_") == own:
            found.append(_finding(current, node, own))
    return found


def _finding(first: Node, loss: Node, own: str) -> Finding:
    function = "cross_entropy" if own == "softmax" else "binary_cross_entropy_with_logits"
    return Finding(
        kind="double-softmax",
        severity="warning",
        node_id=first.id,
        title=f"{own} is applied twice, first by {located(first)}",
        reason=f"{function} takes logits and applies {own} itself. Fed with probabilities between 0 and 1 "
        "it can never become confident, and the gradients stay small.",
        cure=f"Hand the logits to {function}, and use {own} only to show probabilities.",
        related=(loss.id,),
    )
