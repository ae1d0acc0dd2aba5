"""The few fonts of the canvas, sized in scene units, and measured widths."""

from __future__ import annotations

import unicodedata
from enum import IntEnum

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF

from gui.theme import mono_font, ui_font

ELLIPSIS = "…"
LONGEST = 160
"""Characters of a text that are looked at at all; names may be a megabyte long."""


class Face(IntEnum):
    """Which font a text is set in: four sizes, two weights."""

    TITLE = 0
    LABEL = 1
    SMALL = 2
    SMALL_BOLD = 3
    MONO = 4
    MONO_SMALL = 5
    HEADING = 6


_PIXELS = {
    Face.TITLE: 14,
    Face.LABEL: 14,
    Face.SMALL: 12,
    Face.SMALL_BOLD: 12,
    Face.MONO: 13,
    Face.MONO_SMALL: 12,
    Face.HEADING: 18,
}
_BOLD = frozenset({Face.TITLE, Face.SMALL_BOLD, Face.HEADING})
_MONO = frozenset({Face.MONO, Face.MONO_SMALL})


class Fonts:
    """Fonts by face, and text measured in them (in scene units)."""

    def __init__(self) -> None:
        self._fonts = {face: _make(face) for face in Face}
        self._metrics = {face: QFontMetricsF(font) for face, font in self._fonts.items()}
        self._widths: dict[tuple[Face, str], float] = {}

    def __getitem__(self, face: Face) -> QFont:
        return self._fonts[face]

    def width(self, text: str, face: Face) -> float:
        key = (face, text)
        found = self._widths.get(key)
        if found is None:
            if len(self._widths) > 50_000:
                self._widths.clear()
            found = self._widths[key] = self._metrics[face].horizontalAdvance(text)
        return found

    def elide(self, text: str, face: Face, width: float, *, is_left: bool = False) -> str:
        """`text` cut with an ellipsis to at most `width`; dotted names may lose their beginning instead."""
        if self.width(text, face) <= width:
            return text
        if width < self.width(ELLIPSIS, face):
            return ""
        mode = Qt.TextElideMode.ElideLeft if is_left else Qt.TextElideMode.ElideRight
        return self._metrics[face].elidedText(text, mode, width)


def plain(text: str) -> str:
    """Text fit to draw on one line: controls, direction marks and lone surrogates become visible boxes."""
    short = text[:LONGEST] + ELLIPSIS if len(text) > LONGEST else text
    if short.isprintable():
        return short
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNFIT else c for c in short)


_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _make(face: Face) -> QFont:
    font = mono_font() if face in _MONO else ui_font(bold=face in _BOLD)
    font.setPixelSize(_PIXELS[face])
    # Positions are computed once in scene units: glyphs must not be snapped to other widths at other zooms.
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font
