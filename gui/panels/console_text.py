"""What a program writes, made fit for showing: escape sequences out, control characters visible, lines cut."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LINE = 2000
"""Longer lines are broken: a text view gets slow with them."""
_MAX_ESCAPE = 256
_ESCAPE = re.compile(
    r"\x1b+(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_UNFINISHED = re.compile(r"\x1b+(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_BACKSPACE = re.compile(r"[^\b\r\n]\x08")


class Piece(NamedTuple):
    """Text for the current line; `replaces` clears the line first, `ends` begins a new one afterwards."""

    text: str
    replaces: bool
    ends: bool


class ConsoleText:
    """Turns the chunks of one stream into pieces of lines, whatever the places where they were cut."""

    def __init__(self) -> None:
        self._rest = ""
        self._is_returned = False
        self._length = 0

    def feed(self, chunk: str) -> list[Piece]:
        """Pieces of the current and the following lines; a carriage return lets what follows replace the line."""
        text = self._rest + chunk
        unfinished = _UNFINISHED.search(text, max(len(text) - _MAX_ESCAPE, 0))
        self._rest = unfinished.group() if unfinished is not None else ""
        text = _ESCAPE.sub("", text[: len(text) - len(self._rest)]).replace("\r\n", "\n")
        while "\b" in text:
            shorter = _BACKSPACE.sub("", text)
            if shorter == text:
                break
            text = shorter
        pieces: list[Piece] = []
        lines = text.split("\n")
        for number, line in enumerate(lines):
            self._add(pieces, line, ends=number < len(lines) - 1)
        return pieces

    def _add(self, pieces: list[Piece], line: str, *, ends: bool) -> None:
        """The last part between carriage returns is what is seen of a line."""
        parts = line.split("\r")
        replaces = self._is_returned and bool(line)
        self._is_returned = self._is_returned and not line and not ends
        if len(parts) > 1:
            if not parts[-1] and not ends:
                self._is_returned = True
            shown = next((part for part in reversed(parts) if part), "")
            replaces = replaces or len([part for part in parts if part]) > 1 or not parts[0]
        else:
            shown = line
        replaces = replaces and bool(shown)
        if replaces:
            self._length = 0
        shown = _CONTROL.sub(_visible, shown)
        while self._length + len(shown) > MAX_LINE:
            room = MAX_LINE - self._length
            pieces.append(Piece(shown[:room], replaces, True))
            shown, replaces, self._length = shown[room:], False, 0
        self._length = 0 if ends else self._length + len(shown)
        if shown or ends:
            pieces.append(Piece(shown, replaces, ends))


def _visible(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
