"""A small matrix whose cells can be typed into, one by one or all at once from the clipboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from engine.graph.numbers import format_number

from ..pasted import fitted, parse_numbers
from ..style import TEXT_SMALL_PT
from ..theme import mono_font, ui_font

_CELL_PX = (44, 24)
"""The narrowest cell, and the height of all."""
_PADDING_PX = 9
_MOST_ROWS = 6
_MOST_MEASURED = 256
"""Numbers that are measured to find how wide a column is; of more, an even sample."""
Index = QModelIndex | QPersistentModelIndex


class _Cells(QAbstractTableModel):
    edited = Signal(object)
    refused = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.shown: npt.NDArray[Any] = np.zeros((0, 0))

    def set_array(self, array: npt.NDArray[Any]) -> None:
        if array.shape != self.shown.shape:
            self.beginResetModel()
            self.shown = array
            self.endResetModel()
            return
        self.shown = array
        if array.size:
            self.dataChanged.emit(self.index(0, 0), self.index(array.shape[0] - 1, array.shape[1] - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else int(self.shown.shape[0])

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else int(self.shown.shape[1])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        value = self.shown[index.row(), index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return format_number(float(value), 4)
        if role in (Qt.ItemDataRole.EditRole, Qt.ItemDataRole.ToolTipRole):
            return str(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return str(section) if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        try:
            number = float(str(value).replace("−", "-").replace(",", "."))
        except ValueError:
            self.refused.emit(f"{str(value)[:40]!r} is no number.")
            return False
        array = self.shown.astype(np.float64)
        array[index.row(), index.column()] = number
        self.set_array(array)
        self.edited.emit(array)
        return True


class MatrixEditor(QTableView):
    """Shows a two-dimensional array; the whole of it is told with every change."""

    edited = Signal(object)
    """An array of the shape that was set, or another one that was pasted."""
    refused = Signal(str)
    """What was typed or pasted is no number; a sentence."""
    cell_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells = _Cells(self)
        self._cells.edited.connect(self.edited)
        self._cells.refused.connect(self.refused)
        self.setModel(self._cells)
        self.setFont(mono_font(TEXT_SMALL_PT))
        self.setAccessibleName("Values")
        self.setToolTip("Double-click a cell to change it; paste numbers from a spreadsheet, a file or Python")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header, size in ((self.horizontalHeader(), _CELL_PX[0]), (self.verticalHeader(), _CELL_PX[1])):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setDefaultSectionSize(size)
            header.setMinimumSectionSize(16)
            header.setFont(ui_font(TEXT_SMALL_PT))
        self.horizontalHeader().setFixedHeight(20)
        self.verticalHeader().setFixedWidth(28)
        paste = QAction("Paste values", self)
        paste.setShortcut(QKeySequence.StandardKey.Paste)
        paste.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        paste.triggered.connect(self.paste)
        self.addAction(paste)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.selectionModel().currentChanged.connect(self._on_current_changed)

    @property
    def array(self) -> npt.NDArray[Any]:
        return self._cells.shown

    def set_array(self, array: npt.NDArray[Any]) -> None:
        """Show a matrix without telling of it; the chosen cell stays."""
        is_other = array.shape != self._cells.shown.shape
        self._cells.set_array(array)
        width = self._needed_width(array)
        if width != self.horizontalHeader().defaultSectionSize():
            self.horizontalHeader().setDefaultSectionSize(width)
        if is_other:
            self.verticalHeader().setVisible(array.shape[0] > 1)  # the only row needs no number
            rows = min(max(array.shape[0], 1), _MOST_ROWS)
            self.setFixedHeight(rows * _CELL_PX[1] + 20 + 14)

    def _needed_width(self, array: npt.NDArray[Any]) -> int:
        """Pixels of a column in which no number is cut."""
        sample = array.reshape(-1)[:: array.size // _MOST_MEASURED + 1].tolist()
        longest = max((len(format_number(float(value), 4)) for value in sample), default=0)
        return max(QFontMetrics(self.font()).horizontalAdvance("0" * longest) + _PADDING_PX, _CELL_PX[0])

    def paste(self) -> None:
        """Take the numbers from the clipboard."""
        try:
            found = parse_numbers(QGuiApplication.clipboard().text())
        except ValueError as error:
            self.refused.emit(str(error))
            return
        self.edited.emit(fitted(found, self._cells.shown.shape))

    def sizeHint(self) -> QSize:
        return QSize(220, self.height())

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.cell_chosen.emit(current.row(), current.column())
