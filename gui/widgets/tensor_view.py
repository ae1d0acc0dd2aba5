"""One tensor at a glance: a number, a strip or a heat map with its scale, slices of further axes, and statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QImage
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.graph.model import TensorInfo
from engine.graph.numbers import MINUS, format_number, format_shape

from ..style import TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .heat_map import Floats, as_real, scale_limit
from .heat_view import HeatView
from .scale_bar import LINE_PX, ScaleBar
from .statistics_view import StatisticsView
from .tensor_menu import TensorMenu
from .tensor_parts import OVER, Difference, Over, difference, has_picture, picture, reduce_over, torch_text
from .tensor_text import exact_text, number_text
from .text import ElidedLabel, set_shown, set_text_color

__all__ = ["TensorView", "exact_text", "number_text"]
_MOST_AXES = 12
_NARROW = 48
"""Controls may become so narrow that two of them, with their names, fit into a narrow panel."""
_FEW = 64
"""Up to so many entries the picture itself shows how they are distributed, and no histogram is drawn."""


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
        self._whole: Floats = np.zeros((1, 1))
        self._real: Floats = np.zeros((1, 1))
        self._names: tuple[str, ...] = ()
        self._axes_key: tuple[object, ...] = ()
        self._over: Over = "one"
        self._has_picture = False
        self._difference: Difference | None = None
        self._is_colored = False
        self._readout = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
        self._readout.setFixedHeight(LINE_PX)
        self._note = QLabel(self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        self._note.setFont(ui_font(TEXT_SMALL_PT))
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._axes = QGridLayout()
        self._axes.setContentsMargins(0, 0, 0, 0)
        self._axes.setHorizontalSpacing(UNIT)
        self.over = QComboBox(self)
        self.over.setAccessibleName("What of the batch is shown")
        self.over.setFont(ui_font(TEXT_SMALL_PT))
        self.over.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.over.setMinimumWidth(_NARROW)
        self.over.hide()
        for over, text in OVER:
            self.over.addItem(text, over)
        self.over.currentIndexChanged.connect(self._on_over_index_changed)
        self._spins: list[QSpinBox] = []
        self._axis_labels: list[QLabel] = []
        self._heat = HeatView(self)
        self._heat.hovered.connect(self._on_heat_hovered)
        self._scale = ScaleBar(self._heat, self)
        self._statistics = StatisticsView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addWidget(self.over)
        layout.addLayout(self._axes)
        for widget in (self._heat, self._scale, self._readout, self._note, self._statistics):
            layout.addWidget(widget)
        self.actions_ = TensorMenu(self)
        self.set_tensor(None, None)

    def set_tensor(
        self,
        info: TensorInfo | None,
        theme: Theme | None,
        *,
        is_gradient: bool = False,
        axes: tuple[str, ...] = (),
    ) -> None:
        """Show `info` in the colours of values, or of gradients; None shows nothing. `axes` names its axes."""
        array = None if info is None else info.array  # it may have come since: values are fetched on demand
        shown = (self._info, self._theme, self._array)
        is_new = any(new is not old for new, old in zip((info, theme, array), shown, strict=True))
        is_new = is_new or is_gradient != self._is_gradient
        is_other = info is not self._info
        self._info, self._theme, self._array, self._is_gradient = info, theme, array, is_gradient
        self._names = axes
        if is_other:
            self._difference = None
        if info is None or theme is None:
            self.over.hide()
            for widget in (self._heat, self._scale, self._readout, self._note, self._statistics):
                widget.hide()
            self._build_axes(())
            return
        if not is_new:
            return
        color = theme.accent_text if is_gradient else theme.data_text
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
            self._whole = as_real(info.array)
            self._show_whole()
        else:
            self.over.hide()
            self._build_axes(())

    def _show_whole(self) -> None:
        """Show the values, or a mean of them over their first axis, or how they differ from remembered ones."""
        values = self._whole if self._difference is None else self._difference.values
        is_stack = values.ndim >= 3 or (values.ndim == 2 and self._names[:1] == ("batch",))
        set_shown(self.over, is_stack and values.shape[0] > 1)
        over: Over = self._over if is_stack else "one"
        if is_stack:
            first = self._names[0] if self._names else "dim 0"
            one = "sample" if first == "batch" else f"slice of {first}" if first.startswith("dim ") else first
            self.over.setAccessibleName(f"What to show of the axis {first}")
            for place, (_, text) in enumerate(OVER):
                label = f"{text} along {first}" if place else f"one {one} at a time"
                if self.over.itemText(place) != label:
                    self.over.setItemText(place, label)
        self._real = reduce_over(values, over)
        names = self._names[1:] if over != "one" else self._names
        self._is_colored = self._has_picture and self._real.ndim >= 3 and self._real.shape[-3] == 3
        kept = 3 if self._is_colored else 2
        self._build_axes(self._real.shape[:-kept], names)
        self._show_slice()

    def _note_text(self, info: TensorInfo) -> str:
        if info.array is None:
            return info.note or "The values of this tensor were not kept."
        if info.array.size == 0:
            return f"Empty: {format_shape(info.shape)}"
        if self._difference is not None:
            return self._difference.sentence
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

    def _build_axes(self, sizes: tuple[int, ...], names: tuple[str, ...] = ()) -> None:
        key = (sizes, names[: len(sizes)], self._theme)
        if key == self._axes_key:  # the same axes as before: the same slice of them is shown
            return
        self._axes_key = key
        for widget in (*self._spins, *self._axis_labels):
            self._axes.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._spins, self._axis_labels = [], []
        place = 0
        for axis, size in enumerate(sizes):
            name = names[axis] if axis < len(names) else f"dim {axis}"
            label = QLabel(name, self)
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
            spin.setMinimumWidth(_NARROW)
            spin.setAccessibleName(f"Index along {name}, 0 to {size - 1}")
            spin.valueChanged.connect(self._on_axis_value_changed)
            label.setBuddy(spin)
            if size > 1:  # along the others there is nothing to choose
                self._axes.addWidget(label, place // 2, place % 2 * 2)
                self._axes.addWidget(spin, place // 2, place % 2 * 2 + 1)
                place += 1
            else:
                label.hide()
                spin.hide()
            self._spins.append(spin)
            self._axis_labels.append(label)

    def _slice(self) -> Floats:
        return np.atleast_2d(self._real[self.index] if self._spins else self._real)

    def _show_slice(self) -> None:
        if self._theme is None:
            return
        if self._has_picture and has_picture(self._real.shape):
            self._show_picture()
            return
        limit = scale_limit(self._real)  # one scale for the whole tensor, so that slices can be compared
        self._heat.show_matrix(self._slice(), limit, self._theme, is_gradient=self._is_gradient)
        is_size = self._difference is None and self._array is not None and self._array.dtype.kind == "c"
        self._scale.show_limit(limit, self._theme, is_size=is_size)
        self._show_readout(-1, -1)

    def _show_picture(self) -> None:
        part = self._real[self.index] if self._spins else self._real
        pixels = picture(part)
        rows, columns = pixels.shape[:2]
        image = QImage(pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
        if self._theme is not None:
            self._heat.show_image(image, part if part.ndim == 2 else part[0], self._theme)
        self._scale.hide()
        self._readout.hide()

    def _on_over_index_changed(self, index: int) -> None:
        self._over = OVER[index][0]
        if self._info is not None and self._array is not None:
            self._show_whole()

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
        self._readout.set_text(self.cell_text(row, column))

    def cell_text(self, row: int, column: int) -> str:
        """Index and exact value of an entry; "mean" stands in the place of an axis over which the mean is shown."""
        index = self._full_index(row, column)
        array = self._array
        is_plain = array is not None and self._real.shape == array.shape and self._difference is None
        if is_plain and array is not None:
            value = array[index] if array.ndim else array[()]
        else:
            value = self._real[index] if self._real.ndim else self._real[()]
        names = [str(k) for k in index]
        if self._real.ndim < self._whole.ndim:
            names.insert(0, dict(OVER)[self._over])
        return f"[{', '.join(names)}] {value!s}".replace("-", MINUS)  # str: a format gives float32 a float64's digits

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
        self.actions_.popup(event.globalPos())

    @property
    def values(self) -> Floats | None:
        """The whole tensor in float64; None where its values were not kept."""
        return None if self._array is None else self._whole

    @property
    def title(self) -> str:
        """What is shown, in a few words."""
        shape = format_shape(self._info.shape) if self._info is not None else "nothing"
        return f"the {'gradient' if self._is_gradient else 'value'} of {shape}"

    @property
    def cell(self) -> tuple[int, int] | None:
        """Row and column of the entry that is pointed at."""
        return self._heat.cell

    @property
    def is_picture(self) -> bool:
        """Whether values are shown as grey levels or colours."""
        return self._has_picture

    def set_picture(self, is_picture: bool) -> None:
        """Show the last axes (H × W, or 3 × H × W) as a picture, or as a heat map."""
        self._has_picture = is_picture
        if self._array is not None:
            self._scale.setVisible(not is_picture)
            self._show_whole()

    @property
    def is_difference(self) -> bool:
        return self._difference is not None

    def show_difference(self, that: Floats | None) -> None:
        """Show by how much the values exceed `that` (of the same shape); None shows the values again."""
        self._difference = None if that is None else difference(self._whole, that)
        if self._info is not None and self._array is not None:
            note = self._note_text(self._info)
            self._note.setText(note)
            set_shown(self._note, bool(note))
            self._show_whole()

    def say(self, text: str) -> None:
        """Show a sentence in the place of the scale."""
        self._swap(has_readout=True)
        self._readout.set_text(text)

    def as_code(self) -> str:
        """Python code that makes the shown slice; raises ValueError where it is too long."""
        if self._array is None:
            return ""
        is_part = bool(self._spins) and self._real.shape == self._array.shape
        return torch_text(self._array[self.index] if is_part else self._array)

    def as_text(self) -> str:
        """The shown slice in full precision: columns separated by tabs, one row a line, as spreadsheets take it."""
        if self._info is None or self._info.array is None:
            return ""
        is_plain = self._difference is None and self._real.ndim == self._whole.ndim
        source = self._info.array if is_plain else self._real
        part = source[self.index] if self._spins else source
        rows = part.reshape(1, -1) if part.ndim < 2 else part
        return "\n".join("\t".join(str(value) for value in row) for row in rows)

    def save_npy(self, path: str) -> None:
        """Write the whole tensor as a NumPy file; raises OSError where that fails."""
        if self._info is not None and self._info.array is not None:
            np.save(path, self._info.array, allow_pickle=False)


def _range_text(edges: npt.NDArray[np.int64], block: int) -> str:
    first, last = int(edges[block]), int(edges[block + 1]) - 1
    return str(first) if first == last else f"{first}–{last}"
