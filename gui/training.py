"""The training that runs or ran last: its losses, its state, and which of its steps are recorded."""

from __future__ import annotations

from typing import Literal

import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from engine.graph.trace import Trace
from engine.series import LossSeries

TrainingState = Literal["idle", "running", "paused", "finished"]


class TrainingModel(QObject):
    """What the panels show of a training. Panels only listen to it.

    Attributes
    ----------
    series : the losses by step.
    state : "idle" before the first training, then "running", "paused" or "finished".
    ending : how it came to be finished: "finished", "stopped" (by the user) or "failed".
    step : the newest step that is known.
    steps_per_second : 0 while it is not known.
    learning_rate : of the first group of parameters; None while it is not known.
    recorded : by training step the trace, or the path of a file that holds it.
    """

    points_added = Signal()
    state_changed = Signal()
    """State, step, speed or learning rate changed."""
    recorded_changed = Signal()
    was_reset = Signal()
    """Another training begins: `series` is a new object, everything else is as at the start."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clear()

    def _clear(self) -> None:
        self.series = LossSeries()
        self.state: TrainingState = "idle"
        self.ending = "finished"
        self.step = 0
        self.steps_per_second = 0.0
        self.learning_rate: float | None = None
        self.recorded: dict[int, Trace | str] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing runs or is held."""
        return self.state in {"idle", "finished"}

    def reset(self) -> None:
        """Forget everything: another training begins."""
        self._clear()
        self.was_reset.emit()

    def add_points(self, steps: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Add losses; `steps` and `values` are numbers or arrays of one shape (k,), as in `LossSeries.append`."""
        before = len(self.series)
        self.series.append(steps, values)
        last = self.series.last
        if last is not None and len(self.series) > before:
            self.step = last[0]
            self.points_added.emit()

    def set_state(self, state: TrainingState, step: int | None = None) -> None:
        """The training runs, is held (after `step`), or is over."""
        if state == self.state and step in {None, self.step}:
            return
        self.state = state
        if step is not None:
            self.step = step
        self.state_changed.emit()

    def end(self, ending: str) -> None:
        """Nothing runs any more; `ending` says why."""
        if self.state != "idle" and (self.state, self.ending) != ("finished", ending):
            self.state, self.ending = "finished", ending
            self.state_changed.emit()

    def set_rate(self, steps_per_second: float, learning_rate: float | None = None) -> None:
        """Set the speed in steps per second and the learning rate (None where it is not known)."""
        if (steps_per_second, learning_rate) != (self.steps_per_second, self.learning_rate):
            self.steps_per_second = steps_per_second
            self.learning_rate = learning_rate
            self.state_changed.emit()

    def add_recorded(self, step: int, trace: Trace | str) -> None:
        """A step of the training can be stepped through: its trace, or the file that holds it."""
        self.recorded[step] = trace
        self.recorded_changed.emit()
