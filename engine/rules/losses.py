"""VJPs of the loss functions."""

from __future__ import annotations

import numpy as np

from .call import Array, Call, Evaluator, Gradients
from .elementwise import sigmoid

_NONE, _MEAN = 0, 1  # torch's numbers for the reductions; 2 is the sum


def _share(c: Call, elements: int) -> Array:
    """The gradient that each element's own loss gets."""
    return c.grad() / elements if c.integer("reduction", _MEAN) == _MEAN else c.grad()


def _mse(c: Call) -> Gradients:
    error = c.tensor("self") - c.tensor("target")
    grad = 2 * error * _share(c, error.size)
    return {"self": grad, "target": -grad}


def _smooth_l1(c: Call) -> Gradients:
    error = c.tensor("self") - c.tensor("target")
    beta = c.number("beta", 1)
    slope = np.sign(error) if beta == 0 else np.clip(error / beta, -1, 1)
    grad = slope * _share(c, error.size)
    return {"self": grad, "target": -grad}


def _huber(c: Call) -> Gradients:
    error = c.tensor("self") - c.tensor("target")
    delta = c.number("delta", 1)
    grad = np.clip(error, -delta, delta) * _share(c, error.size)
    return {"self": grad, "target": -grad}


def _weighted(c: Call, grad: Array) -> Array:
    weight = c.optional("weight")
    return grad if weight is None else grad * weight


def _bce(c: Call) -> Gradients:
    a, t = c.tensor("self"), c.tensor("target")
    share = _weighted(c, _share(c, a.size))
    # torch bounds the denominator below, so that a saturated prediction gives a large but finite gradient.
    of_self = (a - t) / np.maximum(a * (1 - a), 1e-12) * share
    with np.errstate(divide="ignore"):
        of_target = (np.log1p(-a) - np.log(a)) * share
    return {"self": of_self, "target": of_target}


def _bce_with_logits(c: Call) -> Gradients:
    z, t = c.tensor("self"), c.tensor("target")
    share = _weighted(c, _share(c, z.size))
    q = c.optional("pos_weight")
    if q is None:
        return {"self": (sigmoid(z) - t) * share, "target": -z * share}
    softplus = np.logaddexp(0, -z)
    return {
        "self": ((1 - t + q * t) * sigmoid(z) - q * t) * share,
        "target": ((q - 1) * softplus - z) * share,
    }


def _nll(c: Call) -> Gradients:
    a, target = c.tensor("self"), c.tensor("target").astype(np.int64)
    axis = 1 if a.ndim > 1 else 0
    classes = a.shape[axis]
    weight = c.optional("weight")
    per_class = np.ones(classes) if weight is None else weight
    is_counted = target != c.integer("ignore_index", -100)
    safe = np.where(is_counted, target, 0)
    each = np.where(is_counted, per_class[safe], 0.0)
    share = -each * c.grad()
    if c.integer("reduction", _MEAN) == _MEAN:
        share = share / each.sum()
    result = np.zeros(a.shape)
    np.put_along_axis(
        result, np.expand_dims(safe, axis), np.expand_dims(np.broadcast_to(share, safe.shape), axis), axis
    )
    return {"self": result}


RULES: dict[str, Evaluator] = {
    "MseLossBackward0": _mse,
    "SmoothL1LossBackward0": _smooth_l1,
    "HuberLossBackward0": _huber,
    "BinaryCrossEntropyBackward0": _bce,
    "BinaryCrossEntropyWithLogitsBackward0": _bce_with_logits,
    "NllLossBackward0": _nll,
    "NllLoss2DBackward0": _nll,
}
