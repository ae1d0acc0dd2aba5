"""Lines of a formula with numbers put in: gradients orange, values blue, wrapped between terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ..style import TEXT_SMALL_PT
from ..theme import Theme, mono_font
from .copying import add_copy
from .height_by_width import HeightByWidth
from .text import plain, tooltip

_LEADING = 4
_INDENT = 14


class Stretch(NamedTuple):
    """Text of one colour: "gradient", "value", "muted", "bad", or "" for everything else."""

    text: str
    role: str = ""


class _Token(NamedTuple):
    text: str
    role: str
    x: float
    line: int


class ExpressionView(HeightByWidth):
    """Paints lines of stretches in a fixed-width face; Ctrl+C copies them, with all digits where those are given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[tuple[Stretch, ...], ...] = ()
        self._exact = ""
        self._theme: Theme | None = None
        self._font = mono_font(TEXT_SMALL_PT)
        self._metrics = QFontMetricsF(self._font)
        self._laid_out: dict[int, tuple[list[_Token], int]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        add_copy(self, lambda: self._exact or self.text(), "Copy with all digits")

    def show_lines(self, lines: Sequence[Sequence[Stretch]], theme: Theme, exact: str = "") -> None:
        """Show lines of stretches; `exact` is what the tooltip says and "Copy" copies."""
        shown = tuple(tuple(Stretch(plain(text), role) for text, role in line) for line in lines)
        self._exact = exact
        if shown == self._lines and theme is self._theme:
            return
        self._lines, self._theme = shown, theme
        self._laid_out.clear()
        self.setAccessibleName(self.text())
        self.setToolTip(tooltip(exact))
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """Everything that is shown, line by line."""
        return "\n".join("".join(stretch.text for stretch in line) for line in self._lines)

    def stretches(self, role: str) -> list[str]:
        """The stretches of one role."""
        return [stretch.text for line in self._lines for stretch in line if stretch.role == role]

    # --- geometry ---

    def _line_px(self) -> float:
        return self._metrics.height() + _LEADING

    def _layout(self, width: int) -> tuple[list[_Token], int]:
        if width not in self._laid_out:
            if len(self._laid_out) > 8:
                self._laid_out.clear()
            tokens: list[_Token] = []
            number = -1
            for line in self._lines:
                number += 1
                x = 0.0
                for word in _words(line):
                    advance = sum(self._metrics.horizontalAdvance(part.text) for part in word)
                    visible = advance - self._metrics.horizontalAdvance(" ") * _spaces(word)
                    if x > _INDENT and x + visible > width:
                        number, x = number + 1, float(_INDENT)
                    for part in word:
                        number, x = self._place(part, x, number, width, tokens)
            self._laid_out[width] = tokens, number + 1
        return self._laid_out[width]

    def _place(self, part: Stretch, x: float, number: int, width: int, tokens: list[_Token]) -> tuple[int, float]:
        """Put a part of a word at `x`; one that is longer than a line goes on in the next. Returns where it ends."""
        text, one = part.text, self._metrics.horizontalAdvance("0")
        while True:
            most = max(int((width - x) / one), 1)
            if len(text.rstrip(" ")) <= most:
                tokens.append(_Token(text, part.role, x, number))
                return number, x + self._metrics.horizontalAdvance(text)
            tokens.append(_Token(text[:most], part.role, x, number))
            text, number, x = text[most:], number + 1, float(_INDENT)

    def heightForWidth(self, width: int) -> int:
        return round(self._layout(max(width, 40))[1] * self._line_px())

    def pieces(self) -> list[tuple[str, float, float]]:
        """What is written, in order: each piece with its left end and the bottom of its line."""
        tokens, _ = self._layout(max(self.width(), 40))
        return [(token.text, token.x, (token.line + 1) * self._line_px()) for token in tokens]

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        if theme is None:
            return
        painter = QPainter(self)
        painter.setFont(self._font)
        colors = {
            "gradient": theme.accent_text,
            "value": theme.data_text,
            "muted": theme.muted,
            "bad": theme.accent_text,
        }
        height = self._line_px()
        for token in self._layout(max(self.width(), 40))[0]:
            painter.setPen(QColor(colors.get(token.role, theme.text)))
            painter.drawText(QPointF(token.x, token.line * height + self._metrics.ascent() + _LEADING / 2), token.text)
        if self.hasFocus():
            painter.setPen(theme.edge)
            painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()

    def focusInEvent(self, event: QEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QEvent) -> None:
        self.update()


def _words(line: Sequence[Stretch]) -> list[list[Stretch]]:
    """The line in pieces between which it may be broken: after each space that follows an operator or a term."""
    words: list[list[Stretch]] = [[]]
    for stretch in line:
        if stretch.role == "muted":  # the name of a target is never broken
            lead = len(stretch.text) - len(stretch.text.lstrip(" "))
            if lead:
                words[-1].append(Stretch(" " * lead, stretch.role))
                words.append([])
            words[-1].append(Stretch(stretch.text[lead:], stretch.role))
            continue
        for number, part in enumerate(stretch.text.split(" ")):
            if number:
                words[-1].append(Stretch(" ", stretch.role))
                words.append([])
            if part:
                words[-1].append(Stretch(part, stretch.role))
    joined: list[list[Stretch]] = []
    for word in words:
        text = "".join(part.text for part in word).strip()
        # An operator begins a line rather than ending one.
        if joined and "".join(part.text for part in joined[-1]).strip() in {"+", "−", "×", "/", "=", "→"}:
            joined[-1] += word
        elif text or not joined:
            joined.append(list(word))
        else:
            joined[-1] += word
    return joined


def _spaces(word: Sequence[Stretch]) -> int:
    text = "".join(part.text for part in word)
    return len(text) - len(text.rstrip(" "))
