"""A quiet plot of curves over training steps, with pyqtgraph underneath, which is loaded with the first plot."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.graph.numbers import format_count, format_number

from ..style import TEXT_SMALL_PT
from ..theme import Theme, ThemeManager, mono_font

FRAME_MS = 33
_LOWEST_LOG = -300.0
_CLICKS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
_EDGE_PX = 6
"""Room beside the first and the last point, so that marks are whole."""


def load_pyqtgraph() -> Any:
    """The module `pyqtgraph`, bound to PySide6."""
    os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"
    return importlib.import_module("pyqtgraph")


class CurvePlot(QWidget):
    """Axes, curves, and a view that follows the newest points until the user zooms or drags it.

    Subclasses fill `refresh`, which is called at most 30 times a second after `schedule`.
    """

    follow_changed = Signal(bool)
    pointed = Signal(float, float)
    """The pointer moved to a step (not rounded) and a pixel column."""
    pointer_left = Signal()
    clicked = Signal(float)
    """The step (not rounded) that was clicked."""
    menu_wanted = Signal(float, QPoint)
    """The step (not rounded) that was clicked with the right button, and where that is on the screen."""

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._pg = load_pyqtgraph()
        self._is_following = True
        self._is_log = False
        self._is_setting_range = False
        self._press: QPointF | None = None
        self._is_shut_down = False
        self._items: list[Any] = []
        self._view = self._pg.GraphicsLayoutWidget(self)
        self._view.ci.layout.setContentsMargins(8, 6, 14, 2)
        self._view.ci.layout.setSpacing(0)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setAccessibleName("Curves")
        self._box = self._pg.ViewBox(enableMenu=False, defaultPadding=0.0)
        self._left = self._pg.AxisItem("left")
        self._bottom = self._pg.AxisItem("bottom")
        self._left.tickStrings = self._value_texts
        self._left.logTickStrings = self._value_texts
        self._bottom.tickStrings = _step_texts
        self._view.addItem(self._left, 0, 0)
        self._view.addItem(self._box, 0, 1)
        self._view.addItem(self._bottom, 1, 1)
        self._left.linkToView(self._box)
        self._bottom.linkToView(self._box)
        self._left.setZValue(self._box.zValue() - 1)  # its lines lie below the curves
        self._box.disableAutoRange()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.refresh)
        self._view.viewport().installEventFilter(self)
        self._view.viewport().setMouseTracking(True)
        self._box.sigRangeChangedManually.connect(self._on_box_range_changed_manually)
        self._box.sigXRangeChanged.connect(self._on_box_range_changed)
        themes.changed.connect(self._on_themes_changed)
        self._apply_axes(themes.theme)

    # --- what subclasses use ---

    def refresh(self) -> None:
        """Draw the points that are there now."""

    def schedule(self) -> None:
        """Draw soon; many calls make one drawing."""
        if not self._timer.isActive() and not self._is_shut_down:
            self._timer.start()

    def add_curve(self, color: QColor, width: float) -> Any:
        """A new empty curve (a `PlotCurveItem`)."""
        curve = self._pg.PlotCurveItem(connect="finite", antialias=True)
        curve.setSegmentedLineMode("on")
        curve.setPen(self.pen(color, width))
        return self.add_item(curve)

    def add_item(self, item: Any) -> Any:
        self._box.addItem(item, ignoreBounds=True)
        self._items.append(item)
        return item

    def remove_item(self, item: Any) -> None:
        if item in self._items:
            self._items.remove(item)
            self._box.removeItem(item)

    def pen(self, color: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        pen = QPen(color, width)
        pen.setCosmetic(True)
        pen.setStyle(style)
        return pen

    def to_axis(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Values as the axis counts them: their logarithm where it is logarithmic, NaN where they have none."""
        if not self._is_log:
            return values
        result = np.full(len(values), np.nan)
        np.log10(values, out=result, where=np.isfinite(values) & (values > 0))
        return result

    @property
    def theme(self) -> Theme:
        return self._themes.theme

    @property
    def columns(self) -> int:
        """Pixel columns of the drawing area."""
        return max(int(self._box.width() * self.devicePixelRatioF()), 50)

    def visible_steps(self) -> tuple[float, float]:
        first, last = self._box.viewRange()[0]
        return float(first), float(last)

    def show_range(self, steps: tuple[float, float], values: tuple[float, float] | None) -> None:
        """Bring steps and values (of the axis) into view, with a little room above and below the curve."""
        self._is_setting_range = True
        first, last = steps
        last = last if last > first else first + 1
        edge = (last - first) * _EDGE_PX / max(self._box.width(), 100)
        self._box.setXRange(first - edge, last + edge, padding=0)
        if values is not None:
            low, high = values
            room = (high / 2 - low / 2) * 0.16 or max(abs(high) * 0.1, 0.1)
            self._box.setYRange(low - room, high + room, padding=0)
        self._is_setting_range = False

    def column_of(self, step: float, value: float) -> QPointF:
        """Where in this widget a step and a value (of the axis) are drawn."""
        point = self._box.mapViewToScene(QPointF(step, value))
        return QPointF(self._view.mapTo(self, self._view.mapFromScene(point)))

    # --- public ---

    @property
    def is_following(self) -> bool:
        """Whether the view shows all points, the newest too."""
        return self._is_following

    @property
    def is_log(self) -> bool:
        return self._is_log

    def follow(self) -> None:
        """Show all points, and follow the newest, until the user zooms again."""
        self._set_following(True)
        self.schedule()

    def set_log(self, is_log: bool) -> None:
        """Whether the axis of values is logarithmic; values that are not positive are then left out."""
        if is_log != self._is_log:
            self._is_log = is_log
            self._left.setLogMode(is_log)
            self._set_following(True)
            self.refresh()

    def shut_down(self) -> None:
        """Take all items off the scene; pyqtgraph would keep them alive."""
        self._is_shut_down = True
        self._timer.stop()
        for item in list(self._items):
            self.remove_item(item)
        self._view.clear()

    # --- inner ---

    def _set_following(self, is_following: bool) -> None:
        if is_following != self._is_following:
            self._is_following = is_following
            self.follow_changed.emit(is_following)

    def _value_texts(self, values: Sequence[float], scale: float, spacing: float | None) -> list[str]:
        if self._is_log:
            return [format_number(10.0 ** max(min(value, 300.0), _LOWEST_LOG), 2) for value in values]
        digits = 4
        if spacing is None:  # between the powers of ten
            spacing = 0.0
        if len(values) and spacing > 0:
            largest = max(abs(values[0]), abs(values[-1]), spacing)
            digits = max(4, min(math.ceil(math.log10(largest / spacing)) + 2, 12))
        return [format_number(0.0 if abs(v) < spacing / 1e6 else v, digits) for v in values]

    def _apply_axes(self, theme: Theme) -> None:
        self._view.setBackground(theme.surface)
        font = mono_font(TEXT_SMALL_PT)
        for axis in (self._left, self._bottom):
            axis.setTickFont(font)
            axis.setTextPen(theme.muted)
            axis.setPen(self.pen(theme.line, 1))
        self._left.setPen(QPen(Qt.PenStyle.NoPen))
        self._left.setTickPen(self.pen(theme.line, 1))
        self._left.setStyle(tickLength=0, tickTextOffset=8, maxTickLevel=0)
        self._bottom.setStyle(tickLength=0, tickTextOffset=6, maxTickLevel=0)
        self._left.setGrid(255)
        self._left.setWidth(QFontMetrics(font).horizontalAdvance("0.000000") + 8)
        self._bottom.setHeight(QFontMetrics(font).height() + 10)

    def _on_themes_changed(self, theme: Theme) -> None:
        self._apply_axes(theme)
        self.apply_theme(theme)
        self.refresh()

    def apply_theme(self, theme: Theme) -> None:
        """Recolour the curves."""

    def _on_box_range_changed_manually(self) -> None:
        self._set_following(False)
        self.schedule()

    def _on_box_range_changed(self) -> None:
        if not self._is_setting_range:
            self.schedule()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.schedule()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QMouseEvent):
            point = event.position()
            step, is_inside = self._step_at(point)
            if kind == QEvent.Type.MouseMove:
                if is_inside and not event.buttons():
                    self.pointed.emit(step, point.x())
                else:
                    self.pointer_left.emit()
            elif kind == QEvent.Type.MouseButtonPress and event.button() in _CLICKS:
                self._press = point if is_inside else None
            elif kind == QEvent.Type.MouseButtonRelease and self._press is not None:
                is_click = (point - self._press).manhattanLength() < 4  # else the view was dragged, or zoomed
                self._press = None
                if is_click and event.button() == Qt.MouseButton.LeftButton:
                    self.clicked.emit(step)
                elif is_click:
                    self.menu_wanted.emit(step, event.globalPosition().toPoint())
            elif kind == QEvent.Type.MouseButtonDblClick:
                self.follow()
        elif kind == QEvent.Type.Leave:
            self.pointer_left.emit()
        return super().eventFilter(watched, event)

    def _step_at(self, point: QPointF) -> tuple[float, bool]:
        scene = self._view.mapToScene(point.toPoint())
        area: QRectF = self._box.sceneBoundingRect()
        return float(self._box.mapSceneToView(scene).x()), bool(area.contains(scene))


def _step_texts(values: Sequence[float], scale: float, spacing: float) -> list[str]:
    """Whole steps only; the axis may also ask for places between two."""
    return [format_count(round(value)) if value >= 0 and abs(value - round(value)) < 1e-6 else "" for value in values]
