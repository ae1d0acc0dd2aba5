"""Whether two recordings did the same: their operations in order, what flows between them, and their backward steps."""

from __future__ import annotations

import hashlib
import os
from itertools import zip_longest

from .model import Node
from .trace import Trace


def fingerprint(trace: Trace) -> str:
    """A text that is equal for traces with the same structure; values, times and names do not count."""
    digest = hashlib.sha256()
    for node in trace.graph.nodes:
        digest.update(repr(_row(node)).encode())
    for edge in trace.graph.edges:
        digest.update(repr((edge.source, edge.output_nr, edge.target, edge.input_nr)).encode())
    digest.update(repr([step.node.id for step in trace.backward]).encode())
    return digest.hexdigest()


def difference(before: Trace, again: Trace) -> str | None:
    """Where two traces of one program part, as the end of a sentence; None where they have the same structure."""
    for one, other in zip_longest(before.graph.nodes, again.graph.nodes):
        if one is None or other is None:
            longer = "more" if one is None else "fewer"
            return f"it ran {longer} operations: {len(again.graph.nodes)} nodes instead of {len(before.graph.nodes)}"
        if _row(one) != _row(other):
            return f"node {one.id} was {_words(one)} and is {_words(other)} now"
    if fingerprint(before) != fingerprint(again):
        return "data or gradients flow along other edges, or in another order"
    return None


def _row(node: Node) -> tuple[object, ...]:
    return node.kind, node.op, node.grad_fn, [(tuple(info.shape), info.dtype) for info in node.outputs]


def _words(node: Node) -> str:
    form = " and ".join(f"{tuple(info.shape)} {info.dtype}" for info in node.outputs[:2])
    where = "" if node.source is None else f" at {os.path.basename(node.source.file)}, line {node.source.line}"
    return f"{node.label} {form}".strip() + where
