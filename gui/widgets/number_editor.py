"""One number to be changed: typed, or dragged over a sensible range."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from ..style import TEXT_NORMAL_PT
from ..theme import UNIT, mono_font

STEPS = 400
"""Places of the slider."""
_LARGEST = 1e15


class _Spin(QDoubleSpinBox):
    """Shows as many digits as a number has, and leaves the wheel to the panel until it is clicked."""

    def textFromValue(self, value: float) -> str:
        return f"{value:.7g}".replace("-", "−")

    def valueFromText(self, text: str) -> float:
        try:
            return float(text.replace("−", "-").replace(",", "."))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        try:
            float(text.replace("−", "-").replace(",", "."))
        except ValueError:
            return QValidator.State.Intermediate, text, position
        return QValidator.State.Acceptable, text, position

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
        self.spin.setDecimals(12)
        self.spin.setRange(-_LARGEST, _LARGEST)
        self.spin.setFont(mono_font(TEXT_NORMAL_PT))
        self.spin.setAccessibleName(name)
        self.spin.setFixedWidth(26 * UNIT)
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
        value = value if math.isfinite(value) else 0.0
        self._is_whole = is_whole
        if is_other:
            self._limit = _sensible(value)
        self._limit = max(self._limit, _sensible(value) / 2)
        self._value = value
        self.spin.setSingleStep(1.0 if is_whole else self._limit / 40)
        with QSignalBlocker(self.spin):
            self.spin.setValue(value)
        if not self.slider.isSliderDown():
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(value / self._limit * STEPS))
        self.slider.setToolTip(f"From {-self._limit:g} to {self._limit:g}".replace("-", "−"))

    def _on_spin_value_changed(self, value: float) -> None:
        self._tell(value, is_dragging=False)

    def _on_slider_value_changed(self, place: int) -> None:
        self._tell(place / STEPS * self._limit, is_dragging=True)

    def _tell(self, value: float, *, is_dragging: bool) -> None:
        value = float(round(value)) if self._is_whole else float(f"{value:.7g}")
        if value != self._value:
            self.set_value(value, is_whole=self._is_whole)
            self.edited.emit(value, is_dragging)


def _sensible(value: float) -> float:
    """A round number, at least 2 and about twice the size of `value`."""
    wanted = max(2.0, 2 * abs(value))
    power = 10 ** math.floor(math.log10(wanted))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= wanted))
