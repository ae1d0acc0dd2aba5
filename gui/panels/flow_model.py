"""How large gradients are along the depth of a network: one point per leaf, in the order of their first use."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.diagnose.exploding import LARGEST_SIZE
from engine.diagnose.vanishing import SMALLEST_RATIO
from engine.graph.model import Node
from engine.graph.trace import Trace


class FlowPoint(NamedTuple):
    """The gradient of one leaf.

    `size` is its root mean square: 0 where all of it is zero, infinite where it is not finite, NaN where it is None.
    `zeros` is the share of its elements that are zero, from 0 to 1. `is_weight`: no bias and no vector.
    """

    node: int
    name: str
    module: str
    size: float
    zeros: float
    is_weight: bool


def flow_of(trace: Trace) -> list[FlowPoint]:
    """A point for each leaf whose gradient is known, in the order in which the forward pass uses them."""
    first = {
        leaf.id: min((edge.target for edge in trace.graph.outgoing(leaf)), default=leaf.id) for leaf in trace.leaves()
    }
    found = []
    for leaf in sorted(trace.leaves(), key=lambda leaf: first[leaf.id]):
        info = trace.grad_info(leaf)
        summary = None if info is None else info.summary
        if info is None:
            size, zeros = math.nan, 1.0
        elif summary is None or not summary.count:
            continue
        else:
            is_finite = not (summary.nan or summary.inf)
            size = summary.norm / math.sqrt(summary.count) if is_finite else math.inf
            zeros = summary.zeros / summary.count
        module = ".".join(leaf.scope or trace.graph.nodes[first[leaf.id]].scope)
        is_weight = _is_weight(leaf)
        found.append(FlowPoint(leaf.id, leaf.name or "leaf", module, size, zeros, is_weight))
    return found


def _is_weight(leaf: Node) -> bool:
    """A matrix; of a module's vectors none (biases, scales of norms), of other leaves those not named as biases."""
    name = leaf.name or ""
    if not leaf.outputs or name.rsplit(".", 1)[-1] in ("b", "bias"):
        return False
    return len(leaf.outputs[0].shape) != 1 or (not leaf.scope and "." not in name)


def limits(points: list[FlowPoint]) -> tuple[float | None, float]:
    """Below the first number a gradient has vanished (None: nothing to measure by), above the second it explodes."""
    weights = [p.size for p in points if p.is_weight and 0 < p.size < math.inf]
    return (weights[-1] * SMALLEST_RATIO if weights else None), LARGEST_SIZE


def judgement(point: FlowPoint, vanished: float | None, exploded: float) -> str:
    """What a gradient's size means, in words; empty where it is neither too small nor too large."""
    if math.isnan(point.size):
        return "None: no gradient reaches it"
    if math.isinf(point.size):
        return "NaN or infinite"
    if point.size == 0:
        return "dead: every element is zero"
    if vanished is not None and point.size < vanished:
        return "vanishing: less than a 10,000th of the last weight's"
    return "exploding" if point.size > exploded else ""
