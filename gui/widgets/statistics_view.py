"""Statistics of one tensor: a histogram and the numbers below it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.graph.numbers import format_number
from engine.graph.summary import Summary

from ..style import TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .text import ElidedLabel

_NAMES = ("min", "max", "mean", "std", "norm", "zeros", "NaN", "Inf")


class Histogram(QWidget):
    """Bars of a summary's histogram with a line at zero and the range below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self._color = QColor("gray")
        self._muted = QColor("gray")
        self._line = QColor("gray")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_summary(self, summary: Summary, color: QColor, theme: Theme) -> None:
        self._summary, self._color, self._muted, self._line = summary, color, theme.muted, theme.edge
        low, high = format_number(summary.low), format_number(summary.high)
        self.setAccessibleName(f"Histogram of {summary.binned} finite values from {low} to {high}")
        share = "" if summary.binned == summary.count - summary.nan - summary.inf else ", an even sample"
        self.setToolTip(f"{summary.binned:,} finite values{share}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 52)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 52)

    def paintEvent(self, event: QPaintEvent) -> None:
        summary = self._summary
        if summary is None or not summary.histogram:
            return
        painter = QPainter(self)
        font = mono_font(TEXT_SMALL_PT - 1)
        painter.setFont(font)
        text_height = painter.fontMetrics().height()
        bottom = self.height() - text_height - 2
        peak = max(summary.histogram)
        step = self.width() / len(summary.histogram)
        bar = QColor(self._color)
        bar.setAlphaF(0.75)
        for index, count in enumerate(summary.histogram):
            if count:
                height = max(1.0, (bottom - 1) * count / peak)
                gap = 1.0 if step > 4 else 0.0
                width = min(step - gap, 24.0)
                painter.fillRect(QRectF(index * step + (step - gap - width) / 2, bottom - height, width, height), bar)
        painter.setPen(self._line)
        painter.drawLine(0, bottom, self.width(), bottom)
        painter.setPen(self._muted)
        below = QRectF(0, bottom + 2, self.width(), text_height)
        if summary.low < 0 < summary.high:
            x = self.width() * (-summary.low / (summary.high - summary.low))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom + 3))
        if summary.low == summary.high:
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, f"all {format_number(summary.low)}")
        else:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, format_number(summary.low, 3))
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, format_number(summary.high, 3))
        painter.end()


class StatisticsView(QWidget):
    """A histogram, and min, max, mean, std, norm and the counts of zeros, NaN and Inf."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histogram = Histogram(self)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * UNIT)
        grid.setVerticalSpacing(UNIT // 2)
        self._keys: list[ElidedLabel] = []
        self._values: list[ElidedLabel] = []
        for index, name in enumerate(_NAMES):
            key = ElidedLabel(name, self, font=ui_font(TEXT_SMALL_PT))
            value = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(key, index // 2, (index % 2) * 3)
            grid.addWidget(value, index // 2, (index % 2) * 3 + 1)
            self._keys.append(key)
            self._values.append(value)
        grid.setColumnMinimumWidth(2, 2 * UNIT)
        for column, stretch in enumerate((2, 4, 0, 2, 3)):
            grid.setColumnStretch(column, stretch)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(UNIT)
        column_layout.addWidget(self._histogram)
        column_layout.addLayout(grid)

    def show_summary(self, summary: Summary, color: QColor, theme: Theme, *, has_histogram: bool = True) -> None:
        """Show `summary`; the bars in `color`, counts of NaN and Inf in the accent colour where there are any."""
        self._histogram.setVisible(has_histogram and bool(summary.histogram))
        self._histogram.show_summary(summary, color, theme)
        numbers = (summary.min, summary.max, summary.mean, summary.std, summary.norm)
        counts = (summary.zeros, summary.nan, summary.inf)
        for label, number in zip(self._values[:5], numbers, strict=True):
            label.set_text(format_number(number), repr(number))
            label.set_color(theme.text)
        for label, count in zip(self._values[5:], counts, strict=True):
            share = f"{count} of {summary.count}"
            label.set_text(f"{count:,}".replace(",", "\u2009"), share)
            label.set_color(theme.accent if count and label is not self._values[5] else theme.text)
        for key in self._keys:
            key.set_color(theme.muted)

    def text(self, name: str) -> str:
        """What is shown for "min", "max", "mean", "std", "norm", "zeros", "NaN" or "Inf"."""
        return self._values[_NAMES.index(name)].whole_text
