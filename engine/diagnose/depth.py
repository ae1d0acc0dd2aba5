"""The sizes of the weights' gradients from the first layer to the last, for findings about depth."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..graph.model import Node
from ..graph.trace import Trace
from .words import leaf_gradient

FEWEST_LAYERS = 4


class LayerGradient(NamedTuple):
    """A weight, the root mean square of its gradient, and how many gradients it is the sum of."""

    leaf: Node
    size: float
    uses: int


def layer_gradients(trace: Trace) -> list[LayerGradient]:
    """Weights of rank 2 and more with a finite gradient, in order of first use, without embeddings."""
    found = []
    for leaf in trace.leaves():
        if not leaf.outputs or len(leaf.outputs[0].shape) < 2:
            continue
        # Most rows of such a table get no gradient at all: its mean size says nothing about depth.
        if any(trace.graph.nodes[edge.target].label == "embedding" for edge in trace.graph.outgoing(leaf)):
            continue
        summary = leaf_gradient(trace, leaf)
        if summary is None or not summary.count or not math.isfinite(summary.norm):
            continue
        uses = sum(edge.grad_index is not None for edge in trace.graph.outgoing(leaf))
        found.append(LayerGradient(leaf, summary.norm / math.sqrt(summary.count), uses))
    return found
