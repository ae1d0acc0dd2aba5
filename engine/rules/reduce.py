"""VJPs of reductions and of what works along an axis: sums, extremes, softmax, normalisation."""

from __future__ import annotations

import math

import numpy as np

from .call import Array, Call, Evaluator, Gradients, MissingValueError, axes_of, unreduce


def _group(c: Call) -> tuple[Array, tuple[int, ...], bool]:
    a = c.tensor("self")
    return a, axes_of(c.integers("dim"), a.ndim), c.flag("keepdim")


def _count(a: Array, axes: tuple[int, ...]) -> int:
    return math.prod(a.shape[axis] for axis in axes) if a.ndim else 1


def _sum(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    return {"self": unreduce(c.grad(), a.shape, axes, keepdim)}


def _mean(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    return {"self": unreduce(c.grad(), a.shape, axes, keepdim) / _count(a, axes)}


def _centred(a: Array, axes: tuple[int, ...]) -> Array:
    return a - a.mean(axis=axes, keepdims=True) if a.ndim else a - a


def _var(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    free = max(0.0, _count(a, axes) - c.number("correction", 1))
    return {"self": 2 / free * _centred(a, axes) * unreduce(c.grad(), a.shape, axes, keepdim)}


def _std(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    free = max(0.0, _count(a, axes) - c.number("correction", 1))
    y = unreduce(c.output(), a.shape, axes, keepdim)
    slope = np.divide(_centred(a, axes), free * y, out=np.zeros(a.shape), where=y != 0)
    return {"self": slope * unreduce(c.grad(), a.shape, axes, keepdim)}


def _var_mean(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    count = _count(a, axes)
    free = max(0.0, count - c.number("correction", 1))
    of_var = unreduce(c.grad_or_zero(0), a.shape, axes, keepdim)
    of_mean = unreduce(c.grad_or_zero(1), a.shape, axes, keepdim)
    return {"self": 2 / free * _centred(a, axes) * of_var + of_mean / count}


def _extreme_along(c: Call) -> Gradients:
    a = c.tensor("self")
    if not a.ndim:
        return {"self": c.grad().reshape(())}
    axis = c.integer("dim") % a.ndim
    index, grad = c.output(1), c.grad()
    if not c.flag("keepdim"):
        index, grad = np.expand_dims(index, axis), np.expand_dims(grad, axis)
    result = np.zeros(a.shape)
    np.put_along_axis(result, index.astype(np.int64), grad, axis)
    return {"self": result}


def _extreme_shared(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    hit = a == unreduce(c.output(), a.shape, axes, keepdim)
    count = hit.sum(axis=axes, keepdims=True) if a.ndim else 1
    return {"self": hit / count * unreduce(c.grad(), a.shape, axes, keepdim)}


def _prod(c: Call) -> Gradients:
    a = c.tensor("self")
    flat = a.ravel()
    others = [np.prod(np.delete(flat, place)) for place in range(flat.size)]
    return {"self": (np.array(others, dtype=np.float64) * c.grad()).reshape(a.shape)}


def _logsumexp(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    y = unreduce(c.output(), a.shape, axes, keepdim)
    return {"self": unreduce(c.grad(), a.shape, axes, keepdim) * np.exp(a - y)}


def _cumsum(c: Call) -> Gradients:
    grad = c.grad()
    if not grad.ndim:
        return {"self": grad}
    axis = c.integer("dim")
    return {"self": np.flip(np.cumsum(np.flip(grad, axis), axis), axis)}


def _vector_norm(c: Call) -> Gradients:
    a, axes, keepdim = _group(c)
    order = c.number("ord", 2)
    y = unreduce(c.output(), a.shape, axes, keepdim)
    grad = unreduce(c.grad(), a.shape, axes, keepdim)
    if order == 1:
        return {"self": grad * np.sign(a)}
    if not math.isfinite(order) or order < 2:
        raise MissingValueError("a formula for this norm")
    slope = a * np.abs(a) ** (order - 2)
    return {"self": grad * np.divide(slope, y ** (order - 1), out=np.zeros(a.shape), where=y != 0)}


def _softmax(c: Call) -> Gradients:
    y, g = c.output(), c.grad()
    axis = c.integer("dim") if y.ndim else None
    return {"self": y * (g - (g * y).sum(axis=axis, keepdims=True))}


def _log_softmax(c: Call) -> Gradients:
    y, g = c.output(), c.grad()
    axis = c.integer("dim") if y.ndim else None
    return {"self": g - np.exp(y) * g.sum(axis=axis, keepdims=True)}


def _normalised(
    x: Array, axes: tuple[int, ...], eps: float, moments: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    """Normalised values, and one over the standard deviation."""
    mean = x.mean(axis=axes, keepdims=True) if moments is None else moments[0]
    variance = x.var(axis=axes, keepdims=True) if moments is None else moments[1]
    inverse = 1 / np.sqrt(variance + eps)
    return (x - mean) * inverse, inverse


def _through_normalisation(d: Array, hat: Array, inverse: Array, axes: tuple[int, ...]) -> Array:
    mean = d.mean(axis=axes, keepdims=True)
    through: Array = inverse * (d - mean - hat * (d * hat).mean(axis=axes, keepdims=True))
    return through


def _layer_norm(c: Call) -> Gradients:
    x, g, weight = c.tensor("input"), c.grad(), c.optional("weight")
    count = len(c.integers("normalized_shape"))
    axes, outer = tuple(range(x.ndim - count, x.ndim)), tuple(range(x.ndim - count))
    hat, inverse = _normalised(x, axes, c.number("eps", 1e-5))
    d = g if weight is None else g * weight
    return {
        "input": _through_normalisation(d, hat, inverse, axes),
        "weight": (g * hat).sum(axis=outer),
        "bias": g.sum(axis=outer),
    }


def _group_norm(c: Call) -> Gradients:
    x, g, weight = c.tensor("input"), c.grad(), c.optional("weight")
    groups = c.integer("group", 1)
    rows = (x.shape[0], groups, -1)
    hat, inverse = _normalised(x.reshape(rows), (2,), c.number("eps", 1e-5))
    per_channel = (1, -1) + (1,) * (x.ndim - 2)
    d = g if weight is None else g * weight.reshape(per_channel)
    outer = (0, *range(2, x.ndim))
    of_input = _through_normalisation(d.reshape(rows), hat, inverse, (2,))
    # The group's mean and 1/std are results of the node as well, though nn.GroupNorm makes no use of them.
    of_mean, of_inverse = (c.grad_or_zero(k).reshape(x.shape[0], groups, 1) for k in (1, 2))
    of_input = of_input + (of_mean - of_inverse * inverse**2 * hat) / hat.shape[2]
    return {
        "input": of_input.reshape(x.shape),
        "weight": (g * hat.reshape(x.shape)).sum(axis=outer),
        "bias": g.sum(axis=outer),
    }


def _batch_norm(c: Call) -> Gradients:
    x, g, weight = c.tensor("input"), c.grad(), c.optional("weight")
    axes = (0, *range(2, x.ndim))
    per_channel = (1, -1) + (1,) * (x.ndim - 2)
    d = g if weight is None else g * weight.reshape(per_channel)
    eps = c.number("eps", 1e-5)
    if c.flag("training"):
        hat, inverse = _normalised(x, axes, eps)
        of_input = _through_normalisation(d, hat, inverse, axes)
    else:
        moments = (c.tensor("running_mean").reshape(per_channel), c.tensor("running_var").reshape(per_channel))
        hat, inverse = _normalised(x, axes, eps, moments)
        of_input = d * inverse
    return {"input": of_input, "weight": (g * hat).sum(axis=axes), "bias": g.sum(axis=axes)}


RULES: dict[str, Evaluator] = {
    "SumBackward0": _sum,
    "SumBackward1": _sum,
    "MeanBackward0": _mean,
    "MeanBackward1": _mean,
    "VarBackward0": _var,
    "StdBackward0": _std,
    "VarMeanBackward0": _var_mean,
    "MaxBackward0": _extreme_along,
    "MinBackward0": _extreme_along,
    "MaxBackward1": _extreme_shared,
    "MinBackward1": _extreme_shared,
    "AmaxBackward0": _extreme_shared,
    "AminBackward0": _extreme_shared,
    "ProdBackward0": _prod,
    "LogsumexpBackward0": _logsumexp,
    "CumsumBackward0": _cumsum,
    "LinalgVectorNormBackward0": _vector_norm,
    "SoftmaxBackward0": _softmax,
    "SafeSoftmaxBackward0": _softmax,
    "LogSoftmaxBackward0": _log_softmax,
    "NativeLayerNormBackward0": _layer_norm,
    "NativeGroupNormBackward0": _group_norm,
    "NativeBatchNormBackward0": _batch_norm,
}
