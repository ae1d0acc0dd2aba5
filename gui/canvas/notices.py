"""What the canvas says when there is no graph to show, only a part of it, or one still being laid out."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen

from engine.graph.trace import Trace
from gui.theme import RADIUS_CARD, Theme

from .fonts import Face, Fonts, plain


class Notice(NamedTuple):
    """A heading and the lines below it."""

    title: str
    lines: tuple[str, ...] = ()


NOTHING_OPEN = Notice(
    "Open a program to see its graph",
    ("Choose a demo, or open a script, a module, a saved trace.", "You can also drop a file here."),
)
STILL = Notice("")
"""Nothing to say yet: most layouts are done before anybody could read it."""


def laying_out(percent: int | None) -> Notice:
    """A first drawing is being made; so much of it is done, None as long as it may come at once."""
    return STILL if percent is None else Notice(f"Laying out the graph … {percent} %", ("Esc cancels.",))


def no_graph(trace: Trace) -> Notice:
    """Why a trace has nothing to draw."""
    if trace.error:
        return Notice("The program stopped before it ran an operation", (trace.error,))
    if trace.graph.nodes:
        return Notice("The graph is not laid out", ("Choose a layout from the toolbar.",))
    reason = trace.notes[0] if trace.notes else "No tensor operation was recorded."
    return Notice("There is no graph to show", (reason,))


def paint_empty(painter: QPainter, size: QSize, theme: Theme, fonts: Fonts, notice: Notice) -> None:
    """The notice in the middle of the view."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    room = size.width() - 48.0
    y = size.height() / 2 - 10 * len(notice.lines)
    _centred(painter, notice.title, size.width() / 2, y, fonts, Face.HEADING, room, theme.text.name())
    for index, line in enumerate(notice.lines):
        below = y + 32 + 20 * index
        _centred(painter, line, size.width() / 2, below, fonts, Face.LABEL, room, theme.muted.name())


def paint_busy(painter: QPainter, size: QSize, theme: Theme, fonts: Fonts, percent: int | None) -> None:
    """A quiet sign at the top while the next drawing is being made, unless it may come at once (None)."""
    if percent is not None:
        paint_text(painter, QSizeF(size), theme, fonts, busy_text(percent), 16.0)


def busy_text(percent: int) -> str:
    """What the sign says."""
    return f"Laying out … {percent} % · Esc cancels"


def text_width(fonts: Fonts, text: str) -> float:
    """Width of the plate that `paint_text` draws, where there is room for it."""
    return fonts.width(text, Face.SMALL) + 32


def paint_text(painter: QPainter, size: QSizeF, theme: Theme, fonts: Fonts, text: str, top: float) -> None:
    """One line on a plate in the middle, below `top`."""
    text = fonts.elide(text, Face.SMALL, size.width() - 64)
    width = text_width(fonts, text)
    place = QRectF((size.width() - width) / 2, top, width, 28)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(theme.surface)
    painter.drawRoundedRect(place, RADIUS_CARD, RADIUS_CARD)
    painter.setFont(fonts[Face.SMALL])
    painter.setPen(theme.text)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def _centred(
    painter: QPainter, text: str, x: float, y: float, fonts: Fonts, face: Face, room: float, colour: str
) -> None:
    shown = fonts.elide(plain(next(iter(text.strip().splitlines()), "")), face, room)
    painter.setFont(fonts[face])
    painter.setPen(colour)
    painter.drawText(QPointF(x - fonts.width(shown, face) / 2, y), shown)
