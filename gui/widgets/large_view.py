"""A tensor too large to fetch as a whole at once: an overview that keeps its extremes, and parts of it when zoomed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from engine.graph.numbers import MINUS, format_number

from ..fetching_tiles import LargeTensor, Tile, TileValues
from ..style import TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .flow_row import FlowRow
from .region import Span, block, whole
from .scale_bar import LINE_PX, ScaleBar
from .text import ElidedLabel, LinkButton, set_text_color
from .zoom_heat import ZoomHeat

_ROWS, _COLUMNS = 168, 256
"""Blocks of an overview; no more of them can be told apart in a panel."""
_BRIEF_MS = 40
"""How long a wish rests before it is asked for: a drag asks for where it pauses."""
_NARROW = 48


class LargeTensorView(QWidget):
    """Shows parts of a `LargeTensor` as they come."""

    region_changed = Signal()
    """Another part is looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tensor: LargeTensor | None = None
        self._theme: Theme | None = None
        self._is_gradient = False
        self._rows, self._columns = whole(1), whole(1)
        self._shown: tuple[Tile, TileValues] | None = None
        self._overview: TileValues | None = None
        self._spins: list[QSpinBox] = []
        self._axes = QGridLayout()
        self._axes.setHorizontalSpacing(UNIT)
        self._heat = ZoomHeat(self)
        self._scale = ScaleBar(self._heat, self)
        self._readout = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
        self._readout.setFixedHeight(LINE_PX)
        self._status = QLabel(self)
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        self._status.setWordWrap(True)
        self._status.setFont(ui_font(TEXT_SMALL_PT))
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self._status.setSizePolicy(policy)
        self.nearer, self.farther, self.all, self.again = (
            self._link(text, name)
            for text, name in (
                ("Zoom in", "Zoom into the tensor"),
                ("out", "Zoom out of the tensor"),
                ("Whole", "Show the whole matrix"),
                ("Try again", "Fetch this part again"),
            )
        )
        controls = FlowRow(self, spacing=3 * UNIT)
        for link in (self.nearer, self.farther, self.all, self.again):
            controls.add(link)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(self._axes)
        for widget in (self._heat, self._scale, self._readout, self._status):
            layout.addWidget(widget)
        layout.addWidget(controls)
        self._readout.hide()
        self._brief = QTimer(self)
        self._brief.setSingleShot(True)
        self._brief.setInterval(_BRIEF_MS)
        self._brief.timeout.connect(self._want)
        self._heat.hovered.connect(self._on_heat_hovered)
        self._heat.zoom_requested.connect(self._on_heat_zoom_requested)
        self._heat.pan_requested.connect(self._on_heat_pan_requested)
        self._heat.whole_requested.connect(self.show_whole)
        self.nearer.clicked.connect(self._on_nearer_clicked)
        self.farther.clicked.connect(self._on_farther_clicked)
        self.all.clicked.connect(self.show_whole)
        self.again.clicked.connect(self._want)

    def _link(self, text: str, name: str) -> LinkButton:
        link = LinkButton(text, self.palette().text().color(), self, font=ui_font(TEXT_SMALL_PT))
        link.setAccessibleDescription(name)
        return link

    def set_tensor(
        self, tensor: LargeTensor | None, theme: Theme, *, is_gradient: bool = False, axes: tuple[str, ...] = ()
    ) -> None:
        """Show a tensor, from its overview on; the same one stays where it is. `axes` names its axes."""
        is_new, is_recolored = tensor is not self._tensor, theme is not self._theme
        if not is_new and not is_recolored:
            return
        self._theme, self._is_gradient = theme, is_gradient
        color = theme.accent_text if is_gradient else theme.data_text
        self._readout.set_color(color)
        set_text_color(self._status, theme.muted)
        for link in (self.nearer, self.farther, self.all, self.again):
            link.set_color(color)
        if is_new:
            if self._tensor is not None:
                self._tensor.changed.disconnect(self._on_tensor_changed)
                self._tensor.forget_wish()
            self._tensor, self._shown, self._overview = tensor, None, None
            if tensor is None:
                return
            tensor.changed.connect(self._on_tensor_changed)
            shape = tuple(tensor.info.shape)
            self._rows, self._columns = whole(shape[-2] if len(shape) > 1 else 1), whole(shape[-1])
            self._build_axes(shape[:-2], axes)
            self._want()
        for label in self.findChildren(QLabel, "axis"):
            set_text_color(label, theme.muted)
        self._draw()

    @property
    def tile(self) -> Tile:
        """The part that is looked at."""
        index = tuple(spin.value() for spin in self._spins)
        return Tile(index, self._rows.ends, self._columns.ends, _ROWS, _COLUMNS)

    @property
    def status(self) -> str:
        """What is said about the picture."""
        return self._status.text()

    @property
    def readout(self) -> str:
        """Index and value of what is pointed at; empty otherwise."""
        return "" if self._readout.isHidden() else self._readout.whole_text

    def show_whole(self) -> None:
        """Show the whole matrix again."""
        self._look(whole(self._rows.length), whole(self._columns.length))

    def zoom(self, steps: int, x: float = 0.5, y: float = 0.5) -> None:
        """Look nearer (above zero) or from farther; the place at these fractions of width and height stays."""
        self._look(self._rows.zoomed(steps, y), self._columns.zoomed(steps, x))

    def set_index(self, index: tuple[int, ...]) -> None:
        """Look at another matrix of a tensor with three or more axes."""
        for spin, value in zip(self._spins, index, strict=True):
            spin.setValue(value)

    def _look(self, rows: Span, columns: Span) -> None:
        if (rows, columns) != (self._rows, self._columns):
            self._rows, self._columns = rows, columns
            self._brief.start()
            self._draw()
            self.region_changed.emit()

    def _build_axes(self, sizes: tuple[int, ...], names: tuple[str, ...]) -> None:
        while (item := self._axes.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._spins = []
        for axis, size in enumerate(sizes):
            name = names[axis] if axis < len(names) else f"dim {axis}"
            label, spin = QLabel(name, self), QSpinBox(self)
            label.setObjectName("axis")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(ui_font(TEXT_SMALL_PT))
            label.setBuddy(spin)
            spin.setRange(0, size - 1)
            spin.setWrapping(True)
            spin.setSuffix(f" / {size - 1}")
            spin.setFont(mono_font(TEXT_SMALL_PT))
            spin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            spin.setMinimumWidth(_NARROW)
            spin.setAccessibleName(f"Index along {name}, 0 to {size - 1}")
            spin.valueChanged.connect(self._on_axis_value_changed)
            self._axes.addWidget(label, axis // 2, axis % 2 * 2)
            self._axes.addWidget(spin, axis // 2, axis % 2 * 2 + 1)
            self._spins.append(spin)

    # What is shown

    def _want(self) -> None:
        self._brief.stop()
        if self._tensor is not None:
            self._tensor.want(self.tile)
            self._draw()

    def _draw(self) -> None:
        tensor, theme = self._tensor, self._theme
        if tensor is None or theme is None:
            return
        tile = self.tile
        values = tensor.part(tile)
        if values is not None and self._rows.is_whole and self._columns.is_whole:
            self._overview = values
        key = (tile, values) if values is not None else None
        is_same = key is not None and self._shown is not None and self._shown[1] is values
        self._shown = key
        if not is_same:
            matrix = values.extreme if values is not None else self._rough(tile)
            limit = _limit(tensor, matrix)
            self._heat.show_matrix(matrix, limit, theme, is_gradient=self._is_gradient)
            self._scale.show_limit(limit, theme, is_size="complex" in tensor.info.dtype)
            self._swap(has_readout=False)
        self._status.setText(self._status_text(values))
        self.again.setVisible(bool(tensor.message))
        is_whole = self._rows.is_whole and self._columns.is_whole
        self.farther.setEnabled(not is_whole)
        self.all.setEnabled(not is_whole)
        self.nearer.setEnabled((self._rows, self._columns) != (self._rows.zoomed(1, 0.5), self._columns.zoomed(1, 0.5)))

    def _rough(self, tile: Tile) -> npt.NDArray[np.float64]:
        """What the overview knows of a part that has not come; zeros where nothing is known."""
        whole_tile = replace(tile, rows=(0, self._rows.length), columns=(0, self._columns.length))
        known = None if self._tensor is None else self._tensor.part(whole_tile)
        rows, columns = min(self._rows.size, _ROWS), min(self._columns.size, _COLUMNS)
        if known is None:
            return np.zeros((rows, columns))
        from_rows = _samples(self._rows, rows, known.low.shape[0])
        from_columns = _samples(self._columns, columns, known.low.shape[1])
        return known.extreme[np.ix_(from_rows, from_columns)]

    def _status_text(self, values: TileValues | None) -> str:
        tensor = self._tensor
        if tensor is not None and tensor.message:
            return tensor.message
        if values is None:
            return "The program runs again…" if self._overview is None else "Fetching this part…"
        where = f"rows {_range(self._rows)}, columns {_range(self._columns)}"
        if values.entries is not None:
            return where
        height = math.ceil(self._rows.size / values.low.shape[0])
        width = math.ceil(self._columns.size / values.low.shape[1])
        return f"{where}: {height} × {width} in a cell, by the largest"

    def _on_tensor_changed(self) -> None:
        self._draw()

    def _on_axis_value_changed(self) -> None:
        self._overview = self._overview if self._shown is None else self._shown[1]
        self._brief.start()
        self._draw()
        self.region_changed.emit()

    def _on_heat_zoom_requested(self, steps: int, x: float, y: float) -> None:
        self.zoom(steps, x, y)

    def _on_heat_pan_requested(self, x: float, y: float) -> None:
        self._look(self._rows.moved(y) if y else self._rows, self._columns.moved(x) if x else self._columns)

    def _on_nearer_clicked(self) -> None:
        self.zoom(1)

    def _on_farther_clicked(self) -> None:
        self.zoom(-1)

    def _on_heat_hovered(self, row: int, column: int) -> None:
        if row < 0 or self._shown is None:
            self._swap(has_readout=False)
            return
        self._swap(has_readout=True)
        self._readout.set_text(self.cell_text(row, column))

    def cell_text(self, row: int, column: int) -> str:
        """Index and exact value of an entry, or the range of a block and its values."""
        if self._shown is None:
            return ""
        tile, values = self._shown
        shape = values.low.shape
        places = [block(self._rows, shape[0], row), block(self._columns, shape[1], column)]
        names = [str(k) for k in tile.index]
        axes = places if self._tensor is not None and len(self._tensor.info.shape) > 1 else places[1:]
        names += [str(first) if first == last else f"{first}–{last}" for first, last in axes]
        if values.entries is not None:
            text = str(values.entries[row, column])
        else:
            low, high = float(values.low[row, column]), float(values.high[row, column])
            text = (
                f"{format_number(low)} to {format_number(high)}, mean {format_number(float(values.mean[row, column]))}"
            )
            text += " with NaN" if values.nan[row, column] else " with Inf" if values.inf[row, column] else ""
        return f"[{', '.join(names)}] {text}".replace("-", MINUS)

    def _swap(self, *, has_readout: bool) -> None:
        """The value takes the place of the scale while a cell is pointed at, so that nothing moves."""
        self._scale.setVisible(not has_readout)
        self._readout.setVisible(has_readout)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._tensor is not None and not event.spontaneous():
            self._brief.stop()
            self._tensor.forget_wish()  # nobody looks at it


def _limit(tensor: LargeTensor, matrix: npt.NDArray[np.float64]) -> float:
    """The largest size of a value of the whole tensor, so that all parts have one scale."""
    summary = tensor.info.summary
    if summary is not None and math.isfinite(summary.min) and math.isfinite(summary.max):
        return max(abs(summary.min), abs(summary.max)) or 1.0
    finite = matrix[np.isfinite(matrix)]
    return float(np.abs(finite).max()) if finite.size and finite.any() else 1.0


def _samples(span: Span, count: int, blocks: int) -> npt.NDArray[np.int64]:
    """Of `count` places over a part of an axis, the block of the overview that each lies in."""
    entries = span.first + (2 * np.arange(count, dtype=np.int64) + 1) * span.size // (2 * count)
    return np.minimum(entries * blocks // span.length, blocks - 1)


def _range(span: Span) -> str:
    return f"{span.first:,}–{span.first + span.size - 1:,}" if span.size > 1 else f"{span.first:,}"
