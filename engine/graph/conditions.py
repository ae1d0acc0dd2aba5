"""Conditions on events: `grad.norm() > 10 and op == "addmm"`. The language of queries, with comparisons put together.

An expression joins terms with `and`, `or`, `not` and brackets; terms side by side must all hold, as in a query. Besides
what a query knows (`nan`, `grad>1e3`, `[*, 768]`, `kind:leaf`, `line:48`, a word in quotes) there are

- numbers: `grad.norm()`, `value.abs().max()`, `grad_input.mean()`, `update.norm()`, `numel`, `ndim`, `line`, `step`,
  `ratio`, and what + - * / make of them; compared with == != < <= > >=
- truths: `isnan`, `isinf`, `iszero`, `isfinite`, of everything at the event, or of one tensor: `grad.isnan()`,
  `isnan(value)`
- texts: `op`, `grad_fn`, `name`, `scope`, `kind`, `dtype`, `device`, `phase`; `op == "addmm"`, `"block" in scope`,
  `op in ("mm", "addmm")`
- shapes: `shape == (3, 4)`, `value.shape != (*, 768)`

Nothing is evaluated as Python: the text is read by the parser below, and a number is no larger than a float.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .condition_terms import (
    KEYWORDS,
    SUBJECTS,
    TEXTS,
    TRUTHS,
    Kind,
    Value,
    compare,
    number_of,
    shape_literal,
    text_of,
    truth_of,
)
from .condition_tokens import Token, shown, tokens
from .event_columns import Bools, EventColumns, Subject
from .query import FIELDS, WORDS, QueryError, read_term

MOST_CHARACTERS = 1000
MOST_DEPTH = 40
MOST_NAMED = 12
"""So many of the known words are named in a message."""
NUMBERS = ("numel", "ndim", "line", "step", "ratio")

_ARITHMETIC: dict[str, Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


class Condition(NamedTuple):
    """A parsed expression."""

    text: str
    test: Callable[[EventColumns], Bools]

    def holds(self, columns: EventColumns) -> Bools:
        """(events,) at which events it holds."""
        with np.errstate(all="ignore"):
            return self.test(columns)


def parse(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    QueryError
        The text is no condition; `position` is where it stops to be one, and the message what was expected there.
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryError(MOST_CHARACTERS, f"a condition has at most {MOST_CHARACTERS} characters.")
    parser = _Parser(text)
    value = parser.disjunction(0)
    parser.finish()
    return Condition(text.strip(), parser.truth(value).truths)


class _Parser:
    """Recursive descent, no deeper than MOST_DEPTH."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0

    # What may stand where

    def disjunction(self, depth: int) -> Value:
        value = self._conjunction(depth)
        while self._takes("or"):
            first, second = self.truth(value), self.truth(self._conjunction(depth))
            value = _join(np.logical_or, first, second)
        return value

    def _conjunction(self, depth: int) -> Value:
        value = self._negation(depth)
        while self._takes("and") or self._begins_term():
            first, second = self.truth(value), self.truth(self._negation(depth))
            value = _join(np.logical_and, first, second)
        return value

    def _negation(self, depth: int) -> Value:
        if depth > MOST_DEPTH:
            raise QueryError(self._here.position, f"brackets are nested more than {MOST_DEPTH} deep.")
        if not self._takes("not"):
            return self._comparison(depth)
        inner = self.truth(self._negation(depth + 1))
        return inner._replace(truths=lambda columns: ~inner.truths(columns))

    def _comparison(self, depth: int) -> Value:
        value = self._sum(depth)
        sign = self._here
        if sign.text in ("==", "!=", "<", "<=", ">", ">=", "=", "in") and sign.kind == "sign":
            self._next += 1
            if sign.text == "in":
                return self._membership(value, sign)
            if value.kind is Kind.SHAPE:
                return compare(value, sign.text, sign.position, self._shape())
            if value.kind is Kind.TEXT and value.literal is None and self._here.kind == "name":
                raise QueryError(self._here.position, f'a text in quotes is expected: "{self._here.text}".')
            return compare(value, sign.text, sign.position, self._sum(depth))
        return value

    def _membership(self, value: Value, sign: Token) -> Value:
        """`"block" in scope`, or `op in ("mm", "addmm")`."""
        if value.kind is Kind.TEXT and value.literal is not None:
            where = self._primary(0)
            if where.kind is not Kind.TEXT or where.literal is not None:
                raise QueryError(where.position, f"one of {', '.join(TEXTS)} is expected after in.")
            return compare(where, "contains", sign.position, value)
        if value.kind is not Kind.TEXT:
            raise QueryError(value.position, "a text is expected before in.")
        self._expect("(")
        choices = [self._literal_text()]
        while self._takes(","):
            choices.append(self._literal_text())
        self._expect(")")
        results = [compare(value, "==", sign.position, choice) for choice in choices]
        found = results[0]
        for other in results[1:]:
            found = _join(np.logical_or, found, other)
        return found

    def _literal_text(self) -> Value:
        token = self._here
        if token.kind != "string":
            raise QueryError(token.position, f'a text in quotes such as "addmm" is expected, not {shown(token)}.')
        self._next += 1
        return text_of(token.text[1:-1], token.position)

    def _sum(self, depth: int) -> Value:
        value = self._product(depth)
        while self._here.kind == "sign" and self._here.text in ("+", "-"):
            value = self._combine(value, self._take(), self._product(depth))
        return value

    def _product(self, depth: int) -> Value:
        value = self._signed(depth)
        while self._here.kind == "sign" and self._here.text in ("*", "/"):
            value = self._combine(value, self._take(), self._signed(depth))
        return value

    def _signed(self, depth: int) -> Value:
        if depth > MOST_DEPTH:
            raise QueryError(self._here.position, f"signs are nested more than {MOST_DEPTH} deep.")
        token = self._here
        if token.kind == "sign" and token.text in ("-", "+"):
            self._next += 1
            inner = self._signed(depth + 1)
            if inner.kind is not Kind.NUMBER:
                raise QueryError(inner.position, f"a number is expected after {token.text}.")
            return inner if token.text == "+" else number_of(lambda columns: -inner.numbers(columns), token.position)
        return self._primary(depth)

    def _combine(self, first: Value, sign: Token, second: Value) -> Value:
        for value in (first, second):
            if value.kind is not Kind.NUMBER:
                raise QueryError(value.position, f"a number is expected on both sides of {sign.text}.")
        operation = _ARITHMETIC[sign.text]
        return number_of(lambda columns: operation(first.numbers(columns), second.numbers(columns)), first.position)

    def _primary(self, depth: int) -> Value:
        token = self._take()
        if token.kind == "number":
            number = float(token.text)
            return number_of(lambda columns: np.full(len(columns), number), token.position, literal=token.text)
        if token.kind == "string":
            return text_of(token.text[1:-1], token.position)
        if token.kind == "field":
            return self._field(token)
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            inner = self.disjunction(depth + 1)
            self._expect(")")
            return inner
        if token.text == "[":
            self._next -= 1
            shape = self._shape()
            return compare(_shape_column("value", token.position), "==", token.position, shape)
        raise QueryError(token.position, f"a condition such as grad.norm() > 10 is expected, not {shown(token)}.")

    def _field(self, token: Token) -> Value:
        """A term of a query: `kind:leaf`."""
        name = token.text.partition(":")[0].casefold()
        if name not in FIELDS and name not in SUBJECTS:
            raise QueryError(token.position, _unknown(name, (*FIELDS, *SUBJECTS)))
        if name in SUBJECTS:
            word = token.text.partition(":")[2].casefold()
            if word not in WORDS:
                raise QueryError(token.position + len(name) + 1, f"one of {', '.join(WORDS)} is expected.")
            return truth_of(SUBJECTS[name], TRUTHS[word], token.position)
        test = read_term(token.text, token.position)
        return Value(Kind.TRUTH, token.position, truths=lambda c: c.of_nodes(lambda node: test(c.trace, node)))

    def _named(self, token: Token) -> Value:
        name = token.text.casefold()
        if name in SUBJECTS:
            return self._of_tensor(SUBJECTS[name], token)
        if name in TRUTHS:
            subject: Subject = "any"
            if self._here.text == "(" and name not in WORDS:
                self._next += 1
                if not self._takes(")"):
                    subject = self._subject()
                    self._expect(")")
            self._skip_any()
            return truth_of(subject, TRUTHS[name], token.position)
        if name == "shape":
            return _shape_column("value", token.position)
        if name in TEXTS:
            return Value(Kind.TEXT, token.position, name=name)
        if name == "ratio":
            return number_of(lambda columns: columns.ratio(), token.position)
        if name in NUMBERS:
            return number_of(lambda columns: columns.form(name), token.position)
        known = ("grad", "value", "isnan", "shape", "op", "name", "scope", *SUBJECTS, *TRUTHS, *TEXTS, *NUMBERS)
        raise QueryError(token.position, f"{_unknown(name, known)} A word to look for stands in quotes.")

    def _subject(self) -> Subject:
        token = self._take()
        if token.kind != "name" or token.text.casefold() not in SUBJECTS:
            raise QueryError(token.position, f"one of {', '.join(SUBJECTS)} is expected, not {shown(token)}.")
        return SUBJECTS[token.text.casefold()]

    def _of_tensor(self, subject: Subject, token: Token) -> Value:
        """`grad` (its norm), or `grad.norm()`, `grad.abs().max()`, `grad.isnan()`, `grad.shape`."""
        if not self._takes("."):
            return number_of(lambda columns: columns.number(subject, "norm"), token.position)
        word = self._method()
        statistic = word.text.casefold()
        if statistic == "abs":
            self._expect(".")
            word = self._method()
            if word.text.casefold() != "max":
                raise QueryError(word.position, f"max is expected after abs(), not {shown(word)}.")
            statistic = "absmax"
        if statistic in ("shape", "size"):
            return _shape_column(subject, token.position)
        if statistic in TRUTHS:
            self._skip_any()
            return truth_of(subject, TRUTHS[statistic], token.position)
        statistic = KEYWORDS.get(statistic, statistic)
        if statistic in ("numel", "ndim"):
            return number_of(lambda columns: columns.form(statistic), token.position)
        if statistic not in KEYWORDS.values() and statistic != "absmax":
            known = ("norm", "abs", *KEYWORDS, *TRUTHS, "shape")
            raise QueryError(
                word.position, _unknown(word.text, known, f"a tensor's property, such as {token.text}.norm(),")
            )
        return number_of(lambda columns: columns.number(subject, statistic), token.position)

    def _method(self) -> Token:
        """A name, with or without empty brackets."""
        token = self._take()
        if token.kind != "name":
            raise QueryError(token.position, f"a property such as norm() is expected, not {shown(token)}.")
        if self._takes("("):
            self._expect(")")
        return token

    def _skip_any(self) -> None:
        """`.any()` after a truth: it is one already."""
        if self._here.text == "." and self._tokens[self._next + 1].text == "any":
            self._next += 1
            self._method()

    def _shape(self) -> Value:
        """`(3, 4)`, `[*, 768]`, `()`."""
        begin = self._take()
        if begin.text not in ("(", "["):
            raise QueryError(begin.position, f"a shape such as (3, 4) or [*, 768] is expected, not {shown(begin)}.")
        end = ")" if begin.text == "(" else "]"
        sizes: list[int | str] = []
        while self._here.text != end:
            token = self._take()
            if token.kind == "number" and token.text.isdecimal() and len(token.text) < 19:
                sizes.append(int(token.text))
            elif token.text in ("*", "...", "…"):
                sizes.append("*" if token.text == "*" else "...")
            else:
                raise QueryError(token.position, f"a size is a number, * or …, not {shown(token)}.")
            if self._here.text != end:
                self._expect(",", f"a comma or {end} is expected")
        self._expect(end)
        if sizes.count("...") > 1:
            raise QueryError(begin.position, "… can stand in a shape only once.")
        return shape_literal(sizes, begin.position)

    # Tokens

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._here
        if token.kind != "end":
            self._next += 1
        return token

    def _takes(self, sign: str) -> bool:
        if self._here.kind == "sign" and self._here.text == sign:
            self._next += 1
            return True
        return False

    def _expect(self, sign: str, text: str = "") -> None:
        token = self._here
        if not self._takes(sign):
            raise QueryError(token.position, f"{text or f'{sign} is expected'}, not {shown(token)}.")

    def _begins_term(self) -> bool:
        token = self._here
        return token.kind in ("field", "name", "string") or (token.kind == "sign" and token.text in ("not", "(", "["))

    def truth(self, value: Value) -> Value:
        """The value as a condition: a word in quotes is looked for, everything else must be true or false already."""
        if value.kind is Kind.TRUTH:
            return value
        if value.kind is Kind.TEXT and value.literal is not None:
            if not value.literal:
                raise QueryError(value.position, "there is nothing between the quotes.")
            test = read_term(f'"{value.literal}"', value.position)
            return value._replace(kind=Kind.TRUTH, truths=lambda c: c.of_nodes(lambda node: test(c.trace, node)))
        example = {Kind.NUMBER: "> 10", Kind.TEXT: '== "addmm"', Kind.SHAPE: "== (3, 4)"}[value.kind]
        token = self._here
        raise QueryError(token.position, f"a comparison such as {example} is expected, not {shown(token)}.")

    def finish(self) -> None:
        """Nothing may follow."""
        if self._here.kind != "end":
            raise QueryError(self._here.position, f"and, or, or the end is expected, not {shown(self._here)}.")


def _join(operation: Callable[[Bools, Bools], Bools], first: Value, second: Value) -> Value:
    return first._replace(truths=lambda columns: operation(first.truths(columns), second.truths(columns)))


def _shape_column(subject: Subject, position: int) -> Value:
    return Value(Kind.SHAPE, position, subject=subject)


def _unknown(name: str, known: tuple[str, ...], what: str = "a quantity") -> str:
    near = get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(list(dict.fromkeys(known))[:MOST_NAMED])}, …"
    return f"{name!r} is not {what.rstrip(',')}; {hint}"
