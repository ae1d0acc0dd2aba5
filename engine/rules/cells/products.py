"""Elements of gradients through products: a row times a column, a window times a kernel, attention."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..call import Array, MissingValueError
from .elementwise import scaled
from .expression import Expr, constant, gradient, of_value, total
from .reduce import Whole
from .site import Site, spread


def _pairs(grads: Array, values: Array) -> Expr:
    """Gradients times values, summed."""
    return total(gradient(np.asarray(grads, np.float64).ravel()) * of_value(np.asarray(values, np.float64).ravel()))


def _left(s: Site, right: str) -> Expr:
    """Row of the gradient times row of the right factor: Σ_j g[i, j] · b[k, j]."""
    *batch, i, k = s.index
    return _pairs(s.grad()[(*batch, i)], s.tensor(right)[(*batch, k)])


def _right(s: Site, left: str) -> Expr:
    """Column of the gradient times column of the left factor: Σ_i g[i, j] · a[i, k]."""
    *batch, k, j = s.index
    of_gradient: Any = (*batch, slice(None), j)
    of_left: Any = (*batch, slice(None), k)
    return _pairs(s.grad()[of_gradient], s.tensor(left)[of_left])


def _added(s: Site) -> Expr:
    """What was added to a product: its gradient, summed where it was broadcast."""
    where = spread(s.index, s.own.shape, s.grad().shape)
    return scaled(s.number("beta", 1), total(gradient(s.grad()[where].astype(np.float64).reshape(-1))))


def _alpha(s: Site, product: Expr) -> Expr:
    return scaled(s.number("alpha", 1), product)


def _mv_self(s: Site) -> Expr:
    i, j = s.index
    return gradient(s.grad()[i]) * of_value(s.tensor("vec")[j])


def _mv_vec(s: Site) -> Expr:
    return _pairs(s.grad(), s.tensor("self")[:, s.index[0]])


def _dot(other: str) -> Whole:
    return lambda s: gradient(s.grad().reshape(())) * of_value(s.tensor(other)[s.index])


def _linear_input(s: Site) -> Expr:
    *rows, k = s.index
    return _pairs(s.grad()[tuple(rows)], s.tensor("weight")[:, k])


def _linear_weight(s: Site) -> Expr:
    o, k = s.index
    return _pairs(s.grad()[..., o], s.tensor("input")[..., k])


def _linear_bias(s: Site) -> Expr:
    return total(gradient(s.grad()[..., s.index[0]].astype(np.float64).reshape(-1)))


# --- convolution ---


class _Window:
    """Which elements a convolution joins: input at `q` and output at `p` through the kernel's place `k`."""

    def __init__(self, s: Site) -> None:
        self.weight, self.grad, self.input = s.tensor("weight"), s.grad(), s.tensor("input")
        space = self.input.ndim - 2
        names = ("stride", "padding", "dilation")
        found = [s.integers(name, (1,) if name != "padding" else (0,)) for name in names]
        self.stride, self.padding, self.dilation = ([*v * space] if len(v) == 1 else v for v in found)
        self.groups = s.integers("groups", (1,))[0]
        self.is_transposed = s.flag("transposed")

    def joined(self, start: tuple[int, ...], kernel: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, ...] | None:
        """Through the kernel's place: from an input's position to an output's, or None where it is outside."""
        found = []
        for axis, (at, k) in enumerate(zip(start, kernel, strict=True)):
            if self.is_transposed:
                place, rest = at * self.stride[axis] + k * self.dilation[axis] - self.padding[axis], 0
            else:
                place, rest = divmod(at + self.padding[axis] - k * self.dilation[axis], self.stride[axis])
            if rest or not 0 <= place < size[axis]:
                return None
            found.append(place)
        return tuple(found)

    def kernels(self) -> Iterator[tuple[int, ...]]:
        return itertools.product(*(range(n) for n in self.weight.shape[2:]))


def _convolution_input(s: Site) -> Expr:
    w = _Window(s)
    n, channel, *at = s.index
    per_group = w.input.shape[1] // w.groups
    group, inner = divmod(channel, per_group)
    outputs = w.grad.shape[1] // w.groups
    grads, values = [], []
    for k in w.kernels():
        p = w.joined(tuple(at), k, w.grad.shape[2:])
        if p is None:
            continue
        channels = slice(group * outputs, (group + 1) * outputs)
        of_gradient: Any = (n, channels, *p)
        kernel: Any = (channel, slice(None), *k) if w.is_transposed else (channels, inner, *k)
        grads.append(w.grad[of_gradient])
        values.append(w.weight[kernel])
    return _pairs(np.concatenate(grads), np.concatenate(values)) if grads else constant(0)


def _convolution_weight(s: Site) -> Expr:
    w = _Window(s)
    first, second, *k = s.index
    if w.is_transposed:  # (input channel, output channel in its group, kernel)
        channel = first
        output = first // (w.input.shape[1] // w.groups) * (w.grad.shape[1] // w.groups) + second
    else:  # (output channel, input channel in its group, kernel)
        output = first
        channel = first // (w.grad.shape[1] // w.groups) * (w.input.shape[1] // w.groups) + second
    x, g = w.input[:, channel], w.grad[:, output]
    cuts = [_overlap(w, axis, k[axis], x.shape[axis + 1], g.shape[axis + 1]) for axis in range(len(k))]
    if any(not len(inside) for inside, _ in cuts):
        return constant(0)
    return _pairs(_cut(g, [outside for _, outside in cuts]), _cut(x, [inside for inside, _ in cuts]))


def _cut(array: Array, places: list[Array]) -> Array:
    where: Any = np.ix_(np.arange(array.shape[0]), *places)
    return np.asarray(array[where])


def _overlap(w: _Window, axis: int, k: int, inside: int, outside: int) -> tuple[Array, Array]:
    """Along one axis: the input's positions and the output's that meet at the kernel's place `k`."""
    slow = np.arange(inside if w.is_transposed else outside)
    fast = slow * w.stride[axis] + k * w.dilation[axis] - w.padding[axis]
    fits = (fast >= 0) & (fast < (outside if w.is_transposed else inside))
    return (slow[fits], fast[fits]) if w.is_transposed else (fast[fits], slow[fits])


def _convolution_bias(s: Site) -> Expr:
    return total(gradient(np.asarray(s.grad()[:, s.index[0]], np.float64).reshape(-1)))


# --- attention ---


class _Attention:
    """One head's weights and the gradient of its scores."""

    def __init__(self, s: Site) -> None:
        if s.number("dropout_p", 0) > 0:
            raise MissingValueError("the mask of the dropout inside the attention")
        tensors = [s.tensor(name) for name in ("query", "key", "value")]
        if tensors[0].shape[:-2] != tensors[1].shape[:-2]:
            raise MissingValueError("a formula for grouped heads")
        self.head = s.index[:-2]
        self.q, self.k, self.v = (np.asarray(array[self.head], np.float64) for array in tensors)
        self.g = np.asarray(s.grad()[self.head], np.float64)
        self.scale = s.number("scale", 1 / math.sqrt(self.q.shape[-1]))
        scores = self.scale * (self.q @ self.k.T)
        name = next((name for name in ("attn_mask", "attn_bias") if s.has(name)), None)
        if name is not None:
            mask = s.tensor(name)
            own = np.broadcast_to(mask, (*tensors[0].shape[:-2], *scores.shape))[self.head]
            scores = scores + (np.where(own, 0.0, -np.inf) if mask.dtype.kind == "b" else own)
        if s.flag("is_causal"):
            scores = np.where(np.tri(*scores.shape) > 0, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        self.weights = weights / weights.sum(axis=-1, keepdims=True)
        of_weights = self.g @ self.v.T
        mean = (of_weights * self.weights).sum(axis=-1, keepdims=True)
        self.of_scores = self.weights * (of_weights - mean)


def _attention_query(s: Site) -> Expr:
    a, (i, d) = _Attention(s), s.index[-2:]
    return scaled(a.scale, _pairs(a.of_scores[i], a.k[:, d]))


def _attention_key(s: Site) -> Expr:
    a, (j, d) = _Attention(s), s.index[-2:]
    return scaled(a.scale, _pairs(a.of_scores[:, j], a.q[:, d]))


def _attention_value(s: Site) -> Expr:
    a, (j, d) = _Attention(s), s.index[-2:]
    return _pairs(a.g[:, d], a.weights[:, j])


_MM: dict[str, Whole] = {"self": lambda s: _left(s, "mat2"), "mat2": lambda s: _right(s, "self")}
_ATTENTION: dict[str, Whole] = {"query": _attention_query, "key": _attention_key, "value": _attention_value}

WHOLES: dict[str, dict[str, Whole]] = {
    "MmBackward0": _MM,
    "BmmBackward0": _MM,
    "AddmmBackward0": {
        "self": _added,
        "mat1": lambda s: _alpha(s, _left(s, "mat2")),
        "mat2": lambda s: _alpha(s, _right(s, "mat1")),
    },
    "BaddbmmBackward0": {
        "self": _added,
        "batch1": lambda s: _alpha(s, _left(s, "batch2")),
        "batch2": lambda s: _alpha(s, _right(s, "batch1")),
    },
    "MvBackward0": {"self": _mv_self, "vec": _mv_vec},
    "DotBackward0": {"self": _dot("tensor"), "tensor": _dot("self")},
    "LinearBackward0": {"input": _linear_input, "weight": _linear_weight, "bias": _linear_bias},
    "ConvolutionBackward0": {
        "input": _convolution_input,
        "weight": _convolution_weight,
        "bias": _convolution_bias,
    },
    "ScaledDotProductFlashAttentionForCpuBackward0": _ATTENTION,
    "ScaledDotProductFlashAttentionBackward0": _ATTENTION,
    "ScaledDotProductEfficientAttentionBackward0": _ATTENTION,
    "ScaledDotProductCudnnAttentionBackward0": _ATTENTION,
}
"""By autograd node and operand: the whole element."""

WORDS: dict[str, dict[str, str]] = {
    "MmBackward0": {"self": "row {0} of g · row {1} of mat2", "mat2": "column {0} of self · column {1} of g"},
    "AddmmBackward0": {
        "self": "sum of column {-1} of g",
        "mat1": "row {0} of g · row {1} of mat2",
        "mat2": "column {0} of mat1 · column {1} of g",
    },
    "BmmBackward0": {
        "self": "batch {0}: row {1} of g · row {2} of mat2",
        "mat2": "batch {0}: column {1} of self · column {2} of g",
    },
    "LinearBackward0": {
        "input": "g at this row · column {-1} of weight",
        "weight": "feature {1} of input · feature {0} of g, over all rows",
        "bias": "sum of feature {0} of g",
    },
    "MvBackward0": {"vec": "g · column {0} of self"},
    "ConvolutionBackward0": {
        "input": "every window that covers this place: g · kernel",
        "weight": "channel {0} of g · what lay under this weight",
        "bias": "sum of channel {0} of g",
    },
    "ScaledDotProductFlashAttentionForCpuBackward0": {
        "query": "scale · (row {-2} of the scores’ gradient · column {-1} of key)",
        "key": "scale · (column {-2} of the scores’ gradient · column {-1} of query)",
        "value": "column {-2} of the attention weights · column {-1} of g",
    },
}
"""What the sum of products is, in words; `{k}` is the k-th index of the chosen element."""
