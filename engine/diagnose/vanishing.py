"""Finds gradients that shrink from layer to layer until the first layers hardly learn."""

from __future__ import annotations

from ..graph.trace import Trace
from .depth import FEWEST_LAYERS, layer_gradients
from .finding import Finding
from .words import called, used

SMALLEST_RATIO = 1e-4


def find(trace: Trace) -> list[Finding]:
    """At most one finding: the first weight's gradient is more than 10,000 times smaller than the last one's."""
    layers = [layer for layer in layer_gradients(trace) if layer.size > 0]
    if len(layers) < FEWEST_LAYERS:
        return []
    first, last = layers[0], layers[-1]
    ratio = first.size / last.size
    middle = layers[len(layers) // 2]
    if ratio >= SMALLEST_RATIO or not first.size < middle.size < last.size:
        return []
    return [
        Finding(
            kind="vanishing",
            severity="warning",
            node_id=first.leaf.id,
            title=f"The gradient vanishes on its way to {used(first.leaf)}",
            reason=(
                f"It is {1 / ratio:.1g} times smaller there than in {called(last.leaf)}, {len(layers)} weights later: "
                "each layer multiplies it by its own small slope (a sigmoid's is at most a quarter)."
            ),
            cure="Use ReLU or GELU, residual connections or normalisation, or a suitable initialisation (He, Xavier).",
            related=tuple(layer.leaf.id for layer in layers[1:]),
        )
    ]
