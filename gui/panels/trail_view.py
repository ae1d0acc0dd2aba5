"""The way back from something wrong to its cause, as numbered steps; each one leads to its node."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from engine.diagnose.trail_step import TrailStep

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, ThemeManager, ui_font
from ..widgets.text import plain, set_text_color
from .problem_list import paint_severity

STEP_ROLE = Qt.ItemDataRole.UserRole + 1
MOST_STEPS = 24
"""Of a longer way the middle is left out."""
_LEFT_PX, _RIGHT_PX, _PADDING_PX = 40, 14, 7
_BAR_PX = 3
_Index = QModelIndex | QPersistentModelIndex


class TrailView(QWidget):
    """Shows a trail with a heading, a button that walks it, and one that goes back to the list of problems."""

    step_chosen = Signal(object)
    """A `TrailStep` to be shown."""
    closed = Signal()

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self.back = QPushButton("All problems", self)
        self.back.setToolTip("Back to the list of problems")
        self.next = QPushButton("Next", self)
        self.next.setToolTip("Go one step further back, towards the cause (Enter)")
        self.title = QLabel(self)
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(ui_font(TEXT_NORMAL_PT, bold=True))
        self.model = QStandardItemModel(self)
        self.list = QListView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(_TrailDelegate(themes, self.model))
        self.list.setMouseTracking(True)
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setAccessibleName("The way back to the cause")
        row = QHBoxLayout()
        row.setSpacing(2 * UNIT)
        row.addWidget(self.back)
        row.addStretch(1)
        row.addWidget(self.next)
        top = QVBoxLayout()
        top.setContentsMargins(4 * UNIT, 2 * UNIT, 4 * UNIT, 2 * UNIT)
        top.setSpacing(2 * UNIT)
        top.addLayout(row)
        top.addWidget(self.title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        self.back.clicked.connect(self.closed)
        self.next.clicked.connect(self._on_next_clicked)
        self.list.selectionModel().currentChanged.connect(self._on_list_current_changed)
        self.list.activated.connect(self._on_next_clicked)

    @property
    def steps(self) -> list[TrailStep]:
        """What is listed."""
        found = [self.model.item(row).data(STEP_ROLE) for row in range(self.model.rowCount())]
        return [step for step in found if isinstance(step, TrailStep)]

    def show_trail(self, title: str, steps: Sequence[TrailStep]) -> None:
        """List a trail, and go to its first step."""
        self.title.setText(title)
        self.model.clear()
        half = MOST_STEPS // 2
        is_long = len(steps) > MOST_STEPS
        for number, step in enumerate(steps, 1):
            if is_long and half < number <= len(steps) - half:
                if number == half + 1:
                    self._add(f"… {len(steps) - 2 * half} steps in between only hand it on …", None)
                continue
            self._add(f"{number}. {plain(step.text)}", step)
        if steps:
            self.list.setCurrentIndex(self.model.index(0, 0))
        self.list.setFocus()

    def _add(self, text: str, step: TrailStep | None) -> None:
        item = QStandardItem(text)
        item.setEditable(False)
        item.setSelectable(step is not None)
        item.setData(step, STEP_ROLE)
        self.model.appendRow(item)

    def set_colors(self) -> None:
        """The theme changed."""
        set_text_color(self.title, self._themes.theme.text)
        self.list.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.list.scheduleDelayedItemsLayout()  # the texts wrap elsewhere now

    def _on_list_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        step = current.data(STEP_ROLE)
        self.next.setEnabled(0 <= current.row() < self.model.rowCount() - 1)
        if isinstance(step, TrailStep):
            self.step_chosen.emit(step)

    def _on_next_clicked(self) -> None:
        row = self.list.currentIndex().row() + 1
        if row < self.model.rowCount() and self.model.item(row).data(STEP_ROLE) is None:
            row += 1
        if row < self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(row, 0))


class _TrailDelegate(QStyledItemDelegate):
    """Paints a step: a line down from the one before, a sign of its part in the story, and its text, wrapped."""

    def __init__(self, themes: ThemeManager, model: QStandardItemModel) -> None:
        super().__init__(model)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        view = option.widget
        width = view.viewport().width() if isinstance(view, QListView) else 300
        room = QRectF(0, 0, max(width - _LEFT_PX - _RIGHT_PX, 60), 10_000)
        font = ui_font(TEXT_NORMAL_PT)
        height = QFontMetricsF(font).boundingRect(room, _FLAGS, str(index.data())).height()
        step = index.data(STEP_ROLE)
        if isinstance(step, TrailStep) and step.factor is not None:
            height += _BAR_PX + UNIT
        return QSize(100, round(height) + 2 * _PADDING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = self._themes.theme
        area = QRectF(option.rect)
        step = index.data(STEP_ROLE)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.data_soft)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.background)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        center = QPointF(area.left() + 22, area.top() + _PADDING_PX + 8)
        painter.setPen(QPen(theme.edge, 1.5))
        if index.row() > 0:
            painter.drawLine(QPointF(center.x(), area.top()), QPointF(center.x(), center.y() - 9))
        if index.row() < index.model().rowCount() - 1:
            painter.drawLine(QPointF(center.x(), center.y() + 9), QPointF(center.x(), area.bottom() + 1))
        if isinstance(step, TrailStep):
            if step.role == "cause":
                paint_severity(painter, center, "error", theme)
            else:
                painter.setPen(QPen(theme.accent if step.what == "gradient" else theme.data, 2))
                painter.setBrush(theme.surface if step.role == "way" else painter.pen().color())
                painter.drawEllipse(center, 4.5, 4.5)
        if isinstance(step, TrailStep) and step.factor is not None:
            self._paint_factor(painter, area, step, index)
        is_way = not isinstance(step, TrailStep) or step.role == "way"
        painter.setFont(ui_font(TEXT_NORMAL_PT if isinstance(step, TrailStep) else TEXT_SMALL_PT))
        painter.setPen(theme.muted if is_way else theme.text)
        room = area.adjusted(_LEFT_PX, _PADDING_PX, -_RIGHT_PX, 0)
        painter.drawText(room, _FLAGS, str(index.data()))
        painter.restore()

    def _paint_factor(self, painter: QPainter, area: QRectF, step: TrailStep, index: _Index) -> None:
        """A bar below the text: from the middle to the left for a fall, to the right for growth, in magnitudes."""
        theme = self._themes.theme
        model = index.model()
        every = [model.index(row, 0).data(STEP_ROLE) for row in range(model.rowCount())]
        most = max((abs(_magnitudes(other)) for other in every if isinstance(other, TrailStep)), default=1.0) or 1.0
        track = area.adjusted(_LEFT_PX, 0, -_RIGHT_PX, 0)
        track.setTop(area.bottom() - _PADDING_PX - _BAR_PX + 1)
        track.setHeight(_BAR_PX)
        size = _magnitudes(step)
        bar = QRectF(track.center().x(), track.top(), size / most * track.width() / 2, _BAR_PX).normalized()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillRect(track, theme.line)
        painter.setBrush(theme.edge if step.role == "way" else theme.data if size < 0 else theme.accent)
        painter.drawRoundedRect(bar, 1.5, 1.5)
        painter.fillRect(QRectF(track.center().x() - 0.5, track.top() - 2, 1, _BAR_PX + 4), theme.muted)


def _magnitudes(step: TrailStep) -> float:
    """Orders of magnitude by which a stop changes the size."""
    return math.log10(step.factor) if step.factor is not None and 0 < step.factor < math.inf else 0.0


_FLAGS = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
