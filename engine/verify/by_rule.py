"""Composes the rules backwards over a trace: the gradients that a patient person with a pencil would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.trace import Trace
from ..rules import evaluate_step
from .differences import Rounding

Gradient = npt.NDArray[np.float64]


def gradients_by_rule(trace: Trace) -> dict[int, Gradient | None]:
    """Gradient of every leaf that the backward pass reached, by its node's id.

    Starts from ones at the roots and uses the recorded forward values only, never a recorded gradient. None for a leaf
    where a node on the way has no rule, or a value that its rule needs was not kept.
    """
    arrived: dict[tuple[int, int], Gradient] = {}
    unknown: set[tuple[int, int]] = set()
    for node_id, output in trace.roots:
        info = trace.graph.nodes[node_id].outputs[output]
        _add(arrived, (node_id, output), np.ones(info.shape))
    result: dict[int, Gradient | None] = {}
    for step in trace.backward:
        node = step.node
        outputs = [(node.id, k) for k in range(max(1, len(node.outputs)))]
        is_unknown = any(place in unknown for place in outputs)
        if node.kind == "leaf":
            result[node.id] = None if is_unknown else arrived.get((node.id, 0))
            continue
        gradients = [arrived.get(place) for place in outputs]
        edges = [edge for edge in trace.graph.incoming(node) if edge.grad_index is not None]
        found = None if is_unknown else evaluate_step(trace, step, list(gradients))
        handed_on = {} if found is None else dict(found)
        for edge in edges:
            place = (edge.source, edge.output_nr)
            gradient = handed_on.get(edge)
            if gradient is not None:
                _add(arrived, place, gradient)
            elif edge.grad_index is not None and not _is_none(step.grad_inputs, edge.grad_index):
                unknown.add(place)
    return result


def rounding_of(trace: Trace) -> Rounding:
    """Size of the rounding errors that a gradient of this trace may carry: all there is where terms cancel."""
    arrays = [info.array for step in trace.backward for info in step.grad_outputs if info is not None]
    return largest_rounding(arrays)


def largest_rounding(arrays: Sequence[npt.NDArray[Any] | None]) -> Rounding:
    """Rounding errors of sums whose terms are as large as the largest element of the arrays."""
    found = Rounding()
    for array in arrays:
        if array is None or array.dtype.kind != "f":
            continue
        size = float(np.abs(array[np.isfinite(array)]).max(initial=0.0))
        found = max(found, Rounding(16 * float(np.finfo(array.dtype).eps) * size, size))
    return found


def _is_none(grad_inputs: Sequence[object], index: int) -> bool:
    return index < len(grad_inputs) and grad_inputs[index] is None


def _add(arrived: dict[tuple[int, int], Gradient], place: tuple[int, int], gradient: Gradient) -> None:
    arrived[place] = gradient if place not in arrived else arrived[place] + gradient
