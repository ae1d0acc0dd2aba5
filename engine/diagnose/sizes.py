"""How a gradient came to its size: by which factor each step on its way from the loss multiplied its norm.

The way is the one along which most of the gradient comes: at each fan-in the largest contribution. What a step does and
what the sum at a fan-in does are factors of their own, so that their product is exactly how much larger or smaller the
gradient is at the end than at the beginning.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import NamedTuple

from ..graph.model import Edge, Node, TensorInfo
from ..graph.numbers import format_number
from ..graph.trace import Trace
from .trail_step import TrailStep
from .words import called, located, summary_of

MOST_CAUSES = 8
"""So many operations are listed one by one; what lies between is taken together."""
ENOUGH = 0.8
"""Fewer are, once they make up so much of the fall or growth (in orders of magnitude)."""
SMALLEST_PART = 0.02

_SHRINKING = {
    "SigmoidBackward0": "A sigmoid's slope is 1/4 at most, and nearly 0 where it is saturated.",
    "TanhBackward0": "The slope of tanh is below 1 everywhere but at 0, and nearly 0 where it is saturated.",
    "SoftmaxBackward0": "A softmax that is nearly certain has slopes near 0.",
    "LogSoftmaxBackward0": "A softmax that is nearly certain has slopes near 0.",
    "ReluBackward0": "Units that are off hand nothing on.",
    "MseLossBackward0": "The error is small, or divided by the number of its elements.",
    "MeanBackward0": "A mean divides by the number of its elements.",
    "MeanBackward1": "A mean divides by the number of its elements.",
    "DivBackward0": "The divisor is large.",
    "ConvolutionBackward0": "The weights are small.",
    "NativeLayerNormBackward0": "A normalisation divides by the spread of what came in, which is large.",
    "NativeBatchNormBackward0": "A normalisation divides by the spread of what came in, which is large.",
}
_GROWING = {
    "MseLossBackward0": "The error is large.",
    "DivBackward0": "The divisor is small.",
    "ExpBackward0": "The slope of exp is its own value, which is large.",
    "PowBackward0": "The slope of a power grows with what it is taken of.",
    "LogBackward0": "The slope of the logarithm is 1/x: large near 0.",
    "SumBackward0": "A sum hands the gradient to each of its elements.",
    "SumBackward1": "A sum hands the gradient to each of its elements.",
    "ConvolutionBackward0": "The weights are large.",
    "NativeLayerNormBackward0": "A normalisation divides by the spread of what came in, which is small.",
    "NativeBatchNormBackward0": "A normalisation divides by the spread of what came in, which is small.",
}


_FACTORS = (("mat1", "mat2"), ("self", "mat2"), ("self", "other"), ("batch1", "batch2"))
_PRODUCTS = ("AddmmBackward0", "MmBackward0", "BmmBackward0", "BaddbmmBackward0", "MulBackward0")


class Factor(NamedTuple):
    """What happens to the norm at one place of the way: `before` towards the loss, `after` towards the leaf.

    `edge` is that along which the step of `node` handed it on; None for the sum of what comes back to `node`.
    """

    node: Node
    before: float
    after: float
    edge: Edge | None = None

    @property
    def is_sum(self) -> bool:
        return self.edge is None

    @property
    def size(self) -> float:
        return self.after / self.before if self.before else math.nan

    @property
    def magnitudes(self) -> float:
        """Orders of magnitude, below 0 for a fall."""
        return math.log10(self.size) if 0 < self.size < math.inf else 0.0


def factors(trace: Trace, node_id: int) -> list[Factor]:
    """The factors on the way of a node's gradient, from the node to the loss; empty where sizes are not known."""
    found: list[Factor] = []
    nodes, seen, current = trace.graph.nodes, {node_id}, node_id
    total = _whole(trace, node_id)
    while total is not None and (best := _largest(trace, current)) is not None and best[0].target not in seen:
        edge, part = best
        giver = edge.target
        if part != total and part > 0:
            found.append(Factor(nodes[current], part, total))
        above = _whole(trace, giver)
        if above is None:
            break
        found.append(Factor(nodes[giver], above, part, edge))
        current, total = giver, above
        seen.add(giver)
    return found


def _largest(trace: Trace, node_id: int) -> tuple[Edge, float] | None:
    """The edge along which the largest gradient comes back to a node, and the norm of that."""
    outputs = range(len(trace.graph.nodes[node_id].outputs))
    known = [
        (norm, edge.target, edge)
        for output in outputs
        for edge, info in trace.contributions(node_id, output)
        if (norm := _norm(info)) is not None
    ]
    if not known:
        return None
    norm, _, edge = max(known, key=lambda entry: entry[:2])
    return edge, norm


def _whole(trace: Trace, node_id: int) -> float | None:
    """The norm of all that arrives at a node's outputs."""
    step = trace.step_of(node_id)
    norms = [norm for info in (step.grad_outputs if step is not None else ()) if (norm := _norm(info)) is not None]
    return math.hypot(*norms) if norms else None


def _norm(info: TensorInfo | None) -> float | None:
    summary = summary_of(info)
    return summary.norm if summary is not None and summary.count and math.isfinite(summary.norm) else None


def size_trail(trace: Trace, node_id: int) -> list[TrailStep]:
    """From a node towards the loss: where its gradient became as small, or as large, as it is."""
    way = factors(trace, node_id)
    size = _whole(trace, node_id)
    if not way or size is None or not size:
        return []
    ratio = size / way[-1].before if way[-1].before else math.inf
    sign = -1 if ratio < 1 else 1
    causes = _causes(way, sign)
    steps = [_symptom(trace, node_id, way, size, ratio, sign)]
    for is_cause, group in groupby(way, key=lambda factor: factor in causes):
        stretch = list(group)
        steps += [_cause(trace, factor, sign) for factor in stretch] if is_cause else [_between(stretch)]
    last = way[-1]
    text = f"At {located(last.node)}, nearest to the loss, the gradient has the norm {format_number(last.before, 3)}."
    return [*steps, TrailStep(node_id=last.node.id, what="gradient", role="reason", text=text)]


def _causes(way: list[Factor], sign: int) -> list[Factor]:
    """What makes most of the fall (growth)."""
    moving = sorted((f for f in way if f.magnitudes * sign > 0), key=lambda factor: -abs(factor.magnitudes))
    whole, sum_so_far = sum(abs(factor.magnitudes) for factor in moving), 0.0
    found: list[Factor] = []
    for factor in moving[:MOST_CAUSES]:
        if sum_so_far >= ENOUGH * whole or abs(factor.magnitudes) < SMALLEST_PART * whole:
            break
        found.append(factor)
        sum_so_far += abs(factor.magnitudes)
    return found


def _symptom(trace: Trace, node_id: int, way: list[Factor], size: float, ratio: float, sign: int) -> TrailStep:
    node = trace.graph.nodes[node_id]
    step = trace.step_of(node)
    when = "" if step is None else f" (step {step.index + 1})"
    text = (
        f"The gradient of {located(node)} has the norm {format_number(size, 3)}{when}, × {format_number(ratio, 3)} "
        "of what it is at the loss."
    )
    kinds: dict[str, list[float]] = {}
    for factor in way:
        kinds.setdefault(_kind(factor), []).append(factor.magnitudes)
    kind, parts = max(kinds.items(), key=lambda entry: sum(entry[1]) * sign)
    if sum(parts) * sign > 0:
        verb = "falls" if sign < 0 else "grows"
        often = "once" if len(parts) == 1 else f"{len(parts)} times"
        text += f" It {verb} most in {kind} ({often}): × {format_number(10 ** sum(parts), 3)} altogether."
    return TrailStep(node_id=node_id, what="gradient", role="symptom", text=text)


def _kind(factor: Factor) -> str:
    return "sums of contributions" if factor.is_sum else factor.node.grad_fn or factor.node.label


def _cause(trace: Trace, factor: Factor, sign: int) -> TrailStep:
    sizes = f"from {format_number(factor.before, 3)} to {format_number(factor.after, 3)}"
    times = f"× {format_number(factor.size, 3)}"
    node = factor.node
    if factor.is_sum:
        why = "they cancel out" if sign < 0 else "they point the same way"
        text = f"{times} in the sum of what comes back to {located(node)}: {why}, {sizes}."
    else:
        step = trace.step_of(node)
        when = "" if step is None else f" (step {step.index + 1})"
        reason = _reason(trace, factor, sign)
        text = f"{times} in {node.grad_fn} of {located(node)}{when}: {sizes}. {reason}".rstrip()
    return TrailStep(node_id=node.id, what="gradient", role="cause", text=text, factor=factor.size)


def _reason(trace: Trace, factor: Factor, sign: int) -> str:
    """Why a step makes a gradient smaller or larger, as far as that is known."""
    grad_fn = factor.node.grad_fn or ""
    if grad_fn not in _PRODUCTS or factor.edge is None:
        return (_SHRINKING if sign < 0 else _GROWING).get(grad_fn, "")
    by_name = {edge.arg: edge for edge in trace.graph.incoming(factor.node)}
    for pair in _FACTORS:
        if factor.edge.arg in pair and all(name in by_name for name in pair):
            other = by_name[pair[pair[0] == factor.edge.arg]]
            source = trace.graph.nodes[other.source]
            summary = summary_of(source.outputs[other.output_nr]) if other.output_nr < len(source.outputs) else None
            size = "" if summary is None else f", whose norm is {format_number(summary.norm, 3)}"
            return f"It multiplies by {called(source)}{size}."
    return ""


def _between(stretch: list[Factor]) -> TrailStep:
    """What several steps do together that matter little each."""
    product = 10 ** sum(factor.magnitudes for factor in stretch)
    nodes = tuple(dict.fromkeys(factor.node.id for factor in stretch))
    first = stretch[0].node
    what = located(first) if len(nodes) == 1 else f"{len(nodes)} operations"
    text = f"× {format_number(product, 3)} through {what}."
    return TrailStep(node_id=first.id, what="gradient", role="way", text=text, factor=product, passed=nodes[1:])
