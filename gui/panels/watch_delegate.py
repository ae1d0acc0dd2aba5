"""How one row of the watch list is drawn: the name, what is pinned, a thumbnail and a number in its colour."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from engine.graph.model import TensorInfo

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from ..widgets.heat_map import Rgb, as_real, colors, reduce_blocks, scale_limit
from ..widgets.heat_view import NAN_COLOR, scale_colors
from .rows import MARGIN

ROW_PX = 46
_THUMB_W, _THUMB_H = 56, 24
_LARGEST = 1 << 18
"""Elements of which a thumbnail is made; of more, an even sample."""


def thumbnail(info: TensorInfo, theme: Theme, *, is_gradient: bool) -> QImage | None:
    """A small picture of a tensor; None where its values were not kept."""
    if info.array is None or info.array.size == 0:
        return None
    array = info.array
    matrix = array.reshape(1, -1) if array.ndim < 2 else array.reshape(-1, array.shape[-1])
    if matrix.size > _LARGEST:
        step = int(np.ceil(np.sqrt(matrix.size / _LARGEST)))
        matrix = matrix[:: min(step, matrix.shape[0]), :: min(step, matrix.shape[1])]
    real = as_real(matrix)
    blocks = reduce_blocks(real, _THUMB_H, _THUMB_W)
    negative, middle, positive = scale_colors(theme, is_gradient=is_gradient)
    pixels = np.ascontiguousarray(
        colors(blocks, scale_limit(real), *(_rgb(c) for c in (negative, middle, positive, NAN_COLOR, theme.text)))
    )
    rows, columns = pixels.shape[:2]
    return QImage(pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()


def _rgb(color: QColor) -> Rgb:
    return color.red(), color.green(), color.blue()


class WatchDelegate(QStyledItemDelegate):
    """Paints what the model of `WatchPanel` gives for each row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._name_font = ui_font(TEXT_NORMAL_PT, bold=True)
        self._small_font, self._number_font = ui_font(TEXT_SMALL_PT), mono_font(TEXT_NORMAL_PT)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(160, ROW_PX)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme, area = self.theme, QRect(option.rect)
        state = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.data_soft)
        painter.fillRect(area.left(), area.bottom(), area.width(), 1, theme.line)
        inner = area.adjusted(MARGIN, UNIT, -MARGIN, -UNIT)
        name, what, number, is_gradient, image = index.data(Qt.ItemDataRole.UserRole)
        right = inner.right() + 1
        if image is not None:
            frame = QRectF(right - _THUMB_W, inner.center().y() - _THUMB_H / 2 + 0.5, _THUMB_W, _THUMB_H)
            # Of few elements the cells are seen; smoothing would invent values between them.
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(frame, image)
            painter.setPen(theme.line)
            painter.drawRect(frame)
            right -= _THUMB_W + 2 * UNIT
        is_number = index.data(Qt.ItemDataRole.UserRole + 1)
        number_color = (theme.accent_text if is_gradient else theme.data_text) if is_number else theme.muted
        parts = (
            (self._number_font if is_number else self._small_font, number_color, number),
            (self._name_font, theme.text, name),
            (self._small_font, theme.muted, what),
        )
        for rect, (font, color, text) in zip(
            self.places(inner, right, number, is_number=is_number), parts, strict=True
        ):
            painter.setFont(font)
            painter.setPen(color)
            side = Qt.AlignmentFlag.AlignRight if text is number else Qt.AlignmentFlag.AlignLeft
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | side), shown)
        painter.restore()

    def places(self, inner: QRect, right: int, number: str, *, is_number: bool) -> tuple[QRect, QRect, QRect]:
        """Where number, name and form stand: the number beside the name, the form below with the whole width."""
        font = self._number_font if is_number else self._small_font
        half, room = inner.height() // 2, right - inner.left()
        width = min(QFontMetrics(font).horizontalAdvance(number) + 2, max(room * 2 // 3, 40))
        return (
            QRect(right - width, inner.top(), width, half),
            QRect(inner.left(), inner.top(), room - width - 2 * UNIT, half),
            QRect(inner.left(), inner.top() + half, room, half),
        )
