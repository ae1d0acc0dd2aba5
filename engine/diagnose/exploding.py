"""Finds gradients that grow beyond all measure, or from layer to layer."""

from __future__ import annotations

from ..graph.trace import Trace
from .depth import FEWEST_LAYERS, LayerGradient, layer_gradients
from .finding import Finding
from .words import called, used

LARGEST_RATIO = 1e4
LARGEST_SIZE = 1e5


def find(trace: Trace) -> list[Finding]:
    """At most one finding, for the weight with the largest gradient."""
    layers = layer_gradients(trace)
    if sum(layer.uses for layer in layers) < FEWEST_LAYERS:
        return []
    largest = max(layers, key=lambda layer: layer.size)
    last = layers[-1]
    grows = len(layers) >= FEWEST_LAYERS and last.size > 0 and layers[0].size > LARGEST_RATIO * last.size
    if not grows and largest.size < LARGEST_SIZE:
        return []
    return [
        Finding(
            kind="exploding",
            severity="warning",
            node_id=largest.leaf.id,
            title=f"The gradient explodes: {largest.size:.2g} in every element of {used(largest.leaf)}, on average",
            reason=(
                f"{_way(layers)} multiplies the gradient, here by more than one. One "
                "optimizer step of this size throws the weights far away."
            ),
            cure="Initialise with smaller weights, add normalisation, clip the gradients (clip_grad_norm_), or lower "
            "the learning rate.",
            related=tuple(layer.leaf.id for layer in layers if layer is not largest),
        )
    ]


def _way(layers: list[LayerGradient]) -> str:
    if len(layers) >= FEWEST_LAYERS:
        return f"Each of the {len(layers)} weights on the way"
    most = max(layers, key=lambda layer: layer.uses)
    return f"Each of the {most.uses} uses of {called(most.leaf)}"
