"""Statistics of one tensor: a histogram and the numbers below it, painted by one widget."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QHelpEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.graph.numbers import format_number
from engine.graph.summary import Summary

from ..style import TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .text import tooltip

_NAMES = ("min", "max", "mean", "std", "norm", "zeros", "NaN", "Inf")
_HISTOGRAM_PX = 40
_COLUMNS = 2
_LEADING = 3


class StatisticsView(QWidget):
    """A histogram, and min, max, mean, std, norm and the counts of zeros, NaN and Inf.

    Pointing at a bar or a number says it exactly; Ctrl+C copies everything.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self._theme: Theme | None = None
        self._color = QColor("gray")
        self._has_histogram = False
        self._texts: dict[str, str] = {}
        self._key_font, self._value_font = ui_font(TEXT_SMALL_PT), mono_font(TEXT_SMALL_PT)
        self._scale_font: QFont = mono_font(TEXT_SMALL_PT - 1)
        self._line_px = QFontMetrics(self._key_font).height() + _LEADING
        self._scale_px = QFontMetrics(self._scale_font).height()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def show_summary(self, summary: Summary, color: QColor, theme: Theme, *, has_histogram: bool = True) -> None:
        """Show `summary`; the bars in `color`, counts of NaN and Inf in the accent colour where there are any."""
        if (summary, color, theme) == (self._summary, self._color, self._theme):
            return
        was_high = self._has_histogram
        self._summary, self._color, self._theme = summary, color, theme
        self._has_histogram = has_histogram and bool(summary.histogram)
        numbers = (summary.min, summary.max, summary.mean, summary.std, summary.norm)
        counts = (summary.zeros, summary.nan, summary.inf)
        texts = [format_number(number) for number in numbers] + [
            f"{count:,}".replace(",", "\u2009") for count in counts
        ]
        self._texts = dict(zip(_NAMES, texts, strict=True))
        self.setAccessibleName(self._spoken())
        if was_high != self._has_histogram:
            self.updateGeometry()
        self.update()

    def _spoken(self) -> str:
        return "Statistics: " + ", ".join(f"{name} {text}" for name, text in self._texts.items())

    def text(self, name: str) -> str:
        """What is shown for "min", "max", "mean", "std", "norm", "zeros", "NaN" or "Inf"."""
        return self._texts[name]

    # --- geometry ---

    def _top(self) -> int:
        return _HISTOGRAM_PX + self._scale_px + 2 * UNIT if self._has_histogram else 0

    def sizeHint(self) -> QSize:
        return QSize(200, self._top() + self._line_px * ((len(_NAMES) + 1) // _COLUMNS))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.sizeHint().height())

    def _cell(self, index: int) -> QRect:
        row, column = divmod(index, _COLUMNS)
        gap = 4 * UNIT
        width = (self.width() - gap) // _COLUMNS
        return QRect(column * (width + gap), self._top() + row * self._line_px, width, self._line_px)

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:
        summary, theme = self._summary, self._theme
        if summary is None or theme is None:
            return
        painter = QPainter(self)
        if self._has_histogram:
            self._draw_histogram(painter, summary, theme)
        middle = Qt.AlignmentFlag.AlignVCenter
        for index, (name, text) in enumerate(self._texts.items()):
            area = self._cell(index)
            painter.setFont(self._key_font)
            painter.setPen(theme.muted)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | middle), name)
            painter.setFont(self._value_font)
            is_bad = name in ("NaN", "Inf") and text != "0"
            painter.setPen(theme.accent_text if is_bad else theme.text)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | middle), text)
        painter.end()

    def _draw_histogram(self, painter: QPainter, summary: Summary, theme: Theme) -> None:
        bottom = _HISTOGRAM_PX
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
        painter.setPen(theme.edge)
        painter.drawLine(0, bottom, self.width(), bottom)
        painter.setFont(self._scale_font)
        painter.setPen(theme.muted)
        below = QRectF(0, bottom + 2, self.width(), self._scale_px)
        if summary.low < 0 < summary.high:
            x = self.width() * (-summary.low / (summary.high - summary.low))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom + 3))
        if summary.low == summary.high:
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, f"all {format_number(summary.low)}")
        else:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, format_number(summary.low, 3))
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, format_number(summary.high, 3))
            if _is_sample(summary):  # its ends are not the extremes below it
                painter.setFont(self._key_font)
                painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "of a sample")

    # --- reading out ---

    def tooltip_at(self, position: QPoint) -> str:
        """The exact number below a point, or the range and the count of a bar."""
        summary = self._summary
        if summary is None:
            return ""
        if position.y() < self._top():
            bins = len(summary.histogram)
            index = min(max(position.x() * bins // max(self.width(), 1), 0), bins - 1)
            width = (summary.high - summary.low) / bins
            low, high = summary.low + index * width, summary.low + (index + 1) * width
            of = f"{summary.binned:,} finite values" + (", an even sample" if _is_sample(summary) else "")
            return f"{format_number(low)} to {format_number(high)}: {summary.histogram[index]:,} of {of}"
        exact = (summary.min, summary.max, summary.mean, summary.std, summary.norm)
        counts = (summary.zeros, summary.nan, summary.inf)
        texts = [repr(number) for number in exact] + [f"{count:,} of {summary.count:,}" for count in counts]
        for index, text in enumerate(texts):
            if self._cell(index).contains(position):
                return f"{_NAMES[index]}: {text}"
        return ""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), tooltip(self.tooltip_at(event.pos())), self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_C and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            QGuiApplication.clipboard().setText("\n".join(f"{name}\t{text}" for name, text in self._texts.items()))
        else:
            super().keyPressEvent(event)


def _is_sample(summary: Summary) -> bool:
    """Whether the histogram counts only some of the finite values."""
    return summary.binned != summary.count - summary.nan - summary.inf
