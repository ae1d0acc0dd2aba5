"""VJPs of the operations that work element by element; broadcast operands are summed by the caller."""

from __future__ import annotations

import math

import numpy as np

from .call import Array, Call, Evaluator, Gradients


def sigmoid(x: Array) -> Array:
    """The logistic function, without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def erf(x: Array) -> Array:
    """The error function, element by element."""
    return np.array([math.erf(v) for v in x.ravel()], dtype=np.float64).reshape(x.shape)


def _add(c: Call) -> Gradients:
    return {"self": c.grad(), "other": c.number("alpha", 1) * c.grad()}


def _sub(c: Call) -> Gradients:
    return {"self": c.grad(), "other": -c.number("alpha", 1) * c.grad()}


def _rsub(c: Call) -> Gradients:
    return {"self": -c.number("alpha", 1) * c.grad(), "other": c.grad()}


def _mul(c: Call) -> Gradients:
    return {"self": c.grad() * c.tensor("other"), "other": c.grad() * c.tensor("self")}


def _div(c: Call) -> Gradients:
    if c.params.get("rounding_mode"):
        zero = np.zeros_like(c.grad())
        return {"self": zero, "other": zero}
    a, b = c.tensor("self"), c.tensor("other")
    return {"self": c.grad() / b, "other": -c.grad() * a / (b * b)}


def _pow(c: Call) -> Gradients:
    a, k = c.tensor("self"), c.tensor("exponent")
    base = np.where(k == 0, 0.0, k * np.power(a, np.where(k == 0, 1.0, k - 1)))
    with_log = np.where((a == 0) & (k >= 0), 0.0, np.power(a, k) * np.log(np.where(a == 0, 1.0, a)))
    return {"self": c.grad() * base, "exponent": c.grad() * with_log}


def _leaky_relu(c: Call) -> Gradients:
    return {"self": c.grad() * np.where(c.tensor("self") > 0, 1.0, c.number("negative_slope", 0.01))}


def _elu(c: Call) -> Gradients:
    a = c.tensor("self")
    alpha, scale, inner = c.number("alpha", 1), c.number("scale", 1), c.number("input_scale", 1)
    below = scale * alpha * inner * np.exp(inner * np.minimum(a, 0))
    return {"self": c.grad() * np.where(a > 0, scale, below)}


def _gelu(c: Call) -> Gradients:
    a = c.tensor("self")
    if c.params.get("approximate") == "tanh":
        k = math.sqrt(2 / math.pi)
        t = np.tanh(k * (a + 0.044715 * a**3))
        slope = 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * k * (1 + 3 * 0.044715 * a * a)
    else:
        slope = 0.5 * (1 + erf(a / math.sqrt(2))) + a * np.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    return {"self": c.grad() * slope}


def _silu(c: Call) -> Gradients:
    a = c.tensor("self")
    s = sigmoid(a)
    return {"self": c.grad() * s * (1 + a * (1 - s))}


def _softplus(c: Call) -> Gradients:
    scaled = c.number("beta", 1) * c.tensor("self")
    return {"self": c.grad() * np.where(scaled > c.number("threshold", 20), 1.0, sigmoid(scaled))}


def _clamp(c: Call) -> Gradients:
    low, high = c.number("min", -math.inf), c.number("max", math.inf)
    a = c.tensor("self")
    return {"self": c.grad() * ((a >= low) & (a <= high))}


def _hardtanh(c: Call) -> Gradients:
    a = c.tensor("self")
    return {"self": c.grad() * ((a > c.number("min_val", -1)) & (a < c.number("max_val", 1)))}


def _larger(c: Call, sign: float) -> Gradients:
    ahead = sign * (c.tensor("self") - c.tensor("other"))
    tie = 0.5 * (ahead == 0)
    return {"self": c.grad() * ((ahead > 0) + tie), "other": c.grad() * ((ahead < 0) + tie)}


def _maximum(c: Call) -> Gradients:
    return _larger(c, 1)


def _minimum(c: Call) -> Gradients:
    return _larger(c, -1)


def _where(c: Call) -> Gradients:
    chosen = c.tensor("condition").astype(bool)
    return {"self": np.where(chosen, c.grad(), 0.0), "other": np.where(chosen, 0.0, c.grad())}


def _masked_fill(c: Call) -> Gradients:
    mask = c.tensor("mask").astype(bool)
    return {"self": np.where(mask, 0.0, c.grad()), "value": np.where(mask, c.grad(), 0.0)}


def _lerp(c: Call) -> Gradients:
    w = c.tensor("weight")
    difference = c.tensor("end") - c.tensor("self")
    return {"self": (1 - w) * c.grad(), "end": w * c.grad(), "weight": difference * c.grad()}


def _addcmul(c: Call) -> Gradients:
    a, b, value = c.tensor("tensor1"), c.tensor("tensor2"), c.number("value", 1)
    return {"self": c.grad(), "tensor1": value * c.grad() * b, "tensor2": value * c.grad() * a}


def _addcdiv(c: Call) -> Gradients:
    a, b, value = c.tensor("tensor1"), c.tensor("tensor2"), c.number("value", 1)
    return {"self": c.grad(), "tensor1": value * c.grad() / b, "tensor2": -value * c.grad() * a / (b * b)}


def _identity(c: Call) -> Gradients:
    return {"self": c.grad()}


def _zero(c: Call) -> Gradients:
    return {"self": np.zeros_like(c.grad())}


def _relu(c: Call) -> Gradients:
    return {"self": c.grad() * (c.output() > 0)}


def _abs(c: Call) -> Gradients:
    return {"self": c.grad() * np.sign(c.tensor("self"))}


def _native_dropout(c: Call) -> Gradients:
    p = c.number("p", 0.5)
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return {"input": c.grad() * c.output(1).astype(bool) * scale}


def _neg(c: Call) -> Gradients:
    return {"self": -c.grad()}


def _exp(c: Call) -> Gradients:
    return {"self": c.grad() * c.output()}


def _expm1(c: Call) -> Gradients:
    return {"self": c.grad() * (c.output() + 1)}


def _log(c: Call) -> Gradients:
    return {"self": c.grad() / c.tensor("self")}


def _log1p(c: Call) -> Gradients:
    return {"self": c.grad() / (1 + c.tensor("self"))}


def _log2(c: Call) -> Gradients:
    return {"self": c.grad() / (c.tensor("self") * math.log(2))}


def _log10(c: Call) -> Gradients:
    return {"self": c.grad() / (c.tensor("self") * math.log(10))}


def _sqrt(c: Call) -> Gradients:
    return {"self": c.grad() / (2 * c.output())}


def _rsqrt(c: Call) -> Gradients:
    return {"self": -0.5 * c.grad() * c.output() ** 3}


def _reciprocal(c: Call) -> Gradients:
    return {"self": -c.grad() * c.output() ** 2}


def _sin(c: Call) -> Gradients:
    return {"self": c.grad() * np.cos(c.tensor("self"))}


def _cos(c: Call) -> Gradients:
    return {"self": -c.grad() * np.sin(c.tensor("self"))}


def _tan(c: Call) -> Gradients:
    return {"self": c.grad() * (1 + c.output() ** 2)}


def _atan(c: Call) -> Gradients:
    return {"self": c.grad() / (1 + c.tensor("self") ** 2)}


def _sinh(c: Call) -> Gradients:
    return {"self": c.grad() * np.cosh(c.tensor("self"))}


def _cosh(c: Call) -> Gradients:
    return {"self": c.grad() * np.sinh(c.tensor("self"))}


def _erf(c: Call) -> Gradients:
    return {"self": c.grad() * 2 / math.sqrt(math.pi) * np.exp(-(c.tensor("self") ** 2))}


def _tanh(c: Call) -> Gradients:
    return {"self": c.grad() * (1 - c.output() ** 2)}


def _sigmoid(c: Call) -> Gradients:
    return {"self": c.grad() * c.output() * (1 - c.output())}


def _log_sigmoid(c: Call) -> Gradients:
    return {"self": c.grad() * sigmoid(-c.tensor("self"))}


def _hardsigmoid(c: Call) -> Gradients:
    a = c.tensor("self")
    return {"self": c.grad() / 6 * ((a > -3) & (a < 3))}


RULES: dict[str, Evaluator] = {
    "AddBackward0": _add,
    "AddBackward1": _add,
    "SubBackward0": _sub,
    "SubBackward1": _sub,
    "RsubBackward0": _rsub,
    "RsubBackward1": _rsub,
    "MulBackward0": _mul,
    "MulBackward1": _mul,
    "DivBackward0": _div,
    "DivBackward1": _div,
    "DivBackward2": _div,
    "DivBackward3": _div,
    "NegBackward0": _neg,
    "PowBackward0": _pow,
    "PowBackward1": _pow,
    "PowBackward2": _pow,
    "ExpBackward0": _exp,
    "Expm1Backward0": _expm1,
    "LogBackward0": _log,
    "Log1PBackward0": _log1p,
    "Log2Backward0": _log2,
    "Log10Backward0": _log10,
    "SqrtBackward0": _sqrt,
    "RsqrtBackward0": _rsqrt,
    "ReciprocalBackward0": _reciprocal,
    "AbsBackward0": _abs,
    "SinBackward0": _sin,
    "CosBackward0": _cos,
    "TanBackward0": _tan,
    "AtanBackward0": _atan,
    "SinhBackward0": _sinh,
    "CoshBackward0": _cosh,
    "ErfBackward0": _erf,
    "TanhBackward0": _tanh,
    "SigmoidBackward0": _sigmoid,
    "LogSigmoidBackward0": _log_sigmoid,
    "ReluBackward0": _relu,
    "LeakyReluBackward0": _leaky_relu,
    "LeakyReluBackward1": _leaky_relu,
    "EluBackward0": _elu,
    "GeluBackward0": _gelu,
    "SiluBackward0": _silu,
    "SoftplusBackward0": _softplus,
    "ClampBackward1": _clamp,
    "ClampMinBackward0": _clamp,
    "ClampMaxBackward0": _clamp,
    "HardtanhBackward0": _hardtanh,
    "HardsigmoidBackward0": _hardsigmoid,
    "MaximumBackward0": _maximum,
    "MinimumBackward0": _minimum,
    "WhereBackward0": _where,
    "MaskedFillBackward0": _masked_fill,
    "MaskedFillBackward1": _masked_fill,
    "LerpBackward0": _lerp,
    "LerpBackward1": _lerp,
    "AddcmulBackward0": _addcmul,
    "AddcdivBackward0": _addcdiv,
    "CloneBackward0": _identity,
    "AliasBackward0": _identity,
    "ToCopyBackward0": _identity,
    "SignBackward0": _zero,
    "FloorBackward0": _zero,
    "CeilBackward0": _zero,
    "RoundBackward0": _zero,
    "NativeDropoutBackward0": _native_dropout,
}
