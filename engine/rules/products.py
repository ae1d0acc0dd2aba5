"""VJPs of matrix products, convolutions, pooling windows and attention."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .call import Array, Call, Evaluator, Gradients, MissingValueError


def _swap(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _mm(c: Call) -> Gradients:
    a, b, g = c.tensor("self"), c.tensor("mat2"), c.grad()
    return {"self": g @ _swap(b), "mat2": _swap(a) @ g}


def _addmm(c: Call) -> Gradients:
    first, second = ("mat1", "mat2") if c.optional("mat1") is not None else ("batch1", "batch2")
    a, b, g, alpha = c.tensor(first), c.tensor(second), c.grad(), c.number("alpha", 1)
    return {"self": c.number("beta", 1) * g, first: alpha * (g @ _swap(b)), second: alpha * (_swap(a) @ g)}


def _mv(c: Call) -> Gradients:
    return {"self": np.outer(c.grad(), c.tensor("vec")), "vec": c.tensor("self").T @ c.grad()}


def _dot(c: Call) -> Gradients:
    return {"self": c.grad() * c.tensor("tensor"), "tensor": c.grad() * c.tensor("self")}


def _linear(c: Call) -> Gradients:
    x, w, g = c.tensor("input"), c.tensor("weight"), c.grad()
    rows = g.reshape(-1, g.shape[-1])
    return {
        "input": g @ w,
        "weight": rows.T @ x.reshape(-1, x.shape[-1]),
        "bias": rows.sum(axis=0),
    }


def _windows(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], count: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
    """For each place of the kernel: the slices of a padded array that lie under it, for `count` windows an axis."""
    for place in itertools.product(*(range(k) for k in kernel)):
        starts = [p * d for p, d in zip(place, dilation, strict=True)]
        ends = [at + s * (n - 1) + 1 for at, s, n in zip(starts, stride, count, strict=True)]
        yield place, tuple(slice(at, end, s) for at, end, s in zip(starts, ends, stride, strict=True))


def _correlation_grads(
    x: Array, w: Array, g: Array, stride: list[int], padding: list[int], dilation: list[int], groups: int
) -> tuple[Array, Array]:
    """Gradients of y = x ⋆ w (n, channels, space) in x and in w, from the gradient g of y."""
    space = x.ndim - 2
    # Windows may reach past a margin that the strides never fill; the array is made large enough for all of them.
    reach = [
        max((n - 1) * s + (k - 1) * d + 1, size + 2 * p)
        for n, s, k, d, size, p in zip(g.shape[2:], stride, w.shape[2:], dilation, x.shape[2:], padding, strict=True)
    ]
    padded = np.zeros((*x.shape[:2], *reach))
    core: Any = (slice(None), slice(None), *(slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True)))
    padded[core] = x
    by_group = padded.reshape(x.shape[0], groups, -1, *reach)
    g_group = g.reshape(g.shape[0], groups, -1, *g.shape[2:])
    w_group = w.reshape(groups, -1, *w.shape[1:])
    of_x, of_w = np.zeros_like(by_group), np.zeros(w_group.shape)
    letters = "xyz"[:space]
    for place, cut in _windows(w.shape[2:], stride, dilation, g.shape[2:]):
        under: Any = (slice(None), slice(None), slice(None), *cut)
        kernel: Any = (slice(None), slice(None), slice(None), *place)
        of_w[kernel] = np.einsum(f"ngo{letters},ngi{letters}->goi", g_group, by_group[under])
        of_x[under] += np.einsum(f"ngo{letters},goi->ngi{letters}", g_group, w_group[kernel])
    return of_x.reshape(padded.shape)[core], of_w.reshape(w.shape)


def _correlate(x: Array, w: Array, stride: list[int], padding: list[int], dilation: list[int], groups: int) -> Array:
    """y = x ⋆ w (n, channels, space), without a bias."""
    space = x.ndim - 2
    count = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(x.shape[2:], padding, dilation, w.shape[2:], stride, strict=True)
    ]
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    by_group = padded.reshape(x.shape[0], groups, -1, *padded.shape[2:])
    w_group = w.reshape(groups, -1, *w.shape[1:])
    y = np.zeros((x.shape[0], groups, w_group.shape[1], *count))
    letters = "xyz"[:space]
    for place, cut in _windows(w.shape[2:], stride, dilation, count):
        every: tuple[Any, ...] = (slice(None),) * 3
        under, kernel = by_group[every + cut], w_group[every + place]
        y += np.einsum(f"ngi{letters},goi->ngo{letters}", under, kernel)
    return y.reshape(x.shape[0], w.shape[0], *count)


def _convolution(c: Call) -> Gradients:
    x, w, g = c.tensor("input"), c.tensor("weight"), c.grad()
    space = x.ndim - 2
    stride, padding = c.integers("stride"), c.integers("padding")
    dilation, groups = c.integers("dilation", (1,)), c.integer("groups", 1)
    stride, padding, dilation = (v * space if len(v) == 1 else v for v in (stride, padding, dilation))
    if c.flag("transposed"):
        # y is the input gradient of a correlation: so its own input gradient is that correlation of g.
        of_x = _correlate(g, w, stride, padding, dilation, groups)
        _, of_w = _correlation_grads(g, w, x, stride, padding, dilation, groups)
    else:
        of_x, of_w = _correlation_grads(x, w, g, stride, padding, dilation, groups)
    return {"input": of_x, "weight": of_w, "bias": g.sum(axis=(0, *range(2, g.ndim)))}


def _max_pool(c: Call) -> Gradients:
    x, g, index = c.tensor("self"), c.grad(), c.output(1).astype(np.int64)
    plane = math.prod(x.shape[-2:])
    result = np.zeros((math.prod(x.shape[:-2]), plane))
    rows = np.arange(result.shape[0])[:, None]
    np.add.at(result, (rows, index.reshape(result.shape[0], -1)), g.reshape(result.shape[0], -1))
    return {"self": result.reshape(x.shape)}


def _avg_pool(c: Call) -> Gradients:
    x, g = c.tensor("self"), c.grad()
    kernel, padding = c.integers("kernel_size"), c.integers("padding", (0, 0))
    stride = c.integers("stride") or kernel
    kernel, padding, stride = (v * 2 if len(v) == 1 else v for v in (kernel, padding, stride))
    counts_padding = c.flag("count_include_pad", True) or not any(padding)
    if c.flag("ceil_mode") or not counts_padding or c.params.get("divisor_override"):
        raise MissingValueError("a formula for this form of average pooling")
    result: Array = np.zeros((*x.shape[:-2], *(n + 2 * p for n, p in zip(x.shape[-2:], padding, strict=True))))
    for _, cut in _windows(kernel, stride, (1, 1), g.shape[-2:]):
        result[(Ellipsis, *cut)] += g / math.prod(kernel)
    core: tuple[Any, ...] = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[-2:], strict=True))
    return {"self": result[(Ellipsis, *core)]}


def _attention(c: Call) -> Gradients:
    q, k, v, g = c.tensor("query"), c.tensor("key"), c.tensor("value"), c.grad()
    if c.number("dropout_p", 0) > 0:
        raise MissingValueError("the mask of the dropout inside the attention")
    if q.shape[:-2] != k.shape[:-2]:
        raise MissingValueError("a formula for grouped heads")
    scale = c.number("scale", 1 / math.sqrt(q.shape[-1]))
    scores = scale * (q @ _swap(k))
    mask = c.optional("attn_mask")
    if mask is None:
        mask = c.optional("attn_bias")
    if mask is not None:
        scores = scores + (np.where(mask, 0.0, -np.inf) if mask.dtype.kind == "b" else mask)
    if c.flag("is_causal"):
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    of_weights = g @ _swap(v)
    of_scores = weights * (of_weights - (of_weights * weights).sum(axis=-1, keepdims=True))
    return {
        "query": scale * (of_scores @ k),
        "key": scale * (_swap(of_scores) @ q),
        "value": _swap(weights) @ g,
    }


RULES: dict[str, Evaluator] = {
    "MmBackward0": _mm,
    "BmmBackward0": _mm,
    "AddmmBackward0": _addmm,
    "BaddbmmBackward0": _addmm,
    "MvBackward0": _mv,
    "DotBackward0": _dot,
    "LinearBackward0": _linear,
    "ConvolutionBackward0": _convolution,
    "MaxPool2DWithIndicesBackward0": _max_pool,
    "AvgPool2DBackward0": _avg_pool,
    "ScaledDotProductFlashAttentionForCpuBackward0": _attention,
    "ScaledDotProductFlashAttentionBackward0": _attention,
    "ScaledDotProductEfficientAttentionBackward0": _attention,
    "ScaledDotProductCudnnAttentionBackward0": _attention,
}
