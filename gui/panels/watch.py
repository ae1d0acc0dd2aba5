"""The watch list: pinned values and gradients at the cursor; ordered by dragging or by keys, each a way to its node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QImage, QKeySequence, QPalette, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListView, QStackedLayout, QWidget

from engine.graph.model import TensorInfo

from ..document import Document
from ..style import TEXT_NORMAL_PT
from ..theme import Theme, ThemeManager, ui_font
from ..watching import Watch, WatchModel
from ..widgets.copying import add_copy
from ..widgets.tensor_view import exact_text, number_text
from ..widgets.text import set_text_color
from .following import Following
from .naming import form_text, node_title
from .watch_delegate import WatchDelegate, thumbnail

_EMPTY = (
    "Nothing is watched. Pin beside a value or a gradient in the inspector puts it here; so do P for the value of the "
    "current node and Shift+P for its gradient."
)
_MOST_PICTURES = 64
_MIME = "application/x-retrograd-watch"
AnyIndex = QModelIndex | QPersistentModelIndex


class _Rows(QAbstractListModel):
    """The watch list for Qt: texts for screen readers, and what the delegate paints."""

    def __init__(self, model: WatchModel, document: Document, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._model, self._document = model, document
        self.theme = theme
        self._pictures: dict[int, tuple[Theme, bool, npt.NDArray[Any] | None, QImage | None]] = {}

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._model.items)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        items = self._model.items
        if not index.isValid() or index.row() >= len(items):
            return None
        watch = items[index.row()]
        name, what, number = self._texts(watch)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{name}, {what}: {number}"
        reading = self._model.reading(watch)
        if role == Qt.ItemDataRole.UserRole:
            info = reading.info
            is_picture = info is not None and info.numel > 1
            image = None
            if info is not None and is_picture:
                image = self._thumbnail(info, watch.is_gradient)
            return name, what, number, watch.is_gradient, image
        if role == Qt.ItemDataRole.UserRole + 1:
            return reading.info is not None
        return None

    def _thumbnail(self, info: TensorInfo, is_gradient: bool) -> QImage | None:
        """Pictures are remembered with the values that they show: most rows stay as they are from step to step."""
        known = self._pictures.get(id(info.array))  # the array itself is kept beside: its number is not given away
        if known is not None and known[:2] == (self.theme, is_gradient):
            return known[3]
        if len(self._pictures) > _MOST_PICTURES:
            self._pictures.clear()
        image = thumbnail(info, self.theme, is_gradient=is_gradient)
        self._pictures[id(info.array)] = self.theme, is_gradient, info.array, image
        return image

    def _texts(self, watch: Watch) -> tuple[str, str, str]:
        trace = self._document.trace
        if trace is None or watch.node >= len(trace.graph.nodes):
            return "?", "", "not in this trace"
        node = trace.graph.nodes[watch.node]
        form = form_text(node.outputs[watch.output]) if watch.output < len(node.outputs) else ""
        what = f"{'gradient' if watch.is_gradient else 'value'} · {form}"
        what += f" · output {watch.output}" if len(node.outputs) > 1 else ""
        reading = self._model.reading(watch)
        return node_title(node), what, reading.note if reading.info is None else number_text(reading.info)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return base | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else Qt.ItemFlag.ItemIsDropEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, str(indexes[0].row()).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: AnyIndex) -> bool:
        source = int(bytes(data.data(_MIME).data()) or b"-1")
        items = self._model.items
        if not 0 <= source < len(items):
            return False
        target = row if row >= 0 else len(items)
        self._model.move(items[source], target - (target > source))
        return False  # the list is made anew: Qt must not take the dragged row away

    def renew(self) -> None:
        """Another list."""
        self.beginResetModel()
        self.endResetModel()

    def refresh(self) -> None:
        """The same list with other numbers."""
        if self._model.items:
            self.dataChanged.emit(self.index(0), self.index(len(self._model.items) - 1))


class WatchPanel(QWidget):
    """Shows `model` at the document's cursor.

    Enter or a double click goes to a node, Delete takes a row away, Alt+Up and Alt+Down move it.
    """

    node_activated = Signal(int)
    """The user wants to see a node."""

    def __init__(
        self, document: Document, model: WatchModel, themes: ThemeManager, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._themes = model, themes
        self._is_stale = self._is_behind = False
        self._remembered: Watch | None = None
        self.setAccessibleName("Watch list")
        self._rows = _Rows(model, document, themes.theme, self)
        self._delegate = WatchDelegate(themes.theme)
        self.list = QListView(self)
        self.list.setAccessibleName("Watched values and gradients")
        self.list.setModel(self._rows)
        self.list.setItemDelegate(self._delegate)
        self.list.setUniformItemSizes(True)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.list.activated.connect(self._on_list_activated)
        self._empty = QLabel(_EMPTY, self)
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setObjectName("emptyNote")
        self._empty.setFont(ui_font(TEXT_NORMAL_PT))
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        self._add_action("Go to the node", self._on_go_triggered)
        add_copy(self.list, self._copied, "Copy the value")
        self._add_action("Move up", self._on_up_triggered, "Alt+Up")
        self._add_action("Move down", self._on_down_triggered, "Alt+Down")
        self._add_action("Stop watching", self._on_remove_triggered, "Del")
        self._add_action("Stop watching everything", self._model.clear)
        self._later = Following(self)
        self._later.due.connect(self._refresh)
        model.changed.connect(self._on_model_changed)
        for changed in (
            *(document.cursor_changed, document.values_changed, document.numbers_changed, document.trace_changed),
        ):
            changed.connect(self._on_document_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self._on_model_changed()

    def _add_action(self, text: str, slot: Any, keys: str = "") -> None:
        action = QAction(text, self.list)
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(slot)
        self.list.addAction(action)

    @property
    def current(self) -> Watch | None:
        """The watch of the current row."""
        index = self.list.currentIndex()
        return self._model.items[index.row()] if index.isValid() and index.row() < len(self._model.items) else None

    def texts(self) -> list[str]:
        """What the rows say, from the top."""
        return [str(self._rows.data(self._rows.index(row))) for row in range(self._rows.rowCount())]

    def _copied(self) -> str:
        """The exact number of the current row; of several what the row says."""
        watch = self.current
        if watch is None:
            return ""
        info = self._model.reading(watch).info
        array = None if info is None else info.array
        return exact_text(array) if array is not None and array.size == 1 else str(self.list.currentIndex().data())

    def _refresh(self) -> None:
        self._is_stale = self._is_behind or not self.isVisible()
        if not self._is_stale:
            self._rows.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._refresh()

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen and self._is_stale:
            self._refresh()

    def _on_model_changed(self) -> None:
        current = self._remembered
        self._rows.renew()
        self._stack.setCurrentWidget(self.list if self._model.items else self._empty)
        if current in self._model.items:
            self.list.setCurrentIndex(self._rows.index(self._model.items.index(current)))

    def _on_document_changed(self) -> None:
        if self._is_behind:
            self._is_stale = True
        else:
            self._later.note()

    def _on_themes_changed(self, theme: Theme) -> None:
        self._delegate.theme = self._rows.theme = theme
        palette = self.list.palette()
        palette.setColor(QPalette.ColorRole.Base, theme.surface)
        self.list.setPalette(palette)
        set_text_color(self._empty, theme.muted)
        self.list.viewport().update()

    def _on_list_activated(self, index: QModelIndex) -> None:
        self.node_activated.emit(self._model.items[index.row()].node)

    def _on_go_triggered(self) -> None:
        if self.current is not None:
            self.node_activated.emit(self.current.node)

    def _on_up_triggered(self) -> None:
        self._move_current(-1)

    def _on_down_triggered(self) -> None:
        self._move_current(1)

    def _move_current(self, by: int) -> None:
        watch = self.current
        if watch is None:
            return
        self._remembered = watch
        self._model.move(watch, self._model.items.index(watch) + by)
        self.list.setCurrentIndex(self._rows.index(self._model.items.index(watch)))

    def _on_remove_triggered(self) -> None:
        if self.current is not None:
            self._model.remove(self.current)
