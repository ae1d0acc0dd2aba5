"""Composes the rules backwards over a trace: the gradients that a patient person with a pencil would find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..graph.model import Edge, TensorInfo
from ..graph.trace import Trace
from ..rules import evaluate_step
from .differences import Rounding
from .hooks import after_module_hook, hooked_nodes

Gradient = npt.NDArray[np.float64]


def gradients_by_rule(trace: Trace) -> dict[int, Gradient | None]:
    """Gradient of every leaf that the backward pass reached, by its node's id; see `each_gradient_by_rule`."""
    return dict(each_gradient_by_rule(trace))


def root_gradients(trace: Trace) -> list[Gradient]:
    """The gradients that the backward pass was started with: ones, or what the program gave to `backward`."""
    found: list[Gradient] = []
    for place in trace.roots:
        ones = np.ones(trace.graph.nodes[place[0]].outputs[place[1]].shape)
        total = trace.grad(*place)
        if total is None or total.dtype.kind != "f" or trace.roots.count(place) > 1:
            found.append(ones)
            continue
        handed = [info.array for _, info in trace.contributions(*place)]
        # What other roots hand back to this one is no part of what it began with.
        start = total.astype(np.float64) - sum(part.astype(np.float64) for part in handed if part is not None)
        is_known = all(part is not None for part in handed) and not (handed and np.allclose(start, ones, rtol=1e-3))
        found.append(start if is_known else ones)
    return found


def each_gradient_by_rule(trace: Trace) -> Iterator[tuple[int, Gradient | None]]:
    """Each leaf that the backward pass reached with its gradient, as soon as it is known.

    Starts from the gradients of the roots and uses the recorded forward values only; of the other recorded gradients
    just what the program's own hooks gave back on the way. None for a leaf where a node on the way has no rule, or a
    value that its rule needs was not kept.
    """
    hooked = {node_id for node_id in hooked_nodes(trace) if trace.graph.nodes[node_id].kind == "op"}
    arrived: dict[tuple[int, int], Gradient] = {}
    unknown: set[tuple[int, int]] = set()
    for place, start in zip(trace.roots, root_gradients(trace), strict=True):
        _add(arrived, place, start)
    for step in trace.backward:
        node = step.node
        outputs = [(node.id, k) for k in range(max(1, len(node.outputs)))]
        is_unknown = any(place in unknown for place in outputs)
        gradients = [arrived.pop(place, None) for place in outputs]
        if node.id in hooked:
            gradients = [_after_hook(trace, node.id, k, gradient) for k, gradient in enumerate(gradients)]
        if node.kind == "leaf":
            yield node.id, None if is_unknown else gradients[0]
            continue
        edges = [edge for edge in trace.graph.incoming(node) if edge.grad_index is not None]
        handed_on: dict[Edge, Gradient | None] = {}
        if not is_unknown and (kept := after_module_hook(step, gradients)) is not None:
            handed_on = {edge: kept[edge.grad_index] for edge in edges if edge.grad_index is not None}
        elif not is_unknown:
            handed_on = dict(evaluate_step(trace, step, list(gradients)) or ())
        for edge in edges:
            target = (edge.source, edge.output_nr)
            handed = handed_on.get(edge)
            if handed is not None:
                _add(arrived, target, handed)
            elif edge.grad_index is not None and not _is_none(step.grad_inputs, edge.grad_index):
                unknown.add(target)


def _after_hook(trace: Trace, node_id: int, output: int, gradient: Gradient | None) -> Gradient | None:
    recorded = trace.grad(node_id, output)
    return gradient if recorded is None or recorded.dtype.kind != "f" else recorded.astype(np.float64)


def rounding_of(trace: Trace) -> Rounding:
    """Size of the rounding errors that a gradient of this trace may carry: all there is where terms cancel."""
    return largest_rounding([info for step in trace.backward for info in step.grad_outputs])


def largest_rounding(infos: Sequence[TensorInfo | None]) -> Rounding:
    """Rounding errors of sums over the elements of any of the tensors."""
    found = Rounding()
    for info in infos:
        if info is None or info.array is None or info.array.dtype.kind != "f":
            continue
        finite = info.array[np.isfinite(info.array)].astype(np.float64)
        size = float(np.abs(finite).max(initial=0.0))
        noise = max(16 * size, 64 * float(np.linalg.norm(finite)))  # of sums in any order, by experience
        found = max(found, Rounding(epsilon_of(info.dtype) * noise, size))
    return found


def epsilon_of(dtype: str) -> float:
    """The relative precision of a floating-point type; bfloat16 has none in numpy."""
    return 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps) if dtype.startswith("float") else 0.0


def coarsest_epsilon(trace: Trace) -> float:
    """The precision of the narrowest type in which a differentiable operation of the trace computed."""
    infos = [info for node in trace.graph.nodes if node.grad_fn is not None for info in node.outputs]
    return max((epsilon_of(info.dtype) for info in infos), default=0.0)


def _is_none(grad_inputs: Sequence[object], index: int) -> bool:
    return index < len(grad_inputs) and grad_inputs[index] is None


def _add(arrived: dict[tuple[int, int], Gradient], place: tuple[int, int], gradient: Gradient) -> None:
    arrived[place] = gradient if place not in arrived else arrived[place] + gradient
