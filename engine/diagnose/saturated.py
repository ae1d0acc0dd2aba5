"""Finds sigmoid and tanh units that are stuck at their ends, where they hardly pass a gradient."""

from __future__ import annotations

import numpy as np

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import located

FEWEST_ELEMENTS = 16
LARGEST_SHARE = 0.5
_MARGIN = 0.01
_OUTPUTS = {"binary_cross_entropy", "mse_loss", "l1_loss"}


def find(trace: Trace) -> list[Finding]:
    """One finding per hidden activation of which more than half of the elements are saturated."""
    found = []
    roots = {node_id for node_id, _ in trace.roots}
    for node in trace.graph.nodes:
        if node.grad_fn not in ("SigmoidBackward0", "TanhBackward0") or node.id in roots:
            continue
        # The last sigmoid of a confident classifier is meant to be near 0 or 1.
        if any(trace.graph.nodes[edge.target].label in _OUTPUTS for edge in trace.graph.outgoing(node)):
            continue
        share = _saturated_share(node)
        if share <= LARGEST_SHARE or trace.step_of(node) is None:
            continue
        name = "sigmoid" if node.grad_fn == "SigmoidBackward0" else "tanh"
        found.append(
            Finding(
                kind="saturated",
                severity="warning",
                node_id=node.id,
                title=f"{share:.0%} of {located(node)} is saturated",
                reason=f"Those elements are within 0.01 of the ends of {name}, where its slope is almost zero: the "
                "gradient is lost there.",
                cure="Scale the inputs or the initial weights down, add normalisation before it, or use another "
                "activation.",
            )
        )
    return found


def _saturated_share(node: Node) -> float:
    info = node.outputs[0] if node.outputs else None
    if info is None or info.numel < FEWEST_ELEMENTS:
        return 0.0
    low, high = (0.0, 1.0) if node.grad_fn == "SigmoidBackward0" else (-1.0, 1.0)
    if info.array is not None:
        values = info.array
        stuck = (values < low + _MARGIN) | (values > high - _MARGIN)
        return float(np.count_nonzero(stuck)) / values.size
    summary = info.summary
    if summary is None or not summary.binned or len(summary.histogram) < 2:
        return 0.0
    edges = np.linspace(summary.low, summary.high, len(summary.histogram) + 1)
    counts = np.array(summary.histogram)
    stuck = (edges[1:] < low + _MARGIN) | (edges[:-1] > high - _MARGIN)
    return float(counts[stuck].sum()) / summary.binned
