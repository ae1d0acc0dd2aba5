"""VJPs of the operations that only rearrange, pick or join elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .call import Array, Call, Evaluator, Gradients, MissingValueError


def _t(c: Call) -> Gradients:
    return {"self": c.grad().T}


def _transpose(c: Call) -> Gradients:
    if not c.grad().ndim:
        return {"self": c.grad()}
    return {"self": np.swapaxes(c.grad(), c.integer("dim0"), c.integer("dim1"))}


def _permute(c: Call) -> Gradients:
    dims = [d % c.grad().ndim for d in c.integers("dims")]
    return {"self": np.transpose(c.grad(), np.argsort(dims)) if dims else c.grad()}


def _reshape(c: Call) -> Gradients:
    return {"self": c.grad().reshape(c.tensor("self").shape)}


def _expand(c: Call) -> Gradients:
    return {"self": c.grad()}  # the caller sums over the broadcast axes


def _repeat(c: Call) -> Gradients:
    a, repeats = c.tensor("self"), c.integers("repeats")
    shape = (1,) * (len(repeats) - a.ndim) + a.shape
    split = c.grad().reshape([part for pair in zip(repeats, shape, strict=True) for part in pair])
    return {"self": split.sum(axis=tuple(range(0, 2 * len(repeats), 2))).reshape(a.shape)}


def _scattered(c: Call, where: Any, name: str = "self") -> Gradients:
    result = np.zeros(c.tensor(name).shape)
    np.add.at(result, where, c.grad())
    return {name: result}


def _slice(c: Call) -> Gradients:
    axis = c.integer("dim") % c.tensor("self").ndim
    start, end = c.params.get("start"), c.params.get("end")
    cut = slice(None if start is None else int(start), None if end is None else int(end), c.integer("step", 1))
    return _scattered(c, (slice(None),) * axis + (cut,))


def _select(c: Call) -> Gradients:
    axis = c.integer("dim") % c.tensor("self").ndim
    return _scattered(c, (slice(None),) * axis + (c.integer("index"),))


def _placed(axes: Sequence[int], indices: Sequence[Array]) -> tuple[Any, ...]:
    where: list[Any] = [slice(None)] * (1 + max(axes))
    for at, index in zip(axes, indices, strict=True):
        where[at] = index
    return tuple(where)


def _gives(a: Array, where: tuple[Any, ...], expected: Array) -> bool:
    try:
        picked = a[where]
    except IndexError:
        return False
    return picked.shape == expected.shape and np.array_equal(picked, expected, equal_nan=True)


def _index_places(c: Call) -> tuple[Any, ...]:
    """The index expression of `self[...]`.

    A call such as `x[:, i]` leaves out an axis. Where the operands' names do not tell which, the places of the indices
    are those that give the recorded result, and nothing where several do.
    """
    indices = c.tensors("indices")
    a, expected = c.tensor("self"), c.output()
    named = c.places("indices")
    if named is not None and _gives(a, _placed(named, indices), expected):
        return _placed(named, indices)
    choices = [_placed(axes, indices) for axes in itertools.combinations(range(a.ndim), len(indices))]
    fitting = [where for where in choices if _gives(a, where, expected)]
    if len(fitting) != 1:
        raise MissingValueError("positions of the indices")
    return fitting[0]


def _index(c: Call) -> Gradients:
    return _scattered(c, _index_places(c))


def _index_put(c: Call) -> Gradients:
    places = c.places("indices")
    if places is None:
        raise MissingValueError("positions of the indices")
    where = _placed(places, c.tensors("indices"))
    of_values, of_self = c.grad()[where], np.array(c.grad())
    if not c.flag("accumulate"):
        of_self[where] = 0
    return {"self": of_self, "values": of_values}


def _as_strided(c: Call) -> Gradients:
    a, size, stride = c.tensor("self"), c.integers("size"), c.integers("stride")
    where = np.full(size, c.integer("storage_offset", 0))
    for axis, step in enumerate(stride):
        where = where + step * np.arange(size[axis]).reshape([-1 if k == axis else 1 for k in range(len(size))])
    # True of a contiguous operand alone, and a trace does not keep strides: the recorded result tells.
    if where.size and (where.max() >= a.size or not np.array_equal(a.reshape(-1)[where], c.output(), equal_nan=True)):
        raise MissingValueError("strides of the operand")
    result = np.zeros(a.size)
    np.add.at(result, where, c.grad())
    return {"self": result.reshape(a.shape)}


def _index_select(c: Call) -> Gradients:
    if not c.tensor("self").ndim:
        return {"self": c.grad().reshape(())}
    axis = c.integer("dim") % c.tensor("self").ndim
    return _scattered(c, (slice(None),) * axis + (c.tensor("index").reshape(-1),))


def _gather(c: Call) -> Gradients:
    index = c.tensor("index")
    if not index.ndim:
        return {"self": c.grad()}
    where: list[Array] = list(np.indices(index.shape))
    where[c.integer("dim") % index.ndim] = index
    return _scattered(c, tuple(where))


def _embedding(c: Call) -> Gradients:
    rows = c.tensor("indices").astype(np.int64)
    weight = c.tensor("weight")
    grad = c.grad().reshape(-1, weight.shape[1])
    flat = rows.reshape(-1)
    if c.flag("scale_grad_by_freq"):
        grad = grad / np.bincount(flat, minlength=weight.shape[0])[flat][:, None]
    result = np.zeros(weight.shape)
    np.add.at(result, flat, grad)
    padding = c.integer("padding_idx", -1)
    if padding >= 0:
        result[padding] = 0
    return {"weight": result}


def _cat(c: Call) -> Gradients:
    parts = c.tensors("tensors")
    axis = c.integer("dim") % c.grad().ndim
    # An empty one-dimensional tensor may be joined to anything; it takes no room.
    sizes = [0 if part.shape == (0,) else part.shape[axis] for part in parts]
    pieces = np.split(c.grad(), np.cumsum(sizes)[:-1], axis=axis)
    return {"tensors": [p.reshape(part.shape) for p, part in zip(pieces, parts, strict=True)]}


def _stack(c: Call) -> Gradients:
    axis = c.integer("dim") % c.grad().ndim
    return {"tensors": [np.take(c.grad(), k, axis=axis) for k in range(c.grad().shape[axis])]}


def _split(c: Call) -> Gradients:
    grads = [c.grad_or_zero(k) for k in range(len(c.outputs))]
    return {"self": np.concatenate(grads, axis=c.integer("dim"))}


def _unbind(c: Call) -> Gradients:
    return {"self": np.stack([c.grad_or_zero(k) for k in range(len(c.outputs))], axis=c.integer("dim"))}


def _tril(c: Call) -> Gradients:
    return {"self": np.tril(c.grad(), c.integer("diagonal"))}


def _triu(c: Call) -> Gradients:
    return {"self": np.triu(c.grad(), c.integer("diagonal"))}


def _flip(c: Call) -> Gradients:
    return {"self": np.flip(c.grad(), tuple(c.integers("dims")))}


def _roll(c: Call) -> Gradients:
    shifts, dims = c.integers("shifts"), c.integers("dims")
    if not dims:
        return {"self": np.roll(c.grad(), -shifts[0])}
    return {"self": np.roll(c.grad(), [-s for s in shifts], axis=dims)}


def _pad(c: Call) -> Gradients:
    pad = c.integers("pad")
    grad = c.grad()
    shape = c.tensor("self").shape
    for number in range(len(pad) // 2):
        axis = grad.ndim - 1 - number
        before = pad[2 * number]
        # A negative margin was cut away in the forward pass: those elements get zeros.
        if before < 0:
            grad = np.concatenate([np.zeros((*grad.shape[:axis], -before, *grad.shape[axis + 1 :])), grad], axis=axis)
        else:
            grad = np.take(grad, range(before, grad.shape[axis]), axis=axis)
        lacking = shape[axis] - grad.shape[axis]
        if lacking > 0:
            grad = np.concatenate([grad, np.zeros((*grad.shape[:axis], lacking, *grad.shape[axis + 1 :]))], axis=axis)
        grad = np.take(grad, range(shape[axis]), axis=axis)
    return {"self": grad}


RULES: dict[str, Evaluator] = {
    "TBackward0": _t,
    "TBackward1": _t,
    "TransposeBackward0": _transpose,
    "TransposeBackward1": _transpose,
    "PermuteBackward0": _permute,
    "ViewBackward0": _reshape,
    "UnsafeViewBackward0": _reshape,
    "ReshapeAliasBackward0": _reshape,
    "UnsqueezeBackward0": _reshape,
    "UnsqueezeBackward1": _reshape,
    **{f"SqueezeBackward{number}": _reshape for number in range(6)},
    "ExpandBackward0": _expand,
    "RepeatBackward0": _repeat,
    "SliceBackward0": _slice,
    "SelectBackward0": _select,
    "IndexBackward0": _index,
    "IndexPutBackward0": _index_put,
    "AsStridedBackward0": _as_strided,
    "IndexSelectBackward0": _index_select,
    "GatherBackward0": _gather,
    "EmbeddingBackward0": _embedding,
    "CatBackward0": _cat,
    "StackBackward0": _stack,
    "SplitBackward0": _split,
    "UnsafeSplitBackward0": _split,
    "SplitWithSizesBackward0": _split,
    "UnbindBackward0": _unbind,
    "TrilBackward0": _tril,
    "TriuBackward0": _triu,
    "FlipBackward0": _flip,
    "RollBackward0": _roll,
    "ConstantPadNdBackward0": _pad,
}
