"""Elements of gradients through reductions, softmax and normalisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..call import Array, MissingValueError, axes_of
from .expression import Expr, constant, exp, gradient, of_value, sign, size, test, total
from .site import Site

Whole = Callable[[Site], Expr]
"""The whole element, not one term of it."""


def _axes(s: Site) -> tuple[int, ...]:
    return axes_of(s.integers("dim"), s.own.ndim)


def _reduced(s: Site) -> tuple[int, ...]:
    """Where the element's group stands in the result."""
    if not s.own.ndim:
        return ()
    axes, keepdim = set(_axes(s)), s.flag("keepdim")
    return tuple(0 if axis in axes else k for axis, k in enumerate(s.index) if keepdim or axis not in axes)


def _group(s: Site) -> Array:
    """The elements that are reduced together with the chosen one."""
    if not s.own.ndim:
        return s.own.astype(np.float64).reshape(1)
    axes = set(_axes(s))
    picked = s.own[tuple(slice(None) if axis in axes else k for axis, k in enumerate(s.index))]
    return np.asarray(picked, dtype=np.float64).reshape(-1)


def _element(array: Array, index: tuple[int, ...]) -> Array:
    return np.asarray(array.reshape(()) if array.size == 1 else array[index], dtype=np.float64)


def _g(s: Site, number: int = 0) -> Expr:
    return gradient(_element(s.grad(number), _reduced(s)))


def _y(s: Site) -> Expr:
    return of_value(_element(s.output(), _reduced(s)))


def _a(s: Site) -> Expr:
    return of_value(_element(s.own, s.index))


def _mean(s: Site) -> Expr:
    return _g(s) / _group(s).size


def _free(s: Site) -> float:
    return max(0.0, _group(s).size - s.number("correction", 1))


def _var(s: Site) -> Expr:
    return constant(2) / constant(_free(s)) * (_a(s) - of_value(_group(s).mean())) * _g(s)


def _std(s: Site) -> Expr:
    y = _y(s)
    if y.value == 0:
        return constant(0)
    return (_a(s) - of_value(_group(s).mean())) / (constant(_free(s)) * y) * _g(s)


def _var_mean(s: Site) -> Expr:
    parts = [_var(s)] if s.has_grad(0) else []
    parts += [_g(s, 1) / _group(s).size] if s.has_grad(1) else []
    if not parts:
        raise MissingValueError("gradient")
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _extreme(s: Site) -> Expr:
    """Elements that are equal to the extreme share its gradient."""
    y = _y(s)
    ties = int((_group(s) == y.value).sum())
    g = _g(s).only(test(_a(s), "=", y))
    return g if ties < 2 else g / ties


def _prod(s: Site) -> Expr:
    a = s.own.astype(np.float64).ravel()
    place = int(np.ravel_multi_index(s.index, s.own.shape)) if s.index else 0
    if a.size == 1:
        return gradient(s.grad().reshape(()))
    return gradient(s.grad().reshape(())) * of_value(np.prod(np.delete(a, place)))


def _logsumexp(s: Site) -> Expr:
    return _g(s) * exp(_a(s) - _y(s))


def _cumsum(s: Site) -> Expr:
    grad = s.grad()
    if not grad.ndim:
        return gradient(grad)
    axis = s.integers("dim")[0] % grad.ndim
    later = grad[tuple(slice(k, None) if at == axis else k for at, k in enumerate(s.index))]
    return total(gradient(np.asarray(later, dtype=np.float64)))


def _norm(s: Site) -> Expr:
    order, a, y = s.number("ord", 2), _a(s), _y(s)
    if order == 1:
        return _g(s) * sign(a)
    if not math.isfinite(order) or order < 2:
        raise MissingValueError("a formula for this norm")
    if y.value == 0:
        return constant(0)
    if order == 2:
        return _g(s) * a / y
    return _g(s) * a * size(a) ** (order - 2) / y ** (order - 1)


def _row(s: Site, array: Array) -> Array:
    """The elements along the operator's axis, through the chosen one."""
    if not array.ndim:
        return array.astype(np.float64).reshape(1)
    axis = s.integers("dim")[0] % array.ndim
    row = array[tuple(slice(None) if at == axis else k for at, k in enumerate(s.index))]
    return np.asarray(row, dtype=np.float64)


def _softmax(s: Site) -> Expr:
    y, g = _row(s, s.output()), _row(s, s.grad())
    here = of_value(_element(s.output(), s.index))
    return here * (gradient(_element(s.grad(), s.index)) - total(gradient(g) * of_value(y)))


def _log_softmax(s: Site) -> Expr:
    here = of_value(_element(s.output(), s.index))
    return gradient(_element(s.grad(), s.index)) - exp(here) * total(gradient(_row(s, s.grad())))


# --- normalisation ---


def _through(d: Array, hat: Array, inverse: float, place: int, g: Expr) -> Expr:
    """`d` and `hat` are those of one group, `place` is the chosen one's in it; `g` writes d there."""
    along = d * hat
    return of_value(inverse) * (g - gradient(d.mean()) - of_value(hat[place]) * gradient(along.mean()))


def _moments(x: Array, eps: float) -> tuple[Array, float]:
    inverse = 1 / math.sqrt(float(x.var()) + eps)
    return (x - x.mean()) * inverse, inverse


def _weighted(g: Array, index: tuple[int, ...], weight: float | None) -> Expr:
    here = gradient(_element(g, index))
    return here if weight is None else here * of_value(weight)


def _optional(s: Site, name: str) -> Array | None:
    return s.tensor(name).astype(np.float64) if s.has(name) else None


def _layer_norm_input(s: Site) -> Expr:
    count = len(s.integers("normalized_shape"))
    outer = s.index[: s.own.ndim - count]
    x, g = (np.asarray(array[outer], dtype=np.float64) for array in (s.own, s.grad()))
    weight = _optional(s, "weight")
    hat, inverse = _moments(x, s.number("eps", 1e-5))
    d = g if weight is None else g * weight
    inner = s.index[s.own.ndim - count :]
    place = int(np.ravel_multi_index(inner, x.shape))
    own = None if weight is None else float(weight[inner])
    return _through(d.ravel(), hat.ravel(), inverse, place, _weighted(s.grad(), s.index, own))


def _layer_norm_weight(s: Site) -> Expr:
    x, g = s.tensor("input").astype(np.float64), s.grad()
    axes = tuple(range(x.ndim - s.own.ndim, x.ndim))
    hat = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + s.number("eps", 1e-5))
    at: Any = (..., *s.index)
    return total(gradient(g[at].astype(np.float64).reshape(-1)) * of_value(hat[at].reshape(-1)))


def _layer_norm_bias(s: Site) -> Expr:
    at: Any = (..., *s.index)
    return total(gradient(s.grad()[at].astype(np.float64).reshape(-1)))


def _group_rows(s: Site, x: Array) -> tuple[Array, int]:
    """The elements of the chosen one's group, and its place among them."""
    groups = int(s.number("group", 1))
    rows = x.reshape(x.shape[0], groups, -1)
    flat = int(np.ravel_multi_index(s.index[1:], x.shape[1:]))
    return rows[s.index[0], flat // rows.shape[2]].astype(np.float64), flat % rows.shape[2]


def _group_norm_input(s: Site) -> Expr:
    x, g = s.own, s.grad()
    weight = _optional(s, "weight")
    values, place = _group_rows(s, x)
    hat, inverse = _moments(values, s.number("eps", 1e-5))
    channels = np.arange(x.shape[1]).reshape((1, -1) + (1,) * (x.ndim - 2))
    d, _ = _group_rows(s, g.astype(np.float64) if weight is None else g * weight[channels])
    own = None if weight is None else float(weight[s.index[1]])
    result = _through(d, hat, inverse, place, _weighted(g, s.index, own))
    group = int(np.ravel_multi_index(s.index[1:], x.shape[1:])) // values.size
    at = (s.index[0], group)
    # The group's mean and 1/std are results of the node as well, though nn.GroupNorm makes no use of them.
    if s.has_grad(1):
        result = result + gradient(_element(s.grad(1).reshape(x.shape[0], -1), at)) / values.size
    if s.has_grad(2):
        of_inverse = gradient(_element(s.grad(2).reshape(x.shape[0], -1), at))
        result = result - of_inverse * of_value(inverse) ** 2 * of_value(hat[place]) / values.size
    return result


def _group_norm_weight(s: Site) -> Expr:
    x = s.tensor("input").astype(np.float64)
    rows = x.reshape(x.shape[0], int(s.number("group", 1)), -1)
    spread = np.sqrt(rows.var(axis=2, keepdims=True) + s.number("eps", 1e-5))
    hat = ((rows - rows.mean(axis=2, keepdims=True)) / spread).reshape(x.shape)
    return total(gradient(_channel(s, s.grad())) * of_value(_channel(s, hat)))


def _channel(s: Site, array: Array) -> Array:
    """Every element of the channel that a weight or bias belongs to."""
    return np.asarray(array[:, s.index[0]], dtype=np.float64).reshape(-1)


def _channel_sum(s: Site) -> Expr:
    return total(gradient(_channel(s, s.grad())))


def _batch_moments(s: Site, channel: int) -> tuple[Array, float]:
    values, eps = np.asarray(s.tensor("input")[:, channel], dtype=np.float64), s.number("eps", 1e-5)
    if s.flag("training"):
        return _moments(values, eps)
    mean, variance = (float(s.tensor(f"running_{name}")[channel]) for name in ("mean", "var"))
    inverse = 1 / math.sqrt(variance + eps)
    return (values - mean) * inverse, inverse


def _batch_norm_input(s: Site) -> Expr:
    channel, g = s.index[1], s.grad()
    hat, inverse = _batch_moments(s, channel)
    weight = _optional(s, "weight")
    own = None if weight is None else float(weight[channel])
    here = _weighted(g, s.index, own)
    if not s.flag("training"):
        return here * of_value(inverse)
    d = np.asarray(g[:, channel], dtype=np.float64).ravel() * (1.0 if own is None else own)
    at = (s.index[0], *s.index[2:])
    place = int(np.ravel_multi_index(at, hat.shape))
    return _through(d, hat.ravel(), inverse, place, here)


def _batch_norm_weight(s: Site) -> Expr:
    hat, _ = _batch_moments(s, s.index[0])
    return total(gradient(_channel(s, s.grad())) * of_value(hat.reshape(-1)))


def _self(whole: Whole) -> dict[str, Whole]:
    return {"self": whole}


def _grad(s: Site) -> Expr:
    return _g(s)


_EXTREME = _self(_extreme)
_SOFTMAX = _self(_softmax)

WHOLES: dict[str, dict[str, Whole]] = {
    "SumBackward0": _self(_grad),
    "SumBackward1": _self(_grad),
    "MeanBackward0": _self(_mean),
    "MeanBackward1": _self(_mean),
    "VarBackward0": _self(_var),
    "StdBackward0": _self(_std),
    "VarMeanBackward0": _self(_var_mean),
    **dict.fromkeys(("MaxBackward1", "MinBackward1", "AmaxBackward0", "AminBackward0"), _EXTREME),
    "ProdBackward0": _self(_prod),
    "LogsumexpBackward0": _self(_logsumexp),
    "CumsumBackward0": _self(_cumsum),
    "LinalgVectorNormBackward0": _self(_norm),
    "SoftmaxBackward0": _SOFTMAX,
    "SafeSoftmaxBackward0": _SOFTMAX,
    "LogSoftmaxBackward0": _self(_log_softmax),
    "NativeLayerNormBackward0": {
        "input": _layer_norm_input,
        "weight": _layer_norm_weight,
        "bias": _layer_norm_bias,
    },
    "NativeGroupNormBackward0": {
        "input": _group_norm_input,
        "weight": _group_norm_weight,
        "bias": _channel_sum,
    },
    "NativeBatchNormBackward0": {
        "input": _batch_norm_input,
        "weight": _batch_norm_weight,
        "bias": _channel_sum,
    },
}
"""By autograd node and operand: the whole element."""
