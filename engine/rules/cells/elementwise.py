"""Elements of gradients through operators that work element by element: one term for each place of a broadcast."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .expression import (
    Expr,
    constant,
    exp,
    function,
    log,
    logistic,
    normal_area,
    normal_height,
    of_value,
    sign,
    tanh,
    test,
)
from .site import Site

Term = Callable[[Site], Expr]


def scaled(factor: float, expression: Expr) -> Expr:
    """`factor` times the expression; a factor of 1 is not written."""
    return expression if factor == 1 else constant(factor) * expression


def _g(s: Site) -> Expr:
    return s.g


def _zero(s: Site) -> Expr:
    return constant(0)


def _negative(s: Site) -> Expr:
    return -1 * s.g


def _by_alpha(factor: float) -> Term:
    return lambda s: scaled(factor * s.number("alpha", 1), s.g)


def _div_other(s: Site) -> Expr:
    return _rounded(s, -1 * s.g * s.at("self") / s.at("other") ** 2)


def _rounded(s: Site, expression: Expr) -> Expr:
    return constant(0) if s.params.get("rounding_mode") else expression


def _pow_self(s: Site) -> Expr:
    a, k = s.at("self"), s.at("exponent")
    if np.any(k.value == 0):  # nothing, even where the base is zero
        a = of_value(np.where(k.value == 0, 1.0, a.value))
    return s.g * k * a ** (k - 1)


def _pow_exponent(s: Site) -> Expr:
    a, k = s.at("self"), s.at("exponent")
    # A base of zero is constant in its exponent.
    return s.g * s.y * log(of_value(np.where((a.value == 0) & (k.value >= 0), 1.0, a.value)))


def _leaky_relu(s: Site) -> Expr:
    a = s.at("self")
    return s.g * (test(a, ">", 0) + s.number("negative_slope", 0.01) * test(a, "≤", 0))


def _elu(s: Site) -> Expr:
    a, scale, inner = s.at("self"), s.number("scale", 1), s.number("input_scale", 1)
    below = scale * s.number("alpha", 1) * inner
    curve = exp(scaled(inner, of_value(np.minimum(a.value, 0))))
    return s.g * (scaled(scale, test(a, ">", 0)) + scaled(below, curve.only(test(a, "≤", 0))))


def _gelu(s: Site) -> Expr:
    a = s.at("self")
    if s.params.get("approximate") != "tanh":
        return s.g * (normal_area(a) + a * normal_height(a))
    k = math.sqrt(2 / math.pi)
    u = of_value(k * (a.value + 0.044715 * a.value**3))
    slope = constant(k) * (1 + constant(3 * 0.044715) * a**2)
    return s.g * (0.5 * (1 + tanh(u)) + 0.5 * a * (1 - tanh(u) ** 2) * slope)


def _silu(s: Site) -> Expr:
    a = s.at("self")
    return s.g * logistic(a) * (1 + a * (1 - logistic(a)))


def _softplus(s: Site) -> Expr:
    beta, limit = s.number("beta", 1), s.number("threshold", 20)
    a = s.at("self")
    slope = logistic(scaled(beta, a))
    if np.any(beta * a.value > limit):
        above = test(scaled(beta, a), ">", limit)
        return s.g * (above + slope.only(test(scaled(beta, a), "≤", limit)))
    return s.g * slope


def _clamp(s: Site) -> Expr:
    low, high, a = s.number("min", -math.inf), s.number("max", math.inf), s.at("self")
    if math.isinf(low) and math.isinf(high):
        return s.g
    if math.isinf(low):
        return s.g.only(test(a, "≤", high))
    if math.isinf(high):
        return s.g.only(test(a, "≥", low))
    return s.g.only(test(low, "≤", a, "≤", high))


def _hardtanh(s: Site) -> Expr:
    return s.g.only(test(s.number("min_val", -1), "<", s.at("self"), "<", s.number("max_val", 1)))


def _larger(own: str, other: str, sign_: str) -> Term:
    def term(s: Site) -> Expr:
        a, b = s.at(own), s.at(other)
        if np.any(a.value == b.value):  # a tie is shared
            return s.g * (test(a, sign_, b) + 0.5 * test(a, "=", b))
        return s.g.only(test(a, sign_, b))

    return term


def _where(is_chosen: int) -> Term:
    return lambda s: s.g.only(test(s.at("condition"), "=", is_chosen))


def _unmasked(s: Site) -> Expr:
    return s.g.only(test(s.at("mask"), "=", 0))


def _masked(s: Site) -> Expr:
    return s.g.only(test(s.at("mask"), "=", 1))


def _dropout(s: Site) -> Expr:
    p = s.number("p", 0.5)
    if p == 1:
        return constant(0)
    return s.g * s.picked(s.output(1)) / (1 - constant(p))


def _value(s: Site) -> float:
    return s.number("value", 1)


def _cos(x: Expr) -> Expr:
    return function("cos", x, np.cos)


def _sin(x: Expr) -> Expr:
    return function("sin", x, np.sin)


def _hardsigmoid(s: Site) -> Expr:
    return s.g.only(test(-3, "<", s.at("self"), "<", 3)) / 6


def _only_self(term: Term) -> dict[str, Term]:
    return {"self": term}


_DIV: dict[str, Term] = {"self": lambda s: _rounded(s, s.g / s.at("other")), "other": _div_other}
_MUL: dict[str, Term] = {"self": lambda s: s.g * s.at("other"), "other": lambda s: s.g * s.at("self")}
_MASKED_FILL: dict[str, Term] = {"self": _unmasked, "value": _masked}
_LERP: dict[str, Term] = {
    "self": lambda s: (1 - s.at("weight")) * s.g,
    "end": lambda s: s.at("weight") * s.g,
    "weight": lambda s: (s.at("end") - s.at("self")) * s.g,
}
_POW: dict[str, Term] = {"self": _pow_self, "exponent": _pow_exponent}
_LEAKY = _only_self(_leaky_relu)
_CLAMP = _only_self(_clamp)
_SAME = _only_self(_g)
_NOTHING = _only_self(_zero)

TERMS: dict[str, dict[str, Term]] = {
    **{f"AddBackward{k}": {"self": _g, "other": _by_alpha(1)} for k in (0, 1)},
    **{f"SubBackward{k}": {"self": _g, "other": _by_alpha(-1)} for k in (0, 1)},
    **{f"RsubBackward{k}": {"self": _by_alpha(-1), "other": _g} for k in (0, 1)},
    **{f"MulBackward{k}": _MUL for k in (0, 1)},
    **{f"DivBackward{k}": _DIV for k in range(4)},
    **{f"PowBackward{k}": _POW for k in range(3)},
    "NegBackward0": _only_self(_negative),
    "ExpBackward0": _only_self(lambda s: s.g * s.y),
    "Expm1Backward0": _only_self(lambda s: s.g * (s.y + 1)),
    "LogBackward0": _only_self(lambda s: s.g / s.at("self")),
    "Log1PBackward0": _only_self(lambda s: s.g / (1 + s.at("self"))),
    "Log2Backward0": _only_self(lambda s: s.g / (s.at("self") * log(constant(2)))),
    "Log10Backward0": _only_self(lambda s: s.g / (s.at("self") * log(constant(10)))),
    "SqrtBackward0": _only_self(lambda s: s.g / (2 * s.y)),
    "RsqrtBackward0": _only_self(lambda s: -0.5 * s.g * s.y**3),
    "ReciprocalBackward0": _only_self(lambda s: -1 * s.g * s.y**2),
    "AbsBackward0": _only_self(lambda s: s.g * sign(s.at("self"))),
    "SinBackward0": _only_self(lambda s: s.g * _cos(s.at("self"))),
    "CosBackward0": _only_self(lambda s: -1 * s.g * _sin(s.at("self"))),
    "TanBackward0": _only_self(lambda s: s.g * (1 + s.y**2)),
    "AtanBackward0": _only_self(lambda s: s.g / (1 + s.at("self") ** 2)),
    "SinhBackward0": _only_self(lambda s: s.g * function("cosh", s.at("self"), np.cosh)),
    "CoshBackward0": _only_self(lambda s: s.g * function("sinh", s.at("self"), np.sinh)),
    "ErfBackward0": _only_self(
        lambda s: s.g * 2 / function("sqrt", constant(math.pi), np.sqrt) * exp(-1 * s.at("self") ** 2)
    ),
    "TanhBackward0": _only_self(lambda s: s.g * (1 - s.y**2)),
    "SigmoidBackward0": _only_self(lambda s: s.g * s.y * (1 - s.y)),
    "LogSigmoidBackward0": _only_self(lambda s: s.g * logistic(-1 * s.at("self"))),
    "ReluBackward0": _only_self(lambda s: s.g.only(test(s.y, ">", 0))),
    "LeakyReluBackward0": _LEAKY,
    "LeakyReluBackward1": _LEAKY,
    "EluBackward0": _only_self(_elu),
    "GeluBackward0": _only_self(_gelu),
    "SiluBackward0": _only_self(_silu),
    "SoftplusBackward0": _only_self(_softplus),
    "ClampBackward1": _CLAMP,
    "ClampMinBackward0": _CLAMP,
    "ClampMaxBackward0": _CLAMP,
    "HardtanhBackward0": _only_self(_hardtanh),
    "HardsigmoidBackward0": _only_self(_hardsigmoid),
    "MaximumBackward0": {"self": _larger("self", "other", ">"), "other": _larger("other", "self", ">")},
    "MinimumBackward0": {"self": _larger("self", "other", "<"), "other": _larger("other", "self", "<")},
    "WhereBackward0": {"self": _where(1), "other": _where(0)},
    "MaskedFillBackward0": _MASKED_FILL,
    "MaskedFillBackward1": _MASKED_FILL,
    "LerpBackward0": _LERP,
    "LerpBackward1": _LERP,
    "AddcmulBackward0": {
        "self": _g,
        "tensor1": lambda s: scaled(_value(s), s.g * s.at("tensor2")),
        "tensor2": lambda s: scaled(_value(s), s.g * s.at("tensor1")),
    },
    "AddcdivBackward0": {
        "self": _g,
        "tensor1": lambda s: scaled(_value(s), s.g / s.at("tensor2")),
        "tensor2": lambda s: -1 * scaled(_value(s), s.g * s.at("tensor1") / s.at("tensor2") ** 2),
    },
    **dict.fromkeys(("CloneBackward0", "AliasBackward0", "ToCopyBackward0", "ExpandBackward0"), _SAME),
    **dict.fromkeys(("SignBackward0", "FloorBackward0", "CeilBackward0", "RoundBackward0"), _NOTHING),
    "NativeDropoutBackward0": {"input": _dropout},
}
"""By autograd node and operand: one place's term. The terms of a broadcast operand are summed."""

__all__ = ["TERMS", "Term", "scaled"]
