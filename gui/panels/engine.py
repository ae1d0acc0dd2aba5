"""The engine panel: what autograd has ready, what waits, what is added up, what is saved, at the cursor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from engine.graph.numbers import format_bytes

from ..document import Document
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, mix
from ..theme import UNIT, Theme, ThemeManager, ui_font
from ..widgets.copying import add_copy
from ..widgets.text import set_text_color
from .engine_rows import MORE_ROLE, NODE_ROLE, EngineModel, sections

_EMPTY = "Open a program to see what the autograd engine holds at each step."
CURVE_PX = 62
MOST_DETAIL = 0.6
"""Of the width, for the detail at the right of a row."""
LATER_MS = 40
"""While the cursor moves the panel follows no faster: everything else is painted first."""


class EnginePanel(QWidget):
    """Follows the document's cursor once everything else is painted. A click on a row selects its node."""

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._is_stale = True
        self._is_behind = False
        self.setAccessibleName("Engine")
        self.curve = MemoryCurve(document, themes, self)
        self.model = EngineModel(themes.theme, self)
        self.list = QTreeView(self)
        self.list.setModel(self.model)
        self.list.setObjectName("roomyList")
        self.list.setAccessibleName("What the engine holds")
        self.list.setUniformRowHeights(True)
        self.list.setFrameShape(QTreeView.Shape.NoFrame)
        self.list.setHeaderHidden(True)
        self.list.setIndentation(14)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setExpandsOnDoubleClick(False)
        add_copy(self.list, self._copied)
        self.list.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.list.clicked.connect(self._on_list_activated)
        self.list.activated.connect(self._on_list_activated)
        self.list.collapsed.connect(self._on_list_collapsed)
        self.list.expanded.connect(self._on_list_expanded)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.list.setItemDelegate(_SharedRow(self.list, self.model))
        self._collapsed: set[str] = set()
        self._is_filling = False
        shown = QWidget(self)
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.curve)
        around = QVBoxLayout()
        around.setContentsMargins(4, 0, 10, 4)
        around.addWidget(self.list)
        column.addLayout(around, 1)
        self._hint = QLabel(_EMPTY, self)
        self._hint.setObjectName("emptyNote")
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        self._hint.setFont(ui_font(TEXT_NORMAL_PT))
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._hint)
        self._pages.addWidget(shown)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self.refresh)
        for signal in (document.trace_changed, document.cursor_changed, document.selection_changed):
            signal.connect(self._on_document_changed)
        document.updates_changed.connect(self._on_document_changed)
        document.numbers_changed.connect(self._on_document_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self.refresh()

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen and self._is_stale:
            self.refresh()

    def refresh(self) -> None:
        """Show the document's present moment, if the panel is seen."""
        self._later.stop()
        if not self.isVisible() or self._is_behind:
            return
        self._is_stale = False
        document = self._document
        trace, stepper, lifetimes = document.trace, document.stepper, document.lifetimes
        if trace is None or stepper is None or lifetimes is None:
            self.model.set_sections([])
            self._pages.setCurrentIndex(0)
            return
        self._pages.setCurrentIndex(1)
        found = sections(trace, stepper, lifetimes, document.focus)
        top = self.list.verticalScrollBar().value()
        self._is_filling = True
        self.model.set_sections(found)
        for row, section in enumerate(found):
            self.list.setExpanded(self.model.index(row, 0), _key(section.title) not in self._collapsed)
        self._is_filling = False
        self.list.verticalScrollBar().setValue(top)

    def _on_document_changed(self) -> None:
        self._is_stale = True
        if self.isVisible() and not self._is_behind and not self._later.isActive():
            self._later.start()

    def _on_list_activated(self, index: QModelIndex) -> None:
        node = index.data(NODE_ROLE)
        if node is not None:
            self._document.select(int(node))

    def _copied(self) -> str:
        return str(self.list.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole) or "")

    def _on_list_collapsed(self, index: QModelIndex) -> None:
        if not self._is_filling:
            self._collapsed.add(_key(self.model.sections[index.row()].title))

    def _on_list_expanded(self, index: QModelIndex) -> None:
        if not self._is_filling:
            self._collapsed.discard(_key(self.model.sections[index.row()].title))

    def _on_themes_changed(self, theme: Theme) -> None:
        self.model.theme = theme
        set_text_color(self._hint, theme.muted)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.surface)
        self.setPalette(palette)
        self.setAutoFillBackground(True)
        self.list.viewport().update()


class _SharedRow(QStyledItemDelegate):
    """Divides each row by itself: its detail gets the room that it needs, what it is about gets the rest."""

    def __init__(self, view: QTreeView, model: EngineModel) -> None:
        super().__init__(view)
        self._view, self._model = view, model

    def detail_width(self, index: QModelIndex | QPersistentModelIndex) -> int:
        """Pixels for the detail of a row, its margins included."""
        detail = self._model.index(index.row(), 1, index.parent())
        font = detail.data(Qt.ItemDataRole.FontRole) or self._view.font()
        needed = QFontMetrics(font).horizontalAdvance(str(detail.data() or "")) + 4 * UNIT
        return min(needed, round(MOST_DETAIL * self._view.viewport().width()))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        own = QStyleOptionViewItem(option)
        border = self._view.viewport().width() - self.detail_width(index)
        if index.column():
            own.rect.setLeft(border)
        else:
            own.rect.setRight(border - 1)
        super().paint(painter, own, index)

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Say more where there is room; of a long name the end says most."""
        super().initStyleOption(option, index)
        more = "" if index.column() else str(index.data(MORE_ROLE) or "")
        style = self._view.style()
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, option, self._view) + 1
        area = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, self._view)
        if more and QFontMetrics(option.font).horizontalAdvance(option.text + more) <= area.width() - 2 * margin:
            option.text += more


class MemoryCurve(QWidget):
    """Bytes that saving keeps alive over the whole step, with the cursor; a click or a drag goes there."""

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._picture: QPixmap | None = None
        self._key: tuple[object, ...] = ()
        self.setFixedHeight(CURVE_PX)
        self.setAccessibleName("Memory that saved tensors hold")
        self.setToolTip(
            "Bytes that tensors saved for the backward pass keep alive, from the first operation to the end"
        )
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        for signal in (document.trace_changed, document.cursor_changed, document.updates_changed):
            signal.connect(self.update)
        themes.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(240, CURVE_PX)

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(12, 28, -12, -8)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, document = self._themes.theme, self._document
        painter = QPainter(self)
        lifetimes = document.lifetimes
        values = np.zeros(0, dtype=np.int64) if lifetimes is None else lifetimes.bytes_alive
        if lifetimes is None or len(values) < 2:
            painter.fillRect(self.rect(), theme.surface)
            painter.end()
            return
        key = (lifetimes, theme.name, self.size(), self.devicePixelRatioF())
        if self._picture is None or self._key != key:
            self._picture, self._key = self._render(values, theme), key
        painter.drawPixmap(0, 0, self._picture)
        area = self._area()
        painter.setFont(ui_font(TEXT_SMALL_PT))
        painter.setPen(theme.muted)
        now = int(values[document.cursor - lifetimes.first])
        text = f"saved {format_bytes(now)} of {format_bytes(int(values.max()))}"
        if lifetimes.is_retained:
            text += " · the graph is kept"
        painter.drawText(
            QRectF(12, 6, self.width() - 24, 18), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = area.left() + area.width() * (document.cursor - lifetimes.first) / (len(values) - 1)
        painter.setPen(QPen(theme.accent, 1.5))
        painter.drawLine(QPointF(x, area.top() - 2), QPointF(x, area.bottom()))
        painter.end()

    def _render(self, values: npt.NDArray[np.int64], theme: Theme) -> QPixmap:
        """The curve without the cursor."""
        ratio, area = self.devicePixelRatioF(), self._area()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.surface)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        points = curve_points(values, area, max(int(values.max()), 1))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mix(theme.surface, theme.data, 0.16))
        painter.drawPolygon(QPolygonF([area.bottomLeft(), *points, area.bottomRight()]))
        painter.setPen(QPen(theme.data, 1.25))
        painter.drawPolyline(points)
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position().x())

    def _go_to(self, x: float) -> None:
        area, document = self._area(), self._document
        if document.first < document.last and area.width() > 0:
            part = min(max((x - area.left()) / area.width(), 0.0), 1.0)
            document.move_to(document.first + round(part * (document.last - document.first)))


def curve_points(values: npt.NDArray[np.int64], area: QRectF, most: int) -> list[QPointF]:
    """A line through the values, with no more points than the area has columns; each column's largest value."""
    columns = max(int(area.width()), 2)
    if len(values) > columns:
        first = np.linspace(0, len(values), columns, endpoint=False).astype(np.int64)
        values = np.maximum.reduceat(values, first)
    # A position holds from half a step before it to half a step after.
    middle = np.arange(len(values)).repeat(2) + np.tile([-0.5, 0.5], len(values))
    xs = area.left() + area.width() * np.clip(middle / max(len(values) - 1, 1), 0.0, 1.0)
    ys = area.bottom() - area.height() * values.repeat(2) / most
    return [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]


def _key(title: str) -> str:
    return title.split(" ", maxsplit=1)[0]
