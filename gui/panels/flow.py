"""The gradient-flow panel: how large the gradient of each parameter is along the depth of the network, logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from engine.graph.numbers import format_number

from ..document import Document
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, mix
from ..theme import Theme, ThemeManager, mono_font, ui_font
from ..training import TrainingModel
from ..widgets.text import plain, tooltip
from .flow_model import FlowPoint, judgement, limits
from .flow_reading import FlowReading

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 18, 30, 26
_RAIL_PX = 18
"""Height of the rails on which gradients without a size stand: NaN above the scale, zero and None below it."""
_EMPTY = "Open a program with parameters: how large their gradients are, layer by layer, is drawn here."
CLOSEST_PX = 3.0
"""Ticks of modules are no closer than this, and lines through closer points are thin."""
STEP_PX = 92
"""Width of the name of another step."""
_LEGEND = "root mean square of each parameter’s gradient, first layer left · ● weight ○ bias"


class FlowPanel(QWidget):
    """One line for the document's trace, fainter ones for other recorded steps of the training; a click selects."""

    node_activated = Signal(int)

    def __init__(
        self, document: Document, training: TrainingModel, themes: ThemeManager, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._training = training
        self._themes = themes
        self._is_stale = True
        self._is_behind = False
        self._hovered = -1
        self._reading = FlowReading(self)
        self._reading.changed.connect(self._on_reading_changed)
        self._low, self._high = -1.0, 0.0
        self._has_broken = False
        self._picture: QPixmap | None = None
        """Everything but what is selected or under the pointer."""
        self.setAccessibleName("Gradient flow")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        document.trace_changed.connect(self._reading.clear)
        document.trace_changed.connect(self._on_changed)
        document.numbers_settled.connect(self._on_changed)
        document.selection_changed.connect(self.update)
        training.recorded_changed.connect(self._on_changed)
        themes.changed.connect(self._on_themes_changed)

    @property
    def points(self) -> list[FlowPoint]:
        """What is drawn of the document's trace, in the order of depth."""
        return self._reading.points

    @property
    def others(self) -> list[tuple[int, dict[str, float]]]:
        """Other recorded steps, each with the sizes by parameter."""
        return self._reading.others

    def shut_down(self) -> None:
        """Wait for what is being read."""
        self._reading.shut_down()

    def sizeHint(self) -> QSize:
        return QSize(600, 200)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 90)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._catch_up()

    # --- what is shown

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen:
            self._catch_up()

    def _on_changed(self) -> None:
        self._is_stale = True
        if self.isVisible() and not self._is_behind:
            self._catch_up()

    def _catch_up(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        self._reading.read(self._document.trace, self._training.recorded)

    def _on_reading_changed(self) -> None:
        self._hovered = -1
        self._set_scale()
        self.setAccessibleDescription(self._summary())
        self._picture = None
        self.update()

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture = None

    def _set_scale(self) -> None:
        own = [point.size for point in self.points]
        self._has_broken = any(
            math.isinf(size) for size in [*own, *(s for _, row in self.others for s in row.values())]
        )
        sizes = [size for size in [*own, *(s for _, row in self.others for s in row.values())] if 0 < size < math.inf]
        self._low = float(math.floor(math.log10(min(sizes)))) if sizes else -1.0
        self._high = max(float(math.ceil(math.log10(max(sizes)))), self._low + 1) if sizes else 0.0

    def _summary(self) -> str:
        vanished, exploded = limits(self.points)
        told = [(p, judgement(p, vanished, exploded)) for p in self.points]
        bad = [f"{point.name}: {text}" for point, text in told if text]
        return f"{len(self.points)} parameters. {'; '.join(bad[:20]) or 'Every gradient has a sensible size.'}"

    # --- geometry

    @property
    def _plot(self) -> QRectF:
        above = _TOP + (_RAIL_PX if self._has_broken else 4)
        return QRectF(_LEFT, above, self.width() - _LEFT - _RIGHT, self.height() - above - _BOTTOM - _RAIL_PX)

    def x_of(self, index: int) -> float:
        """The column of a point, in pixels."""
        plot = self._plot
        return plot.left() + plot.width() * (index + 0.5) / max(len(self.points), 1)

    @property
    def _columns(self) -> list[float]:
        """`x_of` all points."""
        plot, count = self._plot, len(self.points)
        return [plot.left() + plot.width() * (index + 0.5) / count for index in range(count)]

    def y_of(self, size: float) -> float:
        """The height of a gradient's size, in pixels; those without one have rails of their own."""
        plot = self._plot
        if math.isinf(size):
            return plot.top() - _RAIL_PX / 2
        if math.isnan(size) or size <= 0:
            return plot.bottom() + _RAIL_PX / 2
        where = (math.log10(size) - self._low) / (self._high - self._low)
        return plot.bottom() - plot.height() * min(max(where, 0.0), 1.0)

    def _index_at(self, x: float) -> int:
        plot = self._plot
        if not self.points or not plot.left() <= x <= plot.right():
            return -1
        return min(int((x - plot.left()) / plot.width() * len(self.points)), len(self.points) - 1)

    # --- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._themes.theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.surface)
        if not self.points:
            painter.setFont(ui_font(TEXT_NORMAL_PT))
            painter.setPen(theme.muted)
            painter.drawText(
                self.rect().adjusted(16, 16, -16, -16),
                Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap,
                self._reading.text or _EMPTY,
            )
            painter.end()
            return
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._drawn(theme, ratio)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_chosen(painter, theme)
        painter.end()

    def _drawn(self, theme: Theme, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.surface)
        painter = QPainter(picture)
        self._paint_bands(painter, theme)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, (step, sizes) in enumerate(self.others):
            color = mix(theme.surface, theme.accent, max(0.5 - 0.08 * place, 0.15))
            self._paint_line(painter, [sizes.get(point.name, math.nan) for point in self.points], QPen(color, 1.2))
            self._paint_step(painter, place, f"step {step}", color)
        self._paint_line(painter, [point.size for point in self.points], QPen(theme.accent, 1.8))
        self._paint_points(painter, theme)
        painter.end()
        return picture

    def _paint_bands(self, painter: QPainter, theme: Theme) -> None:
        """What is dead, vanishing, exploding or NaN, behind the scale; the names in front of its lines."""
        plot = self._plot
        vanished, exploded = limits(self.points)
        warning = QColor("#E0A030" if theme.is_dark else "#B7791F")
        bands = [("dead or None", plot.bottom(), plot.bottom() + _RAIL_PX, theme.muted)]
        if any(math.isinf(point.size) for point in self.points):
            bands.append(("NaN or ∞", plot.top() - _RAIL_PX, plot.top(), theme.accent))
        if vanished is not None and math.log10(vanished) > self._low:
            bands.append(("vanishing", self.y_of(vanished), plot.bottom(), warning))
        if math.log10(exploded) < self._high:
            bands.append(("exploding", plot.top(), self.y_of(exploded), theme.accent))
        areas = [
            (name, QRectF(plot.left(), top, plot.width(), bottom - top), color) for name, top, bottom, color in bands
        ]
        for _, area, color in areas:
            painter.fillRect(area, mix(theme.surface, color, 0.1))
        self._paint_axis(painter, theme)
        painter.setFont(ui_font(TEXT_SMALL_PT))
        for name, area, color in areas:
            text = QRectF(area.right() - 90, area.top() + 1, 84, _RAIL_PX - 2)
            painter.fillRect(text.adjusted(40, 1, 0, -1), mix(theme.surface, color, 0.1))  # no line runs through it
            painter.setPen(mix(color, theme.text, 0.35))
            painter.drawText(text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)

    def _paint_axis(self, painter: QPainter, theme: Theme) -> None:
        plot = self._plot
        painter.setFont(ui_font(TEXT_SMALL_PT))
        painter.setPen(theme.muted)
        painter.drawText(QRectF(_LEFT, 6, plot.width(), 18), Qt.AlignmentFlag.AlignVCenter, _LEGEND)
        painter.setFont(mono_font(TEXT_SMALL_PT))
        decades = int(self._high - self._low)
        every = max(1, math.ceil(decades * 18 / max(plot.height(), 1)))
        for power in range(int(self._low), int(self._high) + 1, every):
            y = self.y_of(10.0**power)
            painter.setPen(theme.line)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.muted)
            text = format_number(10.0**power, 2)
            painter.drawText(
                QRectF(0, y - 9, _LEFT - 8, 18), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text
            )
        self._paint_modules(painter, theme)

    def _paint_modules(self, painter: QPainter, theme: Theme) -> None:
        """The modules below their parameters, as many names as there is room for."""
        plot = self._plot
        font = ui_font(TEXT_SMALL_PT)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        free = ticked = plot.left() - 1
        last = ""
        common = _common_path([point.module for point in self.points])
        column = plot.width() / len(self.points)
        for index, point in enumerate(self.points):
            name = point.module.removeprefix(common) or point.name
            if name == last:
                continue
            last = name
            x = plot.left() + column * index
            if x >= free:
                shown = metrics.elidedText(plain(name), Qt.TextElideMode.ElideLeft, 140)
                width = metrics.horizontalAdvance(shown)
                if x + width <= plot.right() + _RIGHT:
                    painter.setPen(theme.muted)
                    painter.drawText(QPointF(x + 3, plot.bottom() + _RAIL_PX + 16), shown)
                    free, ticked = x + width + 14, -math.inf
            if x - ticked >= CLOSEST_PX:
                painter.setPen(theme.line)
                painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + _RAIL_PX))
                ticked = x

    def _paint_line(self, painter: QPainter, sizes: Sequence[float], pen: QPen) -> None:
        """Through the weights alone: biases would make a zigzag of it."""
        has_weights = any(point.is_weight for point in self.points)
        places = [
            QPointF(x, self.y_of(size))
            for point, x, size in zip(self.points, self._columns, sizes, strict=True)
            if point.is_weight or not has_weights
        ]
        if len(places) > self._plot.width() / CLOSEST_PX:
            pen.setWidthF(1.0)  # a zigzag of wide lines would be one blot, and take long
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(places)

    def _paint_step(self, painter: QPainter, place: int, text: str, color: QColor) -> None:
        painter.setFont(ui_font(TEXT_SMALL_PT))
        width = painter.fontMetrics().horizontalAdvance(text)
        area = QRectF(self.width() - _RIGHT - STEP_PX * (place + 1), 6, STEP_PX - 12, 18)
        if area.left() > self.width() / 2:
            right, middle = area.right() - width - 6, area.center().y()
            painter.setPen(QPen(color, 2))
            painter.drawLine(QPointF(right - 14, middle), QPointF(right, middle))
            painter.setPen(self._themes.theme.muted)
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    @property
    def _radius(self) -> float:
        return 4.0 if len(self.points) < self._plot.width() / 10 else 2.0

    def _paint_points(self, painter: QPainter, theme: Theme) -> None:
        """Each kind of point is drawn once and copied: there may be thousands."""
        ratio, radius = painter.device().devicePixelRatioF(), self._radius
        middle = math.ceil(radius) + 1
        dots = [_dot(theme.accent, fill, radius, middle, ratio) for fill in (theme.surface, theme.accent)]
        for x, point in zip(self._columns, self.points, strict=True):
            painter.drawPixmap(QPointF(x - middle, self.y_of(point.size) - middle), dots[point.is_weight])

    def _paint_chosen(self, painter: QPainter, theme: Theme) -> None:
        selection = self._document.selection
        painter.setPen(QPen(theme.data, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index, point in enumerate(self.points):
            if point.node == selection or index == self._hovered:
                center = QPointF(self.x_of(index), self.y_of(point.size))
                painter.drawEllipse(center, self._radius + 4, self._radius + 4)

    # --- pointer and keys

    def describe(self, index: int) -> str:
        """A point in words."""
        point = self.points[index]
        size = "None" if math.isnan(point.size) else format_number(point.size)
        lines = [f"{point.name}: {size}", judgement(point, *limits(self.points))]
        if 0 < point.zeros < 1:
            lines.append(f"{point.zeros:.0%} of its elements are zero")
        lines += [f"step {step}: {format_number(row[point.name])}" for step, row in self.others if point.name in row]
        return "\n".join(line for line in lines if line)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x())
        if index != self._hovered:
            self._hovered = index
            self.setCursor(Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()
        if index >= 0:
            QToolTip.showText(event.globalPosition().toPoint(), tooltip(self.describe(index)), self)
        else:
            QToolTip.hideText()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.node_activated.emit(self.points[index].node)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down walk along the parameters, Enter goes to the node."""
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
        if self.points and step:
            self._hovered = min(max(self._hovered + step, 0), len(self.points) - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._hovered >= 0:
            self.node_activated.emit(self.points[self._hovered].node)
        else:
            super().keyPressEvent(event)


def _dot(line: QColor, fill: QColor, radius: float, middle: int, ratio: float) -> QPixmap:
    """A point, in the middle of a picture of twice `middle` pixels."""
    picture = QPixmap(math.ceil(2 * middle * ratio), math.ceil(2 * middle * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(line, 1.4))
    painter.setBrush(fill)
    painter.drawEllipse(QPointF(middle, middle), radius, radius)
    painter.end()
    return picture


def _common_path(modules: Sequence[str]) -> str:
    """What all paths begin with, up to a dot: it would only take room from what tells them apart."""
    first = {module.split(".", 1)[0] for module in modules}
    is_shared = len(first) == 1 and all("." in module for module in modules)
    is_clear = not any(module.partition(".")[2].isdigit() for module in modules)  # "0" alone says nothing
    return f"{first.pop()}." if is_shared and is_clear else ""
