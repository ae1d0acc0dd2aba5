"""A soft shadow under a floating widget: painted once, where Qt's own effect blurs at every change."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

REACH_PX = 32
DROP_PX = 8
CORNER_PX = 72.0
SIDE_PX = 160.0
"""Of the picture that every shadow is put together from."""
_DARKEST = 0.22


class Shadow(QWidget):
    """Stays under `widget`, a sibling, wherever that is; the mouse goes through it."""

    def __init__(self, widget: QWidget, radius: float) -> None:
        super().__init__(widget.parentWidget())
        self._widget = widget
        self._radius = radius
        self._picture = QPixmap()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        widget.installEventFilter(self)
        self.setVisible(widget.isVisible())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.ZOrderChange):
            self.setGeometry(self._widget.geometry().adjusted(-REACH_PX, -REACH_PX, REACH_PX, REACH_PX + DROP_PX))
            self.stackUnder(self._widget)
            self.setVisible(not self._widget.isHidden())
        elif event.type() == QEvent.Type.Hide:
            self.hide()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._picture.isNull() or self._picture.devicePixelRatio() != ratio:
            self._picture = _drawn(self._radius, ratio)
        painter = QPainter(self)
        for target, source in zip(_ninths(self.width(), self.height()), _ninths(SIDE_PX, SIDE_PX), strict=True):
            pixels = QRectF(source.topLeft() * ratio, source.size() * ratio)
            painter.drawPixmap(target, self._picture, pixels)
        painter.end()


def _ninths(width: float, height: float) -> list[QRectF]:
    """Corners, sides and middle of an area: corners are as large everywhere."""
    columns = (0.0, CORNER_PX, width - CORNER_PX, width)
    rows = (0.0, CORNER_PX, height - CORNER_PX, height)
    return [
        QRectF(left, top, right - left, bottom - top)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]


def _drawn(radius: float, ratio: float) -> QPixmap:
    """Rounded boxes on each other, each a little smaller: together they fade like a blur."""
    picture = QPixmap(round(SIDE_PX * ratio), round(SIDE_PX * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    steps = REACH_PX // 2
    box = QRectF(0, DROP_PX, SIDE_PX, SIDE_PX - DROP_PX)
    for step in range(steps):
        inset = 2.0 * step
        share = (step + 1) / steps
        painter.setBrush(QColor.fromRgbF(0.0, 0.0, 0.0, _DARKEST * 2 * share / (steps + 1)))
        corner = radius + REACH_PX - inset
        painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), corner, corner)
    painter.end()
    return picture
