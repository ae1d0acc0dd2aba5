"""A small language for finding nodes: words, shapes, norms, kinds and lines, all of which must hold.

`relu block.2` finds what has both words in its name, operation, grad_fn or module path; `[*, 768]` tensors of that
shape; `grad>1e3` gradients whose norm is larger; `nan`, `inf` and `zero` broken and vanished numbers; `kind:leaf`,
`line:48`, `dtype:float16` what they say. Quotes make one word of several, and a minus in front turns a term round.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import RetrogradError
from .model import Node, ScopePath, TensorInfo
from .summary import Summary
from .trace import Trace

Test = Callable[[Trace, Node], bool]

_TERM = re.compile(r'-?(?:\[[^\]]*\]?|[^\s"\[]*"[^"]*"?|[^\s\[]+)')
_COMPARISON = re.compile(r"([^\W\d_]\w*)(<=|>=|<|>|=)(.*)", re.DOTALL)
_FIELD = re.compile(r"([^\W\d_]\w*):(.*)", re.DOTALL)
_LINES = re.compile(r"(\d{1,9})(?:[-–](\d{1,9}))?")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda found, wanted: found < wanted,
    ">": lambda found, wanted: found > wanted,
    "<=": lambda found, wanted: found <= wanted,
    ">=": lambda found, wanted: found >= wanted,
    "=": lambda found, wanted: math.isclose(found, wanted, rel_tol=1e-3),
}
KINDS = ("op", "leaf", "input", "buffer", "constant")
WORDS = ("nan", "inf", "zero")
FIELDS = ("kind", "line", "name", "op", "scope", "dtype", "device")
QUANTITIES = ("grad", "value", "ratio")
MOST_TERMS = 32


class QueryError(RetrogradError):
    """The text is no query. `position` is where in it the fault begins, counted from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"At character {position + 1}: {message}")
        self.position = position


class Term(NamedTuple):
    """One condition: whether a node must not (rather than must) pass `test`; `is_word` where it is free text."""

    test: Test
    is_negated: bool
    is_word: bool


class Query(NamedTuple):
    """Conditions that must all hold."""

    text: str
    terms: tuple[Term, ...]

    @property
    def is_structured(self) -> bool:
        """Whether it says more than words to look for."""
        return any(not term.is_word or term.is_negated for term in self.terms)

    def find(self, trace: Trace) -> list[int]:
        """Ids of all nodes that fit, in the order in which they ran; none for an empty query."""
        if not self.terms:
            return []
        found = trace.graph.nodes
        for term in self.terms:
            test, is_negated = term.test, term.is_negated
            found = [node for node in found if test(trace, node) != is_negated]
        return [node.id for node in found]


def parse(text: str) -> Query:
    """Read a query.

    Raises
    ------
    QueryError
        A bracket or a quotation mark is not closed, a number is none, or there is no such field.
    """
    terms: list[Term] = []
    for position, term in _terms(text):
        if len(terms) == MOST_TERMS:
            raise QueryError(position, f"a query has at most {MOST_TERMS} terms.")
        is_negated = term.startswith("-") and len(term) > 1
        body, at = (term[1:], position + 1) if is_negated else (term, position)
        test, is_word = _test(body, at)
        terms.append(Term(test, is_negated, is_word))
    return Query(text, tuple(terms))


def read_term(term: str, position: int) -> Test:
    """What one term of a query stands for, for other languages that have it.

    Raises
    ------
    QueryError
        It is none; `position` is where the term begins in the whole text.
    """
    return _test(term, position)[0]


def gradient_norm(trace: Trace, node: Node) -> float | None:
    """The largest norm of a node's gradients; infinite where one is not finite, None where none is known."""
    step = trace.step_of(node.id)
    return None if step is None else _norm(step.grad_outputs)


def value_norm(node: Node) -> float | None:
    """The largest norm of a node's outputs; infinite where one is not finite, None where none is known."""
    return _norm(node.outputs)


def ratio_norm(trace: Trace, node: Node) -> float | None:
    """The norm of a node's gradient divided by that of its value; None where it cannot be told."""
    gradient, value = gradient_norm(trace, node), value_norm(node)
    if gradient is None or value is None or value == 0 or math.isinf(value):
        return None
    return gradient / value


def _terms(text: str) -> Iterator[tuple[int, str]]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TERM.match(text, position)
        end = match.end() if match is not None and match.end() > position else position + 1
        yield position, text[position:end]
        position = end


def _test(term: str, position: int) -> tuple[Test, bool]:
    """The condition that a term stands for, and whether it is free text."""
    if term.startswith("["):
        return _shape_test(term, position), False
    if '"' in term and not term.endswith('"', term.index('"') + 1):
        raise QueryError(position + term.index('"'), "the quotation mark is not closed.")
    if term.startswith('"'):
        return _word_test(term.strip('"')), True
    if term.casefold() in WORDS:
        return _broken_test(term.casefold()), False
    found = _COMPARISON.fullmatch(term)
    if found is not None and "::" not in term:
        return _quantity_test(found[1], found[2], found[3], position, position + found.start(3)), False
    found = _FIELD.fullmatch(term)
    if found is not None and not found[2].startswith(":"):  # aten::mm is a word
        return _field_test(found[1].casefold(), found[2].strip('"'), position, position + found.start(2)), False
    return _word_test(term), True


def _word_test(word: str) -> Test:
    wanted = word.casefold()
    # Nodes of a large graph have much in common: each text is looked through once.
    in_kind: dict[tuple[str | None, str | None, str], bool] = {}
    in_place: dict[str | ScopePath | None, bool] = {None: False}

    def test(_trace: Trace, node: Node) -> bool:
        kind = node.op, node.grad_fn, node.kind
        found = in_kind.get(kind)
        if found is None:
            found = in_kind[kind] = any(wanted in text.casefold() for text in (node.label, *kind[:2]) if text)
        if found:
            return True
        for text in (node.scope, node.name):
            found = in_place.get(text)
            if found is None:
                whole = text if isinstance(text, str) else ".".join(text or ())
                found = in_place[text] = wanted in whole.casefold()
            if found:
                return True
        return False

    return test


def _shape_test(term: str, position: int) -> Test:
    if not term.endswith("]"):
        raise QueryError(position, "the bracket is not closed; a shape is written as [*, 768].")
    parts: list[int | str] = []
    offset = position + 1
    for part in term[1:-1].split(",") if term[1:-1].strip() else ():
        text = part.strip()
        if text in ("*", "...", "…"):
            parts.append("*" if text == "*" else "...")
        elif text.isdecimal() and len(text) < 19:
            parts.append(int(text))
        else:
            raise QueryError(offset, f"a size is a number, * or …, not {_short(text)}.")
        offset += len(part) + 1
    if parts.count("...") > 1:
        raise QueryError(position, "… can stand in a shape only once.")

    def test(_trace: Trace, node: Node) -> bool:
        return any(fits(info.shape, parts) for info in node.outputs)

    return test


def fits(shape: tuple[int, ...], parts: list[int | str]) -> bool:
    """Whether a shape is as written: "*" stands for any size, "..." for any number of them."""
    if "..." in parts:
        before = parts.index("...")
        after = len(parts) - before - 1
        if len(shape) < before + after:
            return False
        pairs = [*zip(shape[:before], parts[:before], strict=True)]
        pairs += zip(shape[len(shape) - after :], parts[before + 1 :], strict=True)
    elif len(shape) != len(parts):
        return False
    else:
        pairs = [*zip(shape, parts, strict=True)]
    return all(part in ("*", size) for size, part in pairs)


def _quantity_test(name: str, sign: str, number: str, position: int, at: int) -> Test:
    name = name.casefold()
    if name not in QUANTITIES:
        raise QueryError(position, f"only {', '.join(QUANTITIES)} can be compared, not {_short(name)}.")
    try:
        wanted = float(number.replace("−", "-"))
    except ValueError:
        what = _short(number) if number else "nothing"
        raise QueryError(at, f"a number such as 1e-6 is expected, not {what}.") from None
    compare = _COMPARE[sign]

    def test(trace: Trace, node: Node) -> bool:
        found = (
            gradient_norm(trace, node)
            if name == "grad"
            else value_norm(node)
            if name == "value"
            else ratio_norm(trace, node)
        )
        return found is not None and compare(found, wanted)

    return test


def _field_test(name: str, wanted: str, position: int, at: int) -> Test:
    if name in QUANTITIES and wanted.casefold() in WORDS:
        return _broken_test(wanted.casefold(), name)
    if name not in FIELDS:
        raise QueryError(position, f"there is no field {_short(name)}; there are {', '.join(FIELDS)}.")
    if not wanted:
        raise QueryError(at, f"what {name} should be is missing.")
    wanted = wanted.casefold()
    if name == "kind":
        if wanted not in KINDS:
            raise QueryError(at, f"a kind is one of {', '.join(KINDS)}, not {_short(wanted)}.")
        return lambda _trace, node: node.kind == wanted
    if name == "line":
        lines = _LINES.fullmatch(wanted)
        if lines is None:
            raise QueryError(at, f"a line is a number such as 48, or 40-48, not {_short(wanted)}.")
        first, last = int(lines[1]), int(lines[2] or lines[1])
        return lambda _trace, node: node.source is not None and first <= node.source.line <= last
    return _text_test(name, wanted)


def _text_test(name: str, wanted: str) -> Test:
    def test(_trace: Trace, node: Node) -> bool:
        if name == "name":
            return node.name is not None and wanted in node.name.casefold()
        if name == "op":
            return any(wanted in text.casefold() for text in (node.label, node.op, node.grad_fn) if text)
        if name == "scope":
            return wanted in ".".join(node.scope).casefold()
        return any(wanted in getattr(info, name).casefold() for info in node.outputs)

    return test


def _broken_test(word: str, where: str = "") -> Test:
    """Whether any value or gradient has a NaN, an infinity, or is zero throughout."""

    def test(trace: Trace, node: Node) -> bool:
        infos: list[TensorInfo | None] = []
        if where != "grad":
            infos += node.outputs
        step = trace.step_of(node.id) if where != "value" else None
        if step is not None:
            infos += [*step.grad_outputs, *step.grad_inputs]
        return any(_is_broken(info.summary, word) for info in infos if info is not None)

    return test


def _is_broken(summary: Summary | None, word: str) -> bool:
    if summary is None:
        return False
    if word == "zero":
        return summary.count > 0 and summary.zeros == summary.count
    return (summary.nan if word == "nan" else summary.inf) > 0


def _norm(infos: list[TensorInfo] | list[TensorInfo | None]) -> float | None:
    found: float | None = None
    for info in infos:
        summary = info.summary if info is not None else None
        if summary is not None:
            norm = summary.norm if math.isfinite(summary.norm) else math.inf
            found = norm if found is None else max(found, norm)
    return found


def _short(text: str) -> str:
    return repr(text if len(text) <= 24 else text[:24] + "…")
