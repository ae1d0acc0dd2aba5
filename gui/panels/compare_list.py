"""The list of what changed between two traces: its rows, and how a row is painted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from engine.graph.deviation import Deviation
from engine.graph.diff import Comparison, NodeChange

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import ThemeManager, mono_font, ui_font
from ..widgets.text import tooltip
from .compare_text import amount_text, change_text, details, graph_text, title_text, where_text

CHANGE_ROLE = Qt.ItemDataRole.UserRole + 1
_Index = QModelIndex | QPersistentModelIndex
_LINE_PX = 17
_PADDING_PX = 6
_LABEL_PX = 58
_AMOUNT_PX = 58
_BAR_PX = 3


class ChangeModel(QAbstractListModel):
    """One row for each change that is shown."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.comparison: Comparison | None = None
        self.changes: list[NodeChange] = []

    def show(self, comparison: Comparison | None, changes: Sequence[NodeChange]) -> None:
        self.beginResetModel()
        self.comparison, self.changes = comparison, list(changes)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.changes)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if self.comparison is None or not index.isValid():
            return None
        change = self.changes[index.row()]
        if role == CHANGE_ROLE:
            return change
        if role == Qt.ItemDataRole.DisplayRole:
            return title_text(self.comparison, change)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(_lines(self.comparison, change))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip("\n".join(_lines(self.comparison, change)))
        return None


def _lines(comparison: Comparison, change: NodeChange) -> list[str]:
    lines = [title_text(comparison, change), where_text(comparison, change), graph_text(comparison, change)]
    if change.value is not None:
        lines += details(change.value, "value")
    if change.gradient is not None:
        lines += details(change.gradient, "gradient")
    return [line for line in lines if line]


class ChangeDelegate(QStyledItemDelegate):
    """Paints a row: the node and what is different about it, then its value and its gradient, before and after."""

    def __init__(self, themes: ThemeManager, model: ChangeModel) -> None:
        super().__init__(model)
        self._themes = themes
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        change: NodeChange = index.data(CHANGE_ROLE)
        lines = 1 + bool(change.graph) + (change.value is not None) + (change.gradient is not None)
        return QSize(160, lines * _LINE_PX + 2 * _PADDING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        comparison = self._model.comparison
        if comparison is None:
            return
        theme = self._themes.theme
        change: NodeChange = index.data(CHANGE_ROLE)
        area = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.data_soft)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.background)
        painter.setPen(theme.line)
        painter.drawLine(area.bottomLeft() + QPointF(12, -0.5), area.bottomRight() + QPointF(-12, -0.5))
        row = QRectF(area.left() + 14, area.top() + _PADDING_PX, area.width() - 28, _LINE_PX)
        left = self._text(painter, row, title_text(comparison, change), theme.text, is_bold=True)
        place = row.adjusted(left + 10, 0, 0, 0)
        if place.width() > 40:
            self._text(painter, place, where_text(comparison, change), theme.muted, is_small=True)
        if change.graph:
            row.translate(0, _LINE_PX)
            self._text(painter, row, graph_text(comparison, change), theme.leaf_text)
        for name, found, color in (
            ("value", change.value, theme.data_text),
            ("gradient", change.gradient, theme.accent_text),
        ):
            if found is not None:
                row.translate(0, _LINE_PX)
                self._deviation(painter, row, name, found, color)
        painter.restore()

    def _text(
        self,
        painter: QPainter,
        area: QRectF,
        text: str,
        color: QColor,
        *,
        is_bold: bool = False,
        is_small: bool = False,
    ) -> float:
        """Draw a text, elided; returns how wide it is."""
        font = ui_font(TEXT_SMALL_PT if is_small else TEXT_NORMAL_PT, bold=is_bold)
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)

    def _deviation(self, painter: QPainter, row: QRectF, name: str, found: Deviation, color: QColor) -> None:
        theme = self._themes.theme
        self._text(painter, QRectF(row.left(), row.top(), _LABEL_PX, row.height()), name, theme.muted, is_small=True)
        amount = amount_text(found)
        room = _AMOUNT_PX if amount else 0
        painter.setFont(mono_font(TEXT_SMALL_PT))
        painter.setPen(color)
        area = row.adjusted(_LABEL_PX, 0, -room, 0)
        shown = QFontMetricsF(painter.font()).elidedText(change_text(found), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)
        if not amount:
            return
        end = QRectF(row.right() - room, row.top(), room, row.height())
        painter.drawText(end, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, amount)
        bar = QRectF(end.right() - 44, end.bottom() - 1, 44, _BAR_PX - 1)
        painter.fillRect(bar, theme.line)
        bar.setWidth(bar.width() * min(found.amount, 1.0))
        painter.fillRect(bar, color)
