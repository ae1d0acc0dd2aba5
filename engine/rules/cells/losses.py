"""Elements of gradients through loss functions."""

from __future__ import annotations

import numpy as np

from .expression import Expr, constant, gradient, log, logistic, of_value, sign, test
from .reduce import Whole
from .site import Site

_NONE, _MEAN = 0, 1


def _share(s: Site) -> Expr:
    """The gradient that the element's own loss gets."""
    grad = s.grad()
    here = gradient(grad.reshape(()) if grad.size == 1 else grad[s.index])
    count = s.own.size
    return here / count if s.integers("reduction", (_MEAN,))[0] == _MEAN and count > 1 else here


def _at(s: Site, name: str) -> Expr:
    return of_value(np.asarray(np.broadcast_to(s.tensor(name), s.own.shape)[s.index], np.float64))


def _weighted(s: Site) -> Expr:
    share = _share(s)
    return share * _at(s, "weight") if s.has("weight") else share


def _mse(factor: float) -> Whole:
    return lambda s: factor * (_at(s, "self") - _at(s, "target")) * _share(s)


def _smooth(parameter: str, sign_: float, *, is_divided: bool) -> Whole:
    def element(s: Site) -> Expr:
        error, bound = _at(s, "self") - _at(s, "target"), s.number(parameter, 1)
        if np.abs(error.value) >= bound:
            slope = sign(error) if is_divided else constant(bound) * sign(error)
        else:
            slope = error / bound if is_divided and bound != 1 else error
        return slope * _share(s) if sign_ > 0 else -1 * slope * _share(s)

    return element


def _bce_self(s: Site) -> Expr:
    a, t = _at(s, "self"), _at(s, "target")
    # torch bounds the denominator below, so that a saturated prediction gives a large but finite gradient.
    below = a * (1 - a)
    return (a - t) / (below if below.value > 1e-12 else constant(1e-12)) * _weighted(s)


def _bce_target(s: Site) -> Expr:
    a = _at(s, "self")
    return (log(1 - a) - log(a)) * _weighted(s)


def _logits_self(s: Site) -> Expr:
    z, t = _at(s, "self"), _at(s, "target")
    if not s.has("pos_weight"):
        return (logistic(z) - t) * _weighted(s)
    q = _at(s, "pos_weight")
    return ((1 - t + q * t) * logistic(z) - q * t) * _weighted(s)


def _logits_target(s: Site) -> Expr:
    z = _at(s, "self")
    if not s.has("pos_weight"):
        return -1 * z * _weighted(s)
    q = _at(s, "pos_weight")
    return ((1 - q) * log(logistic(z)) - z) * _weighted(s)


def _nll(s: Site) -> Expr:
    target = s.tensor("target").astype(np.int64)
    axis = 1 if s.own.ndim > 1 else 0
    here = int(target[tuple(k for at, k in enumerate(s.index) if at != axis)])
    own = s.index[axis]
    if here == s.integers("ignore_index", (-100,))[0]:
        return constant(0)
    weights = s.tensor("weight").astype(np.float64) if s.has("weight") else np.ones(s.own.shape[axis])
    grad = s.grad()
    g = gradient(grad.reshape(()) if grad.size == 1 else grad[tuple(k for at, k in enumerate(s.index) if at != axis)])
    element = -1 * g if not s.has("weight") else -1 * of_value(weights[own]) * g
    if s.integers("reduction", (_MEAN,))[0] == _MEAN:
        counted = target[target != s.integers("ignore_index", (-100,))[0]]
        element = element / float(weights[counted].sum())
    return element.only(test(constant(own), "=", constant(here)))


WHOLES: dict[str, dict[str, Whole]] = {
    "MseLossBackward0": {"self": _mse(2), "target": _mse(-2)},
    "SmoothL1LossBackward0": {
        "self": _smooth("beta", 1, is_divided=True),
        "target": _smooth("beta", -1, is_divided=True),
    },
    "HuberLossBackward0": {
        "self": _smooth("delta", 1, is_divided=False),
        "target": _smooth("delta", -1, is_divided=False),
    },
    "BinaryCrossEntropyBackward0": {"self": _bce_self, "target": _bce_target},
    "BinaryCrossEntropyWithLogitsBackward0": {"self": _logits_self, "target": _logits_target},
    "NllLossBackward0": {"self": _nll},
    "NllLoss2DBackward0": {"self": _nll},
}
"""By autograd node and operand: the whole element."""
