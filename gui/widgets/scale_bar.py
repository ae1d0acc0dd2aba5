"""The colours of a heat map from -limit over zero to +limit, or from zero on, with the numbers beside them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.graph.numbers import format_number

from ..style import TEXT_SMALL_PT
from ..theme import Theme, mono_font
from .heat_view import HeatView

LINE_PX = 18


class ScaleBar(QWidget):
    """The colours of a heat map from -limit over zero to +limit; from zero on where sizes are shown."""

    def __init__(self, heat: HeatView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heat = heat
        self._limit = 1.0
        self._is_size = False
        self._theme: Theme | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_limit(self, limit: float, theme: Theme, *, is_size: bool = False) -> None:
        """Show the scale up to a limit; `is_size`: absolute values are shown, such as those of complex numbers."""
        self._limit, self._theme, self._is_size = limit, theme, is_size
        low = format_number(0.0 if is_size else -limit)
        self.setAccessibleName(f"Colour scale from {low} to {format_number(limit)}")
        self.update()

    @property
    def ends(self) -> tuple[str, str]:
        """What is written at its ends."""
        high = format_number(self._limit, 3)
        return ("0", f"{high} (absolute)") if self._is_size else (format_number(-self._limit, 3), high)

    def sizeHint(self) -> QSize:
        return QSize(120, LINE_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, LINE_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is None:
            return
        painter = QPainter(self)
        painter.setFont(mono_font(TEXT_SMALL_PT - 1))
        low, high = self.ends
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance(low) + 6, metrics.horizontalAdvance(high) + 6
        bar = QRectF(left, (self.height() - 6) / 2, min(max(self.width() - left - right, 8), 96), 6)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        colors = self._heat.scale_colors
        shown = colors[1:] if self._is_size else colors
        for stop, color in zip((0.0, 1.0) if self._is_size else (0.0, 0.5, 1.0), shown, strict=True):
            gradient.setColorAt(stop, color)
        painter.fillRect(bar, gradient)
        painter.setPen(self._theme.line)
        painter.drawRect(bar)
        painter.setPen(self._theme.muted)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, left, self.height()), Qt.AlignmentFlag.AlignLeft | middle, low)
        painter.drawText(QRectF(bar.right() + 6, 0, right, self.height()), Qt.AlignmentFlag.AlignLeft | middle, high)
        painter.end()
