"""The tokens of a condition: numbers, names, texts in quotes, terms of a query, signs; each with its place."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from .query import QueryError

_TOKEN = re.compile(
    r"""(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<field>[^\W\d]\w*:(?!:)"[^"]*"|[^\W\d]\w*:(?!:)[^\s()"]+)
      | (?P<name>[^\W\d]\w*)
      | (?P<string>"[^"]*"|'[^']*')
      | (?P<sign>==|!=|<=|>=|&&|\|\||\.\.\.|…|[-−+*/<>=!()\[\],.&|])""",
    re.VERBOSE,
)
_SIGNS = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "−": "-"}


class Token(NamedTuple):
    """A piece of the text; names and signs that mean the same are written alike."""

    kind: Literal["number", "field", "name", "string", "sign", "end"]
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    """Take a text apart; the last token is the end.

    Raises
    ------
    QueryError
        A quotation mark is not closed, or a character means nothing.
    """
    found, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            mark = text[position]
            what = "the quotation mark is not closed." if mark in "\"'" else f"{mark!r} means nothing here."
            raise QueryError(position, what)
        kind = match.lastgroup
        assert kind is not None
        written = _SIGNS.get(match[0], match[0]) if kind == "sign" else match[0]
        if kind == "name" and written.casefold() in ("and", "or", "not", "in"):
            kind, written = "sign", written.casefold()
        found.append(Token(kind, written, position))  # type: ignore[arg-type]  # the groups of _TOKEN
        position = match.end()
    return [*found, Token("end", "", len(text.rstrip()))]


def shown(token: Token) -> str:
    """A token as a message names it."""
    if token.kind == "end":
        return "the end"
    return repr(token.text if len(token.text) <= 24 else token.text[:24] + "…")
