"""What stands over the view made small: its name and a sign that it opens."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from gui.theme import RADIUS_CONTROL, Theme

from .fonts import Face, Fonts

HEIGHT = 28.0
PADDING, GAP, SIGN = 10.0, 8.0, 8.0
REACH = 22.0
"""Side of the square around a sign in which a click means it."""


def width(fonts: Fonts, title: str) -> float:
    """Width of a chip in pixels."""
    return PADDING + fonts.width(title, Face.SMALL_BOLD) + GAP + SIGN + PADDING


def paint(painter: QPainter, place: QRectF, title: str, theme: Theme, fonts: Fonts) -> None:
    """Draw a chip."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(theme.surface)
    painter.drawRoundedRect(place, RADIUS_CONTROL, RADIUS_CONTROL)
    painter.setFont(fonts[Face.SMALL_BOLD])
    painter.setPen(theme.text)
    painter.drawText(QPointF(place.x() + PADDING, place.y() + 18.5), title)
    paint_sign(painter, QPointF(place.right() - PADDING - SIGN / 2, place.center().y()), theme.muted, is_open=False)


def paint_sign(painter: QPainter, middle: QPointF, colour: QColor, *, is_open: bool) -> None:
    """The chevron: down closes, up opens."""
    tip, half = 2.0 if is_open else -2.0, SIGN / 2
    pen = QPen(colour, 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y = middle.x(), middle.y()
    painter.drawPolyline(QPolygonF([QPointF(x - half, y - tip), QPointF(x, y + tip), QPointF(x + half, y - tip)]))


def sign_place(panel: QRectF) -> QRectF:
    """Where the sign of a large panel is: in its upper right corner."""
    return QRectF(panel.right() - REACH - 1, panel.y() + 1, REACH, REACH)
