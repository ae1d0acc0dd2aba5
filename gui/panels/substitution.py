"""The rule of a step with its numbers put in: a line for each small gradient, one chosen element of a large one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.graph.model import Edge, TensorInfo
from engine.graph.numbers import format_number, format_shape
from engine.graph.trace import BackwardStep, Trace
from engine.rules import evaluate_step
from engine.rules.cells import Cell, cell, missing_values, pieces, text_of
from engine.rules.substitution import handed_on, position, target_name

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, ui_font
from ..widgets.expression_view import ExpressionView, Stretch
from ..widgets.heat_map import as_real, scale_limit
from ..widgets.heat_view import HeatView
from ..widgets.text import LinkButton, set_text_color
from .rows import paragraph, set_shown, set_text

MOST_LINES = 4
"""Of a gradient with more elements, one is chosen."""
MOST_TARGETS = 6
QUICK = 64
LARGEST_PICTURE = 1 << 20
"""Elements of a gradient that is drawn to choose from."""
TOLERANCE = 2e-3
"""Relative difference above which the recorded gradient is said to differ (programs often run in half precision)."""
Floats = npt.NDArray[np.float64]


class Target(NamedTuple):
    """What a step hands on along one edge (None for a leaf's `.grad`)."""

    edge: Edge | None
    info: TensorInfo


def line_of(found: Cell, target: str) -> list[Stretch]:
    """ "−0.0817 × 1.1 = −0.0898 → w", in colours; what was recorded stands behind where it differs."""
    left = [Stretch(piece.text, piece.role) for piece in pieces(found.expression)]
    value = float(found.expression.value)
    result = format_number(value)
    if text_of(found.expression) != result:  # "−0.08 = −0.08" would say nothing
        left += [Stretch(" = "), Stretch(result, "gradient")]
    left.append(Stretch(f" → {target}", "muted"))
    if found.recorded is not None and not is_close(value, found.recorded):
        left.append(Stretch(f" (recorded: {format_number(found.recorded)})", "bad"))
    return left


def is_close(value: float, recorded: float) -> bool:
    if math.isnan(value) or math.isnan(recorded):
        return math.isnan(value) and math.isnan(recorded)
    return value == recorded or abs(value - recorded) <= TOLERANCE * max(abs(value), abs(recorded)) + 1e-9


def exact_text(found: Cell) -> str:
    """The line with all digits, for the tooltip and for copying."""
    written = text_of(found.expression, digits=9)
    recorded = "" if found.recorded is None else f"\nrecorded: {found.recorded!r}"
    return f"{written} = {float(found.expression.value)!r}{recorded}"


def is_quick(step: BackwardStep) -> bool:
    """Whether the numbers of a step are so few that they are put in at once, between two frames."""
    infos = [info for info in (*step.grad_outputs, *step.grad_inputs) if info is not None]
    return sum(info.numel for info in infos) <= QUICK


class TargetView(QWidget):
    """One gradient that is handed on: its picture to choose an element from, and that element written out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = paragraph("", self.palette().text().color(), self, point_size=TEXT_SMALL_PT)
        self.heat = HeatView(self, most_height=64)
        self.heat.clicked.connect(self._on_heat_clicked)
        self.lines = ExpressionView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        for widget in (self._caption, self.heat, self.lines):
            layout.addWidget(widget)
        self._trace: Trace | None = None
        self._step: BackwardStep | None = None
        self._target: Target | None = None
        self._theme: Theme | None = None
        self.index: tuple[int, ...] = ()

    def show_target(self, trace: Trace, step: BackwardStep, target: Target, theme: Theme, array: Floats) -> bool:
        """Show what is handed on, whose values are `array`; False where nothing can be written about it."""
        is_another = self._target is None or target.info is not self._target.info
        self._trace, self._step, self._target, self._theme = trace, step, target, theme
        name = target_name(trace, step, target.edge)
        if array.size <= MOST_LINES:
            set_shown(self._caption, False)
            set_shown(self.heat, False)
            indices = list(np.ndindex(*array.shape))
            found = [cell(trace, step, target.edge, index) for index in indices]
            known = [one for one in found if one is not None]
            if len(known) < len(found) or not known:
                return False
            lines = [
                line_of(one, name + position(index if array.size > 1 else ()))
                for index, one in zip(indices, known, strict=True)
            ]
            self.lines.show_lines(lines, theme, "\n".join(exact_text(one) for one in known))
            return True
        if is_another:
            self.index = _largest(array)
            set_shown(self.heat, array.size <= LARGEST_PICTURE)
            if array.size <= LARGEST_PICTURE:
                matrix = array.reshape(1, -1) if _is_row(array.shape) else array.reshape(-1, array.shape[-1])
                self.heat.show_matrix(matrix, scale_limit(array), theme, is_gradient=True)
                self.heat.setToolTip("Click an element to see how it was computed")
        elif array.size <= LARGEST_PICTURE:
            self.heat.set_theme(theme)
        set_text_color(self._caption, theme.muted)
        return self._write(array.shape)

    def choose(self, index: tuple[int, ...]) -> None:
        """Write another element out."""
        self.index = index
        if self._target is not None:
            self._write(tuple(self._target.info.shape))

    def _write(self, shape: tuple[int, ...]) -> bool:
        trace, step, target, theme = self._trace, self._step, self._target, self._theme
        if trace is None or step is None or target is None or theme is None:
            return False
        found = cell(trace, step, target.edge, self.index)
        if found is None:
            return False
        name = target_name(trace, step, target.edge)
        words = f": {found.words}" if found.words else ""
        set_text(self._caption, f"one element of {format_shape(shape)}{words}")
        self.lines.show_lines([line_of(found, name + position(self.index))], theme, exact_text(found))
        row, column = _matrix_place(self.index, shape)
        self.heat.mark(row, column)
        return True

    def _on_heat_clicked(self, row: int, column: int) -> None:
        if self._target is not None:
            self.choose(_index_of(row, column, tuple(self._target.info.shape)))


class SubstitutionView(QWidget):
    """Everything that a step hands on, with the numbers put in; or why there are none, with an offer to fetch them."""

    fetch_requested = Signal()
    """The user asks for the values that the rule needs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._views: list[TargetView] = []
        self.note = paragraph("", self.palette().text().color(), self)
        self.fetch_link = LinkButton("Fetch them", self.palette().text().color(), self, font=ui_font(TEXT_NORMAL_PT))
        self.fetch_link.clicked.connect(self.fetch_requested)
        self._column = QVBoxLayout()
        self._column.setSpacing(2 * UNIT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(self._column)
        layout.addWidget(self.note)
        layout.addWidget(self.fetch_link, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def shown(self) -> list[TargetView]:
        """The views in use, one for each gradient."""
        return [view for view in self._views if not view.isHidden()]

    def text(self) -> str:
        """Every line that is shown."""
        return "\n".join([view.lines.text() for view in self.shown] + ([self.note.text()] if self.note.text() else []))

    def show_step(self, trace: Trace, step: BackwardStep, theme: Theme, *, is_fetchable: bool = False) -> None:
        """Show a step that has run."""
        targets = [Target(edge, info) for edge, info in handed_on(trace, step)]
        written, without_form = 0, 0
        arrays = _arrays(trace, step, targets)
        for target, array in zip(targets[:MOST_TARGETS], arrays, strict=False):
            if array is None:
                continue
            view = self._view(written)
            if view.show_target(trace, step, target, theme, array):
                set_shown(view, True)
                written += 1
            else:
                without_form += 1
        for view in self._views[written:]:
            set_shown(view, False)
        missing = missing_values(trace, step)
        is_short = any(
            array is None and not _is_complex(target.info) for target, array in zip(targets, arrays, strict=False)
        ) or (without_form > 0 and bool(missing))
        self._explain(theme, targets, written, is_short=is_short, is_fetchable=is_fetchable and bool(missing))
        if len(targets) > MOST_TARGETS:
            set_text(self.note, f"and {len(targets) - MOST_TARGETS} more")

    def _explain(
        self, theme: Theme, targets: list[Target], written: int, *, is_short: bool, is_fetchable: bool
    ) -> None:
        note = ""
        if not targets:
            note = "This step hands nothing on."
        elif is_short:
            note = (
                "The numbers of this step were not all kept: the tensors are larger than what is kept while recording."
            )
        elif not written and all(target.info.numel == 0 for target in targets):
            note = "There are no numbers to put in: what is handed on has no elements."
        elif not written and all(_is_complex(target.info) for target in targets):
            note = "These gradients are complex; numbers are put in where they are real."
        elif not written:
            note = "This form of the operation has no formula into which numbers can be put."
        set_text(self.note, note)
        set_text_color(self.note, theme.muted)
        set_shown(self.fetch_link, is_short and is_fetchable)
        self.fetch_link.set_color(theme.data_text)

    def show_waiting(self, theme: Theme) -> None:
        """Say that the numbers are being put in."""
        for view in self._views:
            set_shown(view, False)
        set_shown(self.fetch_link, False)
        set_text(self.note, "…")
        set_text_color(self.note, theme.muted)

    def clear(self) -> None:
        for view in self._views:
            set_shown(view, False)
        set_text(self.note, "")
        set_shown(self.fetch_link, False)

    def _view(self, number: int) -> TargetView:
        while len(self._views) <= number:
            view = TargetView(self)
            self._column.addWidget(view)
            self._views.append(view)
        return self._views[number]


def _arrays(trace: Trace, step: BackwardStep, targets: list[Target]) -> list[Floats | None]:
    """What is handed on: as recorded, else as the rule gives it from values that were fetched since."""
    found: list[Floats | None] = []
    by_rule: dict[int, Floats | None] | None = None
    for edge, info in targets[:MOST_TARGETS]:
        array = None
        if info.array is not None:
            array = None if info.array.dtype.kind == "c" else as_real(info.array)
        elif edge is not None:
            if by_rule is None:
                by_rule = {id(other): value for other, value in evaluate_step(trace, step) or ()}
            array = by_rule.get(id(edge))
        found.append(array)
    return found


def _is_complex(info: TensorInfo) -> bool:
    return info.dtype.removeprefix("torch.").startswith("complex")


def _largest(array: Floats) -> tuple[int, ...]:
    """The element to begin with: the largest one that is finite."""
    if array.size == 0:
        return ()
    sizes = np.abs(np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0))
    return tuple(int(k) for k in np.unravel_index(int(sizes.argmax()), array.shape))


def _is_row(shape: tuple[int, ...]) -> bool:
    """Whether a gradient is drawn as one row: a vector, or a single column."""
    return len(shape) < 2 or shape[-1] == 1


def _matrix_place(index: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, int]:
    if _is_row(shape):
        return 0, int(np.ravel_multi_index(index, shape)) if index else 0
    rows = int(np.ravel_multi_index(index[:-1], shape[:-1]))
    return rows, index[-1]


def _index_of(row: int, column: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    if _is_row(shape):
        return tuple(int(k) for k in np.unravel_index(column, shape)) if shape else ()
    return (*(int(k) for k in np.unravel_index(row, shape[:-1])), column)
