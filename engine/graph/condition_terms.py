"""What the terms of a condition stand for: columns of numbers, truths, texts and shapes, and how they are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .event_columns import Bools, EventColumns, Numbers, Subject
from .model import Node
from .query import KINDS, QueryError, fits

SUBJECTS: dict[str, Subject] = {
    "grad": "grad",
    "grad_output": "grad",
    "grad_input": "grad_input",
    "value": "value",
    "output": "value",
    "update": "update",
}
TRUTHS: dict[str, tuple[str, bool]] = {
    "isnan": ("nan", True),
    "isinf": ("inf", True),
    "iszero": ("vanished", True),
    "isfinite": ("nonfinite", False),
    "nan": ("nan", True),
    "inf": ("inf", True),
    "zero": ("vanished", True),
}
"""The statistic that tells, and whether it must be above zero or zero."""
KEYWORDS = {
    "norm": "norm",
    "min": "min",
    "amin": "min",
    "max": "max",
    "amax": "max",
    "mean": "mean",
    "std": "std",
    "absmax": "absmax",
    "zeros": "zeros",
    "numel": "numel",
    "ndim": "ndim",
    "dim": "ndim",
}
"""Properties of a tensor by what they may be called."""
TEXTS = ("op", "grad_fn", "name", "scope", "kind", "dtype", "device", "phase")
PHASES = ("forward", "backward", "update")


class Kind(Enum):
    """What a part of an expression is."""

    NUMBER = "a number"
    TRUTH = "a condition"
    TEXT = "a text"
    SHAPE = "a shape"


def _no_numbers(columns: EventColumns) -> Numbers:
    return np.full(len(columns), np.nan)


def _no_truths(columns: EventColumns) -> Bools:
    return np.zeros(len(columns), dtype=bool)


class Value(NamedTuple):
    """A part of an expression: `position` is where it begins; `literal` or `shape` are set where it is written out."""

    kind: Kind
    position: int
    numbers: Callable[[EventColumns], Numbers] = _no_numbers
    truths: Callable[[EventColumns], Bools] = _no_truths
    name: str = ""
    literal: str | None = None
    shape: tuple[int | str, ...] | None = None
    subject: Subject = "any"


def number_of(numbers: Callable[[EventColumns], Numbers], position: int, literal: str | None = None) -> Value:
    """A column of numbers."""
    return Value(Kind.NUMBER, position, numbers=numbers, literal=literal)


def text_of(text: str, position: int) -> Value:
    """A text in quotes."""
    return Value(Kind.TEXT, position, literal=text)


def shape_literal(sizes: Sequence[int | str], position: int) -> Value:
    """A shape as it is written; "*" stands for any size, "..." for any number of them."""
    return Value(Kind.SHAPE, position, shape=tuple(sizes))


def truth_of(subject: Subject, truth: tuple[str, bool], position: int) -> Value:
    """Whether some elements are, or all are not, NaN or whatever the statistic counts."""
    statistic, is_above = truth

    def truths(columns: EventColumns) -> Bools:
        column = columns.number(subject, statistic)
        found: Bools = column > 0 if is_above else column == 0
        return found

    return Value(Kind.TRUTH, position, truths=truths)


def compare(first: Value, sign: str, position: int, second: Value) -> Value:
    """The comparison of two parts; `sign` may also be "contains", of texts.

    Raises
    ------
    QueryError
        They cannot be compared, or not in this way.
    """
    if first.kind is not second.kind:
        raise QueryError(
            second.position, f"{first.kind.value} is compared with {first.kind.value}{_example(first.kind)}."
        )
    if first.kind is Kind.TRUTH:
        raise QueryError(position, "a condition is true or false as it is: leave the comparison out.")
    if first.kind is Kind.NUMBER:
        return Value(Kind.TRUTH, first.position, truths=_numeric(first.numbers, sign, second.numbers))
    if sign not in ("==", "!=", "=", "contains"):
        raise QueryError(position, f"{first.kind.value} is compared with == or !=, not with {sign}.")
    if first.kind is Kind.TEXT:
        if first.literal is not None:
            first, second = second, first
        if first.literal is not None or second.literal is None:
            raise QueryError(second.position, 'a text in quotes such as "addmm" is expected.')
        return _textual(first, sign, second.literal, second.position)
    return _shaped(first, sign, second)


def _example(kind: Kind) -> str:
    return {Kind.NUMBER: " such as 10", Kind.TEXT: ' in quotes such as "addmm"', Kind.SHAPE: " such as (3, 4)"}.get(
        kind, ""
    )


def _numeric(
    first: Callable[[EventColumns], Numbers], sign: str, second: Callable[[EventColumns], Numbers]
) -> Callable[[EventColumns], Bools]:
    def close(one: Numbers, other: Numbers) -> npt.NDArray[np.bool_]:
        # Written numbers are short: 0.0817 means what is shown as 0.0817.
        return np.isclose(one, other, rtol=1e-3 if sign == "=" else 1e-6, atol=0.0)

    compares: dict[str, Callable[[Numbers, Numbers], npt.NDArray[np.bool_]]] = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "==": close,
        "=": close,
        "!=": lambda one, other: ~close(one, other) & ~np.isnan(one) & ~np.isnan(other),
    }

    def truths(columns: EventColumns) -> Bools:
        found: Bools = compares[sign](first(columns), second(columns))
        return found

    return truths


def _textual(first: Value, sign: str, wanted: str, position: int) -> Value:
    name, wanted = first.name, wanted.casefold()
    choices = {"phase": PHASES, "kind": KINDS}.get(name)
    if choices is not None and sign != "contains" and wanted not in choices:
        raise QueryError(position, f"{name} is one of {', '.join(choices)}, not {wanted!r}.")
    is_negated = sign == "!="

    def test(node: Node) -> bool:
        texts = [text.casefold() for text in texts_of(node, name)]
        found = any(wanted in text for text in texts) if sign == "contains" else wanted in texts
        return found != is_negated

    def truths(columns: EventColumns) -> Bools:
        if name != "phase":
            return columns.of_nodes(test)
        chosen = [
            phase for phase in PHASES if ((wanted in phase) if sign == "contains" else wanted == phase) != is_negated
        ]
        found = np.zeros(len(columns), dtype=bool)
        for phase in chosen:
            found |= columns.phase(phase)
        return found

    return Value(Kind.TRUTH, first.position, truths=truths)


def texts_of(node: Node, name: str) -> list[str]:
    """Every way in which a property of a node may be written."""
    if name == "op":
        found = [node.label]
        if node.op is not None:
            parts = node.op.split(".")
            found += [node.op, ".".join(parts[:2]), "::".join(parts[:2]), *parts[1:2]]
        return found
    if name == "grad_fn":
        return [node.grad_fn, node.grad_fn.removesuffix("0")] if node.grad_fn is not None else []
    if name == "name":
        return [node.name, node.name.rpartition(".")[2]] if node.name is not None else []
    if name == "scope":
        return [".".join(node.scope[:depth]) for depth in range(1, len(node.scope) + 1)] or [""]
    if name == "kind":
        return [node.kind]
    found = [str(getattr(info, name)) for info in node.outputs]
    return [*found, *(text.removeprefix("torch.") for text in found)]


def _shaped(first: Value, sign: str, second: Value) -> Value:
    sizes = list(second.shape or ())
    subject, is_negated = first.subject, sign == "!="

    def test(node: Node) -> bool:
        return bool(node.outputs) and any(fits(info.shape, sizes) for info in node.outputs) != is_negated

    def truths(columns: EventColumns) -> Bools:
        found = columns.of_nodes(test)
        if subject in ("grad", "grad_input"):
            found = found & ~columns.phase("forward")
        return found

    return Value(Kind.TRUTH, first.position, truths=truths)
