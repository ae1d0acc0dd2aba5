"""Expressions of numbers that know their value and how they are written, with the role that each number plays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ...graph.numbers import MINUS, format_number
from ..call import Array

Role = Literal["", "gradient", "value"]
SHOWN_TERMS = 4
"""Terms of a sum that are written; the rest is counted."""
_SUM, _PRODUCT, _POWER, _ATOM = range(4)
_RAISED = {2.0: "²", 3.0: "³"}


class Piece(NamedTuple):
    """A stretch of the written expression; `role` says whether it is a number of a gradient or of a value."""

    text: str
    role: Role = ""


class Expr:
    """A number, or several numbers side by side (1-d) of which each is one term of a sum.

    Parameters
    ----------
    value : shape () or (terms,), in float64.
    """

    level = _ATOM

    def __init__(self, value: Array) -> None:
        self.value: Array = np.asarray(value, dtype=np.float64)

    def write(self, out: _Writer, place: int | None) -> None:
        """Append what is written; `place` chooses the term where there are several."""
        raise NotImplementedError

    def __add__(self, other: Expr | float) -> Expr:
        return _Binary("+", self, as_expr(other), np.add, _SUM)

    def __sub__(self, other: Expr | float) -> Expr:
        return _Binary(MINUS, self, as_expr(other), np.subtract, _SUM)

    def __mul__(self, other: Expr | float) -> Expr:
        return _Binary("×", self, as_expr(other), np.multiply, _PRODUCT)

    def __truediv__(self, other: Expr | float) -> Expr:
        return _Binary("/", self, as_expr(other), np.divide, _PRODUCT)

    def __rsub__(self, other: float) -> Expr:
        return as_expr(other) - self

    def __radd__(self, other: float) -> Expr:
        return as_expr(other) + self

    def __rmul__(self, other: float) -> Expr:
        return as_expr(other) * self

    def __pow__(self, exponent: Expr | float) -> Expr:
        return _Power(self, as_expr(exponent))

    def only(self, test: Expr) -> Expr:
        """This where `test` holds, 0 elsewhere: an infinite number does not become NaN by being left out."""
        return _Binary("×", self, test, lambda a, b: np.where(b != 0, a, 0.0), _PRODUCT)


class _Number(Expr):
    def __init__(self, value: Array, role: Role) -> None:
        super().__init__(value)
        self._role = role

    def write(self, out: _Writer, place: int | None) -> None:
        value = self.value if self.value.ndim == 0 or place is None else self.value[place]
        out.number(float(value), self._role)


class _Binary(Expr):
    def __init__(self, sign: str, left: Expr, right: Expr, compute: Callable[[Any, Any], Any], level: int) -> None:
        super().__init__(compute(left.value, right.value))
        self._sign, self._left, self._right, self.level = sign, left, right, level

    def write(self, out: _Writer, place: int | None) -> None:
        is_strict = self._sign in (MINUS, "/")  # what stands at the right is subtracted or divided by as a whole
        out.inner(self._left, self.level, place)
        out.add(f" {self._sign} ")
        out.inner(self._right, self.level + is_strict, place)


class _Power(Expr):
    level = _POWER

    def __init__(self, base: Expr, exponent: Expr) -> None:
        super().__init__(np.power(base.value, exponent.value))
        self._base, self._exponent = base, exponent

    def write(self, out: _Writer, place: int | None) -> None:
        out.inner(self._base, _ATOM, place, is_raised=True)
        exponent = self._exponent
        raised = (
            _RAISED.get(float(exponent.value)) if isinstance(exponent, _Number) and not exponent.value.ndim else None
        )
        if raised is not None:
            out.add(raised)
            return
        out.add("^(")
        out.inner(exponent, _SUM, place)
        out.add(")")


class _Function(Expr):
    def __init__(self, name: str, argument: Expr, compute: Callable[[Array], Array]) -> None:
        super().__init__(compute(argument.value))
        self._name, self._argument = name, argument

    def write(self, out: _Writer, place: int | None) -> None:
        out.add(f"{self._name}(")
        out.inner(self._argument, _SUM, place)
        out.add(")")


class _Test(Expr):
    """1 where it holds, 0 elsewhere, written in square brackets."""

    def __init__(self, parts: tuple[Expr, ...], signs: tuple[str, ...]) -> None:
        holds: Array = np.asarray(True)
        for sign, left, right in zip(signs, parts[:-1], parts[1:], strict=True):
            holds = holds & _COMPARE[sign](left.value, right.value)
        super().__init__(holds)
        self._parts, self._signs = parts, signs

    def write(self, out: _Writer, place: int | None) -> None:
        out.add("[")
        for part, sign in zip(self._parts, (*self._signs, ""), strict=True):
            out.inner(part, _SUM, place)
            out.add(f" {sign} " if sign else "")
        out.add("]")


class _Total(Expr):
    """The sum of the terms of `terms`; of a long one the first are written.

    `value` and `count` are given where not all of the terms are known.
    """

    level = _SUM

    def __init__(self, terms: Expr, value: float | None = None, count: int | None = None) -> None:
        super().__init__(np.asarray(terms.value.sum() if value is None else value))
        self._terms = terms
        self._known = int(terms.value.size)
        self._count = self._known if count is None else count
        if self._count == 1:
            self.level = terms.level

    def write(self, out: _Writer, place: int | None) -> None:
        if self._count == 0:
            out.add("0")
        shown = min(self._known, out.most_terms)
        if shown == self._count - 1 and self._known == self._count:
            shown = self._count  # to count one term takes more room than to write it
        for number in range(shown):
            if number:
                out.add(" + ")
            out.inner(self._terms, self.level if self._count == 1 else _SUM, number)
        if shown < self._count:
            out.add(f" + … ({self._count - shown:,} more)")


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    ">": np.greater,
    "≤": np.less_equal,
    "≥": np.greater_equal,
    "=": np.equal,
    "≠": np.not_equal,
}


class _Writer:
    def __init__(self, digits: int, most_terms: int) -> None:
        self.pieces: list[Piece] = []
        self.most_terms = most_terms
        self._digits = digits

    def add(self, text: str, role: Role = "") -> None:
        if not text:
            return
        if self.pieces and self.pieces[-1].role == role:
            self.pieces[-1] = Piece(self.pieces[-1].text + text, role)
        else:
            self.pieces.append(Piece(text, role))

    def number(self, value: float, role: Role, *, is_raised: bool = False) -> None:
        """A negative number that follows an operator, or is raised to a power, stands in brackets."""
        text = format_number(value, self._digits)
        opens = not self.pieces or self.pieces[-1].text[-1] in "(["
        is_bracketed = text.startswith(MINUS) and (is_raised or not opens)
        self.add("(" if is_bracketed else "")
        self.add(text, role)
        self.add(")" if is_bracketed else "")

    def inner(self, expression: Expr, level: int, place: int | None, *, is_raised: bool = False) -> None:
        """A part of a larger expression, in brackets where it binds less than `level`."""
        if is_raised and isinstance(expression, _Number):
            value = expression.value if expression.value.ndim == 0 or place is None else expression.value[place]
            self.number(float(value), expression._role, is_raised=True)
            return
        is_bracketed = expression.level < level
        self.add("(" if is_bracketed else "")
        expression.write(self, place)
        self.add(")" if is_bracketed else "")


def pieces(expression: Expr, *, digits: int = 4, most_terms: int = SHOWN_TERMS) -> list[Piece]:
    """The expression as it is written, in stretches of one role each.

    Parameters
    ----------
    digits : significant digits of every number.
    most_terms : terms that are written of a sum.
    """
    out = _Writer(digits, most_terms)
    expression.write(out, None)
    return out.pieces


def text_of(expression: Expr, *, digits: int = 4, most_terms: int = SHOWN_TERMS) -> str:
    """The expression as one text."""
    return "".join(piece.text for piece in pieces(expression, digits=digits, most_terms=most_terms))


def as_expr(value: Expr | float) -> Expr:
    return value if isinstance(value, Expr) else _Number(np.asarray(float(value)), "")


def constant(value: float) -> Expr:
    """A number of the rule itself, or an argument of the operator."""
    return _Number(np.asarray(float(value)), "")


def gradient(value: Any) -> Expr:
    """Numbers of a gradient."""
    return _Number(np.asarray(value), "gradient")


def of_value(value: Any) -> Expr:
    """Numbers of the forward pass."""
    return _Number(np.asarray(value), "value")


def total(terms: Expr, value: float | None = None, count: int | None = None) -> Expr:
    """The sum of an expression's terms."""
    return _Total(terms, value, count)


def test(*parts: Expr | float | str) -> Expr:
    """A comparison such as `test(low, "≤", a, "≤", high)`: 1 where it holds, 0 elsewhere."""
    signs = tuple(part for part in parts if isinstance(part, str))
    return _Test(tuple(as_expr(part) for part in parts if not isinstance(part, str)), signs)


def function(name: str, argument: Expr, compute: Callable[[Array], Array]) -> Expr:
    return _Function(name, argument, compute)


def exp(x: Expr) -> Expr:
    return _Function("exp", x, np.exp)


def log(x: Expr) -> Expr:
    return _Function("ln", x, np.log)


def tanh(x: Expr) -> Expr:
    return _Function("tanh", x, np.tanh)


def sign(x: Expr) -> Expr:
    return _Function("sgn", x, np.sign)


def size(x: Expr) -> Expr:
    """The absolute value."""
    return _Function("abs", x, np.abs)


def logistic(x: Expr) -> Expr:
    """σ(x)."""
    from ..elementwise import sigmoid

    return _Function("σ", x, sigmoid)


def normal_area(x: Expr) -> Expr:
    """Φ(x): the standard normal distribution."""
    from ..elementwise import erf

    return _Function("Φ", x, lambda v: 0.5 * (1 + erf(np.asarray(v) / math.sqrt(2))))


def normal_height(x: Expr) -> Expr:
    """φ(x): its density."""
    return _Function("φ", x, lambda v: np.exp(-v * v / 2) / math.sqrt(2 * math.pi))
