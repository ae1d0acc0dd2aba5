"""A loss that becomes NaN or infinite is told at once, with the way to the step where it first did."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.training import TrainingModel
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow

_KEY = "first-nan"


class FirstNan(QObject):
    """Tells it once in a training; a step that is recorded speaks for itself, under Problems."""

    def __init__(self, window: MainWindow, training: TrainingModel) -> None:
        super().__init__(window)
        self._window = window
        self._training = training
        self._step: int | None = None
        training.points_added.connect(self._on_training_points_added)
        training.recorded_changed.connect(self._on_training_recorded_changed)
        training.was_reset.connect(self._on_training_was_reset)

    def _on_training_points_added(self) -> None:
        listed = self._training.series.non_finite
        if self._step is not None or not listed:
            return
        self._step = step = listed[0]
        if step in self._training.recorded:
            return
        value = self._training.series.value_at(step)
        what = "NaN" if value is None or math.isnan(value) else "infinite"
        self._window.notify(
            Notification(
                f"The loss is {what} for the first time at step {step}.",
                "warning",
                "Once that step is recorded, Problems names the operation that it comes from.",
                buttons=((f"Step through step {step}", self._on_wanted),),
                key=_KEY,
            )
        )

    def _on_wanted(self) -> None:
        if self._step is not None and self._window.panels is not None:
            self._window.panels.loss.step_through_requested.emit(self._step)

    def _on_training_recorded_changed(self) -> None:
        if self._step in self._training.recorded:
            self._window.notifications.dismiss(_KEY)

    def _on_training_was_reset(self) -> None:
        self._step = None
