"""One number to be changed: typed, or dragged over a sensible range."""

from __future__ import annotations

import math
import sys

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFontMetrics, QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from engine.graph.numbers import format_number

from ..style import TEXT_NORMAL_PT
from ..theme import UNIT, mono_font

STEPS = 400
"""Places of the slider."""
_LARGEST = sys.float_info.max
_FURTHEST = 1e307
"""Where the slider ends at most: twice that must still be a number."""
_PLACES = 323
"""Decimal places that the spin box keeps: it would round a small number to zero."""
_WIDEST = "−1.2345678e−38"
_ARROWS_PX = 36
"""Room for the arrows and the margins of the spin box."""


class _Spin(QDoubleSpinBox):
    """Shows as many digits as a number has, and leaves the wheel to the panel until it is clicked.

    NaN and infinity, which a spin box cannot hold, are written in the place of its lowest number.
    """

    def show_number(self, value: float) -> None:
        """Show a number of any kind without telling of it."""
        is_number = math.isfinite(value)
        word = "" if is_number else format_number(value)
        if word != self.specialValueText():
            self.setSpecialValueText(word)
        with QSignalBlocker(self):
            self.setValue(value if is_number else self.minimum())

    def stepBy(self, steps: int) -> None:
        if self.specialValueText():
            self.setValue(0.0)
        else:
            super().stepBy(steps)

    def textFromValue(self, value: float) -> str:
        return self.specialValueText() or shortest(value).replace("-", "−")

    def valueFromText(self, text: str) -> float:
        if text == self.specialValueText():
            return self.minimum()
        if text == self.textFromValue(self.value()):
            return self.value()  # not touched: the number may have more digits than are shown
        number = _parsed(text)
        return self.value() if number is None else number

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        is_right = text == self.specialValueText() or _parsed(text) is not None
        return QValidator.State.Acceptable if is_right else QValidator.State.Intermediate, text, position

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class NumberEditor(QWidget):
    """A spin box and a slider for the same number.

    The slider reaches to twice the number on both sides, at least to ±2, and further once a larger number is typed.
    """

    edited = Signal(float, bool)
    """The user changed the number; True while a slider is being dragged."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0.0
        self._is_whole = False
        self._limit = 2.0
        self.spin = _Spin(self)
        self.spin.setKeyboardTracking(False)
        self.spin.setDecimals(_PLACES)
        self.spin.setRange(-_LARGEST, _LARGEST)
        self.spin.setFont(mono_font(TEXT_NORMAL_PT))
        self.spin.setAccessibleName(name)
        self.spin.setFixedWidth(QFontMetrics(self.spin.font()).horizontalAdvance(_WIDEST) + _ARROWS_PX)
        self.spin.lineEdit().setTextMargins(UNIT, 0, 0, 0)
        self.spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(-STEPS, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setAccessibleName(f"{name}, slider")
        self.slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.slider.setMinimumWidth(12 * UNIT)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT)
        row.addWidget(self.spin)
        row.addWidget(self.slider, 1)
        self.setFocusProxy(self.spin)
        self.spin.valueChanged.connect(self._on_spin_value_changed)
        self.slider.valueChanged.connect(self._on_slider_value_changed)

    @property
    def value(self) -> float:
        return self._value

    def set_value(self, value: float, *, is_whole: bool = False, is_other: bool = False) -> None:
        """Show a number without telling of it.

        Parameters
        ----------
        is_whole : only whole numbers are possible.
        is_other : it is the number of something else than before, so the slider's range may change.
        """
        self._is_whole = is_whole
        if is_other:
            self._limit = _sensible(value)
        self._limit = max(self._limit, _sensible(value) / 2)
        self._value = value
        self.spin.setSingleStep(1.0 if is_whole else self._limit / 40)
        self.spin.show_number(value)
        if not self.slider.isSliderDown():
            share = min(max(value / self._limit, -1.0), 1.0) if math.isfinite(value) else 0.0
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(share * STEPS))
        self.slider.setToolTip(f"From {-self._limit:g} to {self._limit:g}".replace("-", "−"))

    def _on_spin_value_changed(self, value: float) -> None:
        self._tell(value, is_dragging=False)

    def _on_slider_value_changed(self, place: int) -> None:
        self._tell(place / STEPS * self._limit, is_dragging=True)

    def _tell(self, value: float, *, is_dragging: bool) -> None:
        value = float(round(value)) if self._is_whole else float(f"{value:.9g}")
        if value != self._value:
            self.set_value(value, is_whole=self._is_whole)
            self.edited.emit(value, is_dragging)


def shortest(value: float) -> str:
    """The shortest decimal that gives the same float32; of a number that is none, seven digits."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return f"{float(str(single)):.9g}" if float(single) == value else f"{value:.7g}"


def _parsed(text: str) -> float | None:
    """The finite number that was typed, with any minus sign and decimal mark; None where it is none."""
    try:
        number = float(text.replace("−", "-").replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sensible(value: float) -> float:
    """A round number, at least 2 and about twice the size of `value`."""
    wanted = max(2.0, 2 * min(abs(value), _FURTHEST)) if math.isfinite(value) else 2.0
    power = 10 ** math.floor(math.log10(wanted))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= wanted))
