"""One tensor at a glance: a number, a strip or a heat map with its scale, slices of further axes, and statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QMenu, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from engine.graph.model import TensorInfo
from engine.graph.numbers import MINUS, format_number, format_shape

from ..style import TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .heat_map import Floats, as_real, scale_limit
from .heat_view import HeatView
from .statistics_view import StatisticsView
from .text import ElidedLabel, set_text_color

_MOST_AXES = 12
_LINE_PX = 18
_FEW = 64
"""Up to so many entries the picture itself shows how they are distributed, and no histogram is drawn."""


def exact_text(array: npt.NDArray[Any]) -> str:
    """The single value of an array, as exactly as its type holds it."""
    value = array.reshape(-1)[0]
    return str(value.item() if array.dtype.kind in "biu" else value)


def number_text(info: TensorInfo) -> str:
    """A tensor in a few characters: a scalar's value, else its norm, else only its shape."""
    if info.numel == 1 and info.array is not None:
        value = info.array.reshape(-1)[0]
        if info.array.dtype.kind == "c":
            sign = MINUS if value.imag < 0 else "+"
            return f"{format_number(float(value.real))} {sign} {format_number(abs(float(value.imag)))}i"
        return format_number(float(value))
    summary = info.summary
    if summary is None or summary.count == 0:
        return format_shape(info.shape)
    return format_number(summary.mean) if info.numel == 1 else f"norm {format_number(summary.norm)}"


class ScaleBar(QWidget):
    """The colours of a heat map from -limit over zero to +limit."""

    def __init__(self, heat: HeatView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heat = heat
        self._limit = 1.0
        self._theme: Theme | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_limit(self, limit: float, theme: Theme) -> None:
        self._limit, self._theme = limit, theme
        self.setAccessibleName(f"Colour scale from {format_number(-limit)} to {format_number(limit)}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, _LINE_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, _LINE_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is None:
            return
        painter = QPainter(self)
        painter.setFont(mono_font(TEXT_SMALL_PT - 1))
        low, high = format_number(-self._limit, 3), format_number(self._limit, 3)
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance(low) + 6, metrics.horizontalAdvance(high) + 6
        bar = QRectF(left, (self.height() - 6) / 2, min(max(self.width() - left - right, 8), 96), 6)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for stop, color in zip((0.0, 0.5, 1.0), self._heat.scale_colors, strict=True):
            gradient.setColorAt(stop, color)
        painter.fillRect(bar, gradient)
        painter.setPen(self._theme.line)
        painter.drawRect(bar)
        painter.setPen(self._theme.muted)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, left, self.height()), Qt.AlignmentFlag.AlignLeft | middle, low)
        painter.drawText(QRectF(bar.right() + 6, 0, right, self.height()), Qt.AlignmentFlag.AlignLeft | middle, high)
        painter.end()


class TensorView(QWidget):
    """Shows one `TensorInfo`; never wider than its parent gives it room for.

    Parameters
    ----------
    has_statistics : whether the histogram and the statistics stand below the picture.
    """

    def __init__(self, parent: QWidget | None = None, *, has_statistics: bool = True) -> None:
        super().__init__(parent)
        self._array: npt.NDArray[Any] | None = None
        self._info: TensorInfo | None = None
        self._theme: Theme | None = None
        self._is_gradient = False
        self._has_statistics = has_statistics
        self._real: Floats = np.zeros((1, 1))
        self._readout = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
        self._readout.setFixedHeight(_LINE_PX)
        self._note = QLabel(self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        self._note.setFont(ui_font(TEXT_SMALL_PT))
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._axes = QGridLayout()
        self._axes.setContentsMargins(0, 0, 0, 0)
        self._axes.setHorizontalSpacing(UNIT)
        self._spins: list[QSpinBox] = []
        self._axis_labels: list[QLabel] = []
        self._heat = HeatView(self)
        self._heat.hovered.connect(self._on_heat_hovered)
        self._scale = ScaleBar(self._heat, self)
        self._statistics = StatisticsView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(self._axes)
        for widget in (self._heat, self._scale, self._readout, self._note, self._statistics):
            layout.addWidget(widget)
        self.copy_action = QAction("Copy as text", self)
        self.copy_action.triggered.connect(self._on_copy_triggered)
        self.export_action = QAction("Export as .npy…", self)
        self.export_action.triggered.connect(self._on_export_triggered)
        self.set_tensor(None, None)

    def set_tensor(self, info: TensorInfo | None, theme: Theme | None, *, is_gradient: bool = False) -> None:
        """Show `info` in the colours of values, or of gradients; None shows nothing."""
        array = None if info is None else info.array  # it may have come since: values are fetched on demand
        shown = (self._info, self._theme, self._array)
        is_new = any(new is not old for new, old in zip((info, theme, array), shown, strict=True))
        is_new = is_new or is_gradient != self._is_gradient
        self._info, self._theme, self._array, self._is_gradient = info, theme, array, is_gradient
        if info is None or theme is None:
            for widget in (self._heat, self._scale, self._readout, self._note, self._statistics):
                widget.hide()
            self._build_axes(())
            return
        if not is_new:
            return
        color = theme.accent if is_gradient else theme.data
        self._readout.set_color(color)
        set_text_color(self._note, theme.muted)
        has_cells = info.array is not None and info.array.size > 0 and info.array.ndim <= _MOST_AXES
        self._heat.setVisible(has_cells)
        self._scale.setVisible(has_cells)
        self._readout.hide()
        note = self._note_text(info)
        self._note.setVisible(bool(note))
        self._note.setText(note)
        summary = info.summary
        has_statistics = self._has_statistics and summary is not None and summary.count > 0
        self._statistics.setVisible(has_statistics)
        if has_statistics and summary is not None:
            self._statistics.show_summary(summary, color, theme, has_histogram=summary.count > _FEW)
        if has_cells and info.array is not None:
            self._real = as_real(info.array)
            self._build_axes(self._real.shape[:-2])
            self._show_slice()
        else:
            self._build_axes(())

    def _note_text(self, info: TensorInfo) -> str:
        if info.array is None:
            return info.note or "The values of this tensor were not kept."
        if info.array.size == 0:
            return f"Empty: {format_shape(info.shape)}"
        if info.array.dtype.kind == "c":
            return "Complex numbers, shown by their absolute values."
        return info.note or ""

    # --- slices ---

    @property
    def index(self) -> tuple[int, ...]:
        """The slice shown: one index for each axis but the last two."""
        return tuple(spin.value() for spin in self._spins)

    def set_index(self, index: tuple[int, ...]) -> None:
        """Show another slice of a tensor of three or more axes."""
        for spin, value in zip(self._spins, index, strict=True):
            spin.setValue(value)

    def _build_axes(self, sizes: tuple[int, ...]) -> None:
        for widget in (*self._spins, *self._axis_labels):
            self._axes.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._spins, self._axis_labels = [], []
        for axis, size in enumerate(sizes):
            label = QLabel(f"axis {axis}", self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(ui_font(TEXT_SMALL_PT))
            if self._theme is not None:
                set_text_color(label, self._theme.muted)
            spin = QSpinBox(self)
            spin.setRange(0, size - 1)
            spin.setWrapping(True)
            spin.setSuffix(f" / {size - 1}")
            spin.setFont(mono_font(TEXT_SMALL_PT))
            spin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            spin.setAccessibleName(f"Index along axis {axis}, 0 to {size - 1}")
            spin.valueChanged.connect(self._on_axis_value_changed)
            label.setBuddy(spin)
            self._axes.addWidget(label, axis // 2, axis % 2 * 2)
            self._axes.addWidget(spin, axis // 2, axis % 2 * 2 + 1)
            self._spins.append(spin)
            self._axis_labels.append(label)

    def _slice(self) -> Floats:
        part = self._real[self.index] if self._spins else self._real
        return part.reshape(1, -1) if part.ndim < 2 else part

    def _show_slice(self) -> None:
        if self._theme is None:
            return
        limit = scale_limit(self._real)  # one scale for the whole tensor, so that slices can be compared
        self._heat.show_matrix(self._slice(), limit, self._theme, is_gradient=self._is_gradient)
        self._scale.show_limit(limit, self._theme)
        self._show_readout(-1, -1)

    def _on_axis_value_changed(self) -> None:
        self._show_slice()

    # --- reading out ---

    @property
    def readout(self) -> str:
        """Index and value of the cell that is pointed at; empty otherwise."""
        return "" if self._readout.isHidden() else self._readout.whole_text

    @property
    def note(self) -> str:
        """What is said instead of, or about, the picture."""
        return self._note.text()

    def _on_heat_hovered(self, row: int, column: int) -> None:
        self._show_readout(row, column)

    def _show_readout(self, row: int, column: int) -> None:
        if row < 0 or self._info is None or self._info.array is None:
            self._swap(has_readout=False)
            return
        self._swap(has_readout=True)
        blocks = self._heat.blocks()
        if blocks.extreme.shape != self._slice().shape:
            self._readout.set_text(self._block_text(row, column))
            return
        index = self._full_index(row, column)
        value = self._info.array[index] if self._info.array.ndim else self._info.array[()]
        self._readout.set_text(f"[{', '.join(map(str, index))}] {value}".replace("-", MINUS))

    def _swap(self, *, has_readout: bool) -> None:
        """The cell's value takes the place of the scale while a cell is pointed at, so that nothing moves."""
        self._scale.setVisible(not has_readout)
        self._readout.setVisible(has_readout)

    def _block_text(self, row: int, column: int) -> str:
        blocks = self._heat.blocks()
        r, c = self._heat.block_of(row, column)
        ranges = [_range_text(blocks.row_edges, r), _range_text(blocks.column_edges, c)]
        names = [str(i) for i in self.index] + (ranges if self._real.ndim > 1 else ranges[1:])
        low, high = float(blocks.low[r, c]), float(blocks.high[r, c])
        values = format_number(low) if low == high else f"{format_number(low)} to {format_number(high)}"
        odd = " with NaN" if blocks.nan[r, c] else " with Inf" if blocks.inf[r, c] else ""
        return f"[{', '.join(names)}] {values}{odd}"

    def _full_index(self, row: int, column: int) -> tuple[int, ...]:
        if self._real.ndim == 0:
            return ()
        return (*self.index, row, column) if self._real.ndim > 1 else (column,)

    # --- copy and export ---

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addActions([self.copy_action, self.export_action])
        has_array = self._info is not None and self._info.array is not None
        self.copy_action.setEnabled(has_array)
        self.export_action.setEnabled(has_array)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def as_text(self) -> str:
        """The shown slice in full precision: columns separated by tabs, one row a line, as spreadsheets take it."""
        if self._info is None or self._info.array is None:
            return ""
        part = self._info.array[self.index] if self._spins else self._info.array
        rows = part.reshape(1, -1) if part.ndim < 2 else part
        return "\n".join("\t".join(str(value) for value in row) for row in rows)

    def save_npy(self, path: str) -> None:
        """Write the whole tensor as a NumPy file; raises OSError where that fails."""
        if self._info is not None and self._info.array is not None:
            np.save(path, self._info.array, allow_pickle=False)

    def _on_copy_triggered(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text())

    def _on_export_triggered(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Export the tensor", "tensor.npy", "NumPy array (*.npy)")
        if not path:
            return
        try:
            self.save_npy(path)
        except OSError as error:
            self._swap(has_readout=True)
            self._readout.set_text(f"Not written: {error.strerror or error}. Choose another place.")


def _range_text(edges: npt.NDArray[np.int64], block: int) -> str:
    first, last = int(edges[block]), int(edges[block + 1]) - 1
    return str(first) if first == last else f"{first}–{last}"
