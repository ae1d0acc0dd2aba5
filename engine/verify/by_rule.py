"""Composes the rules backwards over a trace: the gradients that a patient person with a pencil would find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.trace import Trace
from ..rules import evaluate_step
from .differences import Rounding

Gradient = npt.NDArray[np.float64]


def gradients_by_rule(trace: Trace) -> dict[int, Gradient | None]:
    """Gradient of every leaf that the backward pass reached, by its node's id; see `each_gradient_by_rule`."""
    return dict(each_gradient_by_rule(trace))


def root_gradients(trace: Trace) -> list[Gradient]:
    """The gradients that the backward pass was started with: ones, or what the program gave to `backward`."""
    found = []
    for node_id, output in trace.roots:
        info = trace.graph.nodes[node_id].outputs[output]
        given = trace.grad(node_id, output) if len(trace.roots) == 1 else None
        is_start = given is not None and given.dtype.kind == "f" and not trace.contributions(node_id, output)
        found.append(given.astype(np.float64) if is_start and given is not None else np.ones(info.shape))
    return found


def each_gradient_by_rule(trace: Trace) -> Iterator[tuple[int, Gradient | None]]:
    """Each leaf that the backward pass reached with its gradient, as soon as it is known.

    Starts from the gradients of the roots and uses the recorded forward values only, never another recorded gradient.
    None for a leaf where a node on the way has no rule, or a value that its rule needs was not kept.
    """
    arrived: dict[tuple[int, int], Gradient] = {}
    unknown: set[tuple[int, int]] = set()
    for place, start in zip(trace.roots, root_gradients(trace), strict=True):
        _add(arrived, place, start)
    for step in trace.backward:
        node = step.node
        outputs = [(node.id, k) for k in range(max(1, len(node.outputs)))]
        is_unknown = any(place in unknown for place in outputs)
        gradients = [arrived.pop(place, None) for place in outputs]
        if node.kind == "leaf":
            yield node.id, None if is_unknown else gradients[0]
            continue
        edges = [edge for edge in trace.graph.incoming(node) if edge.grad_index is not None]
        found = None if is_unknown else evaluate_step(trace, step, list(gradients))
        handed_on = {} if found is None else dict(found)
        for edge in edges:
            target = (edge.source, edge.output_nr)
            handed = handed_on.get(edge)
            if handed is not None:
                _add(arrived, target, handed)
            elif edge.grad_index is not None and not _is_none(step.grad_inputs, edge.grad_index):
                unknown.add(target)


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
