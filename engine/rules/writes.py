"""The VJP of a write into a view (CopySlices): the gradient of the whole base, and of what was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .call import Array, Call, Evaluator, Gradients, MissingValueError, unbroadcast

if TYPE_CHECKING:
    from ..graph.model import Edge, Node
    from ..graph.trace import Trace

View = Callable[[Array, dict[str, Any], int], Array]


class Region(NamedTuple):
    """Which part of a tensor an operation wrote into.

    Attributes
    ----------
    base : node and output that hold the whole tensor as it was before.
    views : the view operations that lead from it to the part, with their output numbers, in the order they ran.
    indices : places of the part's elements in the flattened base, in the part's shape.
    """

    base: tuple[int, int]
    views: list[tuple[Node, int]]
    indices: Array


def written_region(trace: Trace, node: Node, shape: tuple[int, ...]) -> Region | None:
    """The part of a tensor of `shape` that `node` wrote into; None where the way to it was not recorded."""
    edge = next((e for e in trace.graph.incoming(node) if e.arg in ("self", "input")), None)
    return _region(trace, edge, shape)


def _region(
    trace: Trace, edge: Edge | None, shape: tuple[int, ...], *, is_through_writes: bool = False
) -> Region | None:
    """The part of a tensor of `shape` that flows along `edge`; a write hands its operand on as its result."""
    views: list[tuple[Node, int]] = []
    while edge is not None:
        source = trace.graph.nodes[edge.source]
        name = _operator(source)
        is_write = name.endswith("_") and edge.output_nr == 0 and source.outputs[0].shape != shape
        if is_through_writes and is_write:
            edge = next((e for e in trace.graph.incoming(source) if e.arg == "self"), None)
            continue
        if source.kind != "op" or name not in _VIEWS:
            break
        views.append((source, edge.output_nr))
        edge = next((e for e in trace.graph.incoming(source) if e.arg == "self"), None)
    if edge is None:
        return None
    base = trace.graph.nodes[edge.source]
    if edge.output_nr >= len(base.outputs) or base.outputs[edge.output_nr].shape != shape:
        return None
    views.reverse()
    indices: Array = np.arange(int(np.prod(shape))).reshape(shape)
    try:
        for view, output in views:
            indices = _VIEWS[_operator(view)](indices, view.params, output)
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    return Region((edge.source, edge.output_nr), views, indices)


def evaluate_write(
    trace: Trace, node: Node, grad_outputs: list[Array | None], evaluators: dict[str, Evaluator]
) -> list[tuple[Edge, Array | None]] | None:
    """Gradients along the edges of a CopySlices; None where its region or its own operation's rule is not known."""
    whole = next((gradient for gradient in grad_outputs if gradient is not None), None)
    if whole is None or whole.dtype.kind != "f":
        return None
    region = written_region(trace, node, whole.shape)
    if region is None:
        return None
    flat = whole.astype(np.float64).reshape(-1)
    edges = [edge for edge in trace.graph.incoming(node) if edge.arg is not None]
    inputs = [(edge.arg or "", trace.value(edge.source, edge.output_nr)) for edge in edges]
    call = Call(inputs, [info.array for info in node.outputs], [flat[region.indices]], node.params)
    try:
        with np.errstate(all="ignore"):
            inner = _inner(node, call, evaluators)
    except (MissingValueError, ValueError, IndexError):
        return None
    if inner is None:
        return None
    of_part = inner.get("self")
    of_base = flat.copy()
    of_base[region.indices] = 0.0 if of_part is None else np.broadcast_to(np.asarray(of_part), region.indices.shape)
    result: list[tuple[Edge, Array | None]] = []
    for edge in trace.graph.incoming(node):
        gradient = of_base.reshape(whole.shape) if edge.arg is None else inner.get(edge.arg)
        value = None if edge.arg is None else trace.value(edge.source, edge.output_nr)
        if edge.arg is not None and edge.arg in ("self", "input"):
            gradient = None  # it arrives at the base
        elif edge.arg is not None and (value is None or value.dtype.kind != "f"):
            gradient = None
        elif gradient is not None and value is not None:
            gradient = unbroadcast(np.asarray(gradient), value.shape)
        result.append((edge, gradient if gradient is None else np.asarray(gradient, dtype=np.float64)))
    return result


def evaluate_view_made_anew(
    trace: Trace, node: Node, grad_outputs: list[Array | None]
) -> list[tuple[Edge, Array | None]] | None:
    """Gradient of the base of a view that autograd made anew after a write (an AsStrided without an operator).

    None where the way from the base to the view was not recorded, or does not give the recorded values.
    """
    grad = next((gradient for gradient in grad_outputs if gradient is not None), None)
    edges = list(trace.graph.incoming(node))
    view = next((edge for edge in edges if edge.arg == "result"), None)
    base = next((edge for edge in edges if edge.arg is None), None)
    whole = None if base is None else trace.value(base.source, base.output_nr)
    shown = trace.value(node)
    if grad is None or view is None or base is None or whole is None or shown is None or whole.dtype.kind != "f":
        return None
    region = _region(trace, view, whole.shape, is_through_writes=True)
    if region is None or not np.array_equal(whole.reshape(-1)[region.indices], shown, equal_nan=True):
        return None
    result = np.zeros(whole.size)
    np.add.at(result, region.indices, grad.astype(np.float64))
    return [(edge, result.reshape(whole.shape) if edge is base else None) for edge in edges]


def _inner(node: Node, call: Call, evaluators: dict[str, Evaluator]) -> Gradients | None:
    """Gradients of the operation itself, on the part alone."""
    name = _operator(node).rstrip("_")
    if name == "copy":
        return {"self": None, "src": call.grad()}
    if name in ("zero", "fill"):
        return {"self": None, "value": call.grad()}
    camel = "".join(part.capitalize() for part in name.split("_") if part)
    evaluator = evaluators.get(f"{camel}Backward0")
    return None if evaluator is None else evaluator(call)


def _operator(node: Node) -> str:
    parts = (node.op or "").split(".")
    return parts[1] if len(parts) > 1 else ""


def _axis(params: dict[str, Any], name: str, array: Array, default: int = 0) -> int:
    return int(params.get(name, default)) % max(1, array.ndim)


def _slice(array: Array, params: dict[str, Any], _output: int) -> Array:
    start, end, step = params.get("start"), params.get("end"), params.get("step", 1)
    where = slice(None if start is None else int(start), None if end is None else int(end), int(step))
    return array[(slice(None),) * _axis(params, "dim", array) + (where,)]


def _select(array: Array, params: dict[str, Any], _output: int) -> Array:
    return np.asarray(np.take(array, int(params["index"]), axis=_axis(params, "dim", array)))


def _view(array: Array, params: dict[str, Any], _output: int) -> Array:
    return array.reshape([int(size) for size in params["size"]])


def _as_strided(array: Array, params: dict[str, Any], _output: int) -> Array:
    """True of a contiguous tensor alone; a caller compares the values."""
    where = np.full(params["size"], int(params.get("storage_offset") or 0))
    for axis, step in enumerate(params["stride"]):
        along = [-1 if k == axis else 1 for k in range(len(params["size"]))]
        where = where + step * np.arange(params["size"][axis]).reshape(along)
    return array.reshape(-1)[where]


def _squeeze(array: Array, params: dict[str, Any], _output: int) -> Array:
    dim = params.get("dim")
    dims = range(array.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    return np.squeeze(array, tuple(d % array.ndim for d in dims if array.shape[d] == 1))


def _unsqueeze(array: Array, params: dict[str, Any], _output: int) -> Array:
    return np.expand_dims(array, int(params["dim"]))


def _pieces(array: Array, params: dict[str, Any], output: int) -> Array:
    axis, sizes = _axis(params, "dim", array), params.get("split_sizes") or params["split_size"]
    if isinstance(sizes, int):
        return np.take(array, range(output * sizes, min((output + 1) * sizes, array.shape[axis])), axis=axis)
    begin = sum(sizes[:output])
    return np.take(array, range(begin, begin + sizes[output]), axis=axis)


_VIEWS: dict[str, View] = {
    "alias": lambda array, params, output: array,
    "as_strided": _as_strided,
    "diagonal": lambda array, params, output: np.diagonal(
        array, params.get("offset", 0), params.get("dim1", 0), params.get("dim2", 1)
    ),
    "permute": lambda array, params, output: np.transpose(array, [d % array.ndim for d in params["dims"]]),
    "select": _select,
    "slice": _slice,
    "split": _pieces,
    "split_with_sizes": _pieces,
    "squeeze": _squeeze,
    "t": lambda array, params, output: array.T,
    "transpose": lambda array, params, output: np.swapaxes(array, params["dim0"], params["dim1"]),
    "unbind": lambda array, params, output: np.take(array, output, axis=_axis(params, "dim", array)),
    "unsqueeze": _unsqueeze,
    "view": _view,
    "_unsafe_view": _view,
}
