"""The curve of the loss: raw and smoothed, gaps, recorded steps, and a crosshair with a card."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from engine.graph.numbers import format_count, format_number

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, mix
from ..theme import RADIUS_CONTROL, Theme, ThemeManager, ui_font
from ..training import TrainingModel
from .curve_plot import CurvePlot

DEFAULT_SMOOTHING = 0.8
_SNAP_PX = 7
"""So near to a recorded step, the crosshair takes that one."""


class LossPlot(CurvePlot):
    """Draws `training.series`; a click asks for the step that the crosshair names."""

    step_chosen = Signal(int)

    def __init__(self, training: TrainingModel, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(themes, parent)
        self._training = training
        self._weight = DEFAULT_SMOOTHING
        self._hovered: tuple[int, float] | None = None
        theme = themes.theme
        self._raw = self.add_curve(theme.data, 1)
        self._smooth = self.add_curve(theme.data, 2)
        self._gaps = self.add_item(self._pg.ScatterPlotItem(symbol="x", size=9, pxMode=True))
        self._dots = self.add_item(self._pg.ScatterPlotItem(symbol="o", size=8, pxMode=True))
        self._line = self.add_item(self._pg.InfiniteLine(angle=90, movable=False))
        self._point = self.add_item(self._pg.ScatterPlotItem(symbol="o", size=11, pxMode=True))
        self.card = LossCard(themes, self)
        self._hide_crosshair()
        self.pointed.connect(self._on_pointed)
        self.pointer_left.connect(self._hide_crosshair)
        self.clicked.connect(self._on_clicked)
        training.points_added.connect(self.schedule)
        training.recorded_changed.connect(self.schedule)
        training.was_reset.connect(self._on_training_was_reset)
        self.apply_theme(theme)
        self.refresh()

    @property
    def smoothing(self) -> float:
        return self._weight

    def set_smoothing(self, weight: float) -> None:
        """Weight of the moving average, 0 (none) to less than 1."""
        self._weight = max(0.0, min(weight, 0.999))
        self.schedule()

    @property
    def hovered(self) -> tuple[int, float] | None:
        """Step and loss that the crosshair names."""
        return self._hovered

    def apply_theme(self, theme: Theme) -> None:
        self._raw.setPen(self.pen(mix(theme.surface, theme.data, 0.4), 1))
        self._smooth.setPen(self.pen(theme.data, 2))
        self._line.setPen(self.pen(theme.accent, 1, Qt.PenStyle.DashLine))
        self._gaps.setPen(self.pen(theme.accent, 1.5))
        self._gaps.setBrush(theme.accent)
        self._dots.setPen(self.pen(theme.surface, 1.5))
        self._dots.setBrush(theme.accent)
        self._point.setPen(self.pen(theme.surface, 2))
        self._point.setBrush(theme.accent)

    def refresh(self) -> None:
        series = self._training.series
        if self.is_following:
            self._show_everything()
        first, last = self.visible_steps()
        low, high = math.floor(first), math.ceil(last)
        points = 2 * self.columns
        raw = series.view(low, high, points, margin=1)
        self._raw.setData(raw.x, self.to_axis(raw.y))
        if self._weight:
            smooth = series.view(low, high, points, weight=self._weight, margin=1)
            self._smooth.setData(smooth.x, self.to_axis(smooth.y))
        else:
            self._smooth.setData(raw.x, self.to_axis(raw.y))
        self._raw.setVisible(self._weight > 0)
        self._show_gaps()
        self._show_recorded()

    def _show_everything(self) -> None:
        series = self._training.series
        if not len(series):
            self.show_range((0, 100), (0.0, 1.0))
            return
        extent = series.extent()
        values = None
        if extent is not None:
            ends = self.to_axis(np.array(extent, dtype=np.float64))
            if self.is_log and not np.isfinite(ends[0]):
                shown = self.to_axis(series.view(max_points=2000).y)
                finite = shown[np.isfinite(shown)]
                values = (float(finite.min()), float(finite.max())) if len(finite) else None
            else:
                values = float(ends[0]), float(ends[1])
        self.show_range((float(series.steps.min()), float(series.steps.max())), values)

    def _show_gaps(self) -> None:
        """A cross at the lower border for every step without a number."""
        steps = np.array(self._training.series.non_finite, dtype=np.float64)
        low, high = self._box.viewRange()[1]
        self._gaps.setData(steps, np.full(len(steps), low + (high - low) * 0.06))

    def _show_recorded(self) -> None:
        found = [(step, self._training.series.value_at(step)) for step in self._training.recorded]
        kept = [(step, value) for step, value in found if value is not None and math.isfinite(value)]
        x = np.array([step for step, _ in kept], dtype=np.float64)
        y = self.to_axis(np.array([value for _, value in kept], dtype=np.float64))
        self._dots.setData(x, y)

    # --- the crosshair ---

    def _on_training_was_reset(self) -> None:
        self._hide_crosshair()
        self.follow()
        self.schedule()

    def _on_pointed(self, step: float, column: float) -> None:
        found = self._training.series.nearest(step)
        first, last = self.visible_steps()
        reach = _SNAP_PX * (last - first) / max(self._box.width(), 1)
        near = [kept for kept in self._training.recorded if abs(kept - step) <= reach]
        if near:
            chosen = min(near, key=lambda kept: abs(kept - step))
            value = self._training.series.value_at(chosen)
            found = (chosen, value) if value is not None else found
        if found is None:
            self._hide_crosshair()
            return
        self._hovered = found
        self._line.setPos(found[0])
        self._line.show()
        y = float(self.to_axis(np.array([found[1]]))[0])
        is_drawn = math.isfinite(y)
        self._point.setData([found[0]], [y] if is_drawn else [0.0])
        self._point.setVisible(is_drawn)
        if found[0] in self._training.recorded:
            hint, is_ready = "click: step through this backward", True
        else:
            hint = f"not recorded · click to record it: runs the program again to step {format_count(found[0])}"
            is_ready = False
        self.card.show_texts(f"step {format_count(found[0])} · loss {format_number(found[1])}", hint, is_ready=is_ready)
        middle = sum(self._box.viewRange()[1]) / 2
        self.card.place(self.column_of(found[0], y if is_drawn else middle))

    def _hide_crosshair(self) -> None:
        self._hovered = None
        self._line.hide()
        self._point.hide()
        self.card.hide()

    def _on_clicked(self, step: float) -> None:
        if self._hovered is not None:
            self.step_chosen.emit(self._hovered[0])


class LossCard(QWidget):
    """Two lines beside the crosshair: step and loss, and what a click does. Painted here; takes no mouse."""

    def __init__(self, themes: ThemeManager, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes
        self.title = ""
        self.hint = ""
        self._is_ready = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_texts(self, title: str, hint: str, *, is_ready: bool) -> None:
        """`is_ready`: the step is recorded; the hint is then in the accent colour."""
        self.title, self.hint, self._is_ready = title, hint, is_ready
        self.resize(self.sizeHint())
        self.show()
        self.update()

    def sizeHint(self) -> QSize:
        fonts = ui_font(TEXT_NORMAL_PT), ui_font(TEXT_SMALL_PT)
        texts = self.title, self.hint
        widths = [QFontMetrics(font).horizontalAdvance(text) for font, text in zip(fonts, texts, strict=True)]
        return QSize(max(widths) + 22, 42)

    def place(self, point: QPointF) -> None:
        """To the right of a point of the parent, or to its left where there is more room; always inside it."""
        parent = self.parentWidget()
        assert parent is not None
        area = parent.rect()
        x = point.x() + 12
        if x + self.width() > area.width() - 4:
            x = point.x() - 12 - self.width()
        y = point.y() - self.height() - 8
        self.move(
            int(max(4, min(x, area.width() - self.width() - 4))), int(max(4, min(y, area.height() - self.height() - 4)))
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.line, 1))
        painter.setBrush(theme.surface)
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_CONTROL, RADIUS_CONTROL)
        painter.setPen(theme.text)
        painter.setFont(ui_font(TEXT_NORMAL_PT))
        inside = self.rect().adjusted(10, 5, -10, -5)
        painter.drawText(inside, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, self.title)
        painter.setPen(theme.accent_text if self._is_ready else theme.muted)
        painter.setFont(ui_font(TEXT_SMALL_PT))
        painter.drawText(inside, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, self.hint)
        painter.end()
