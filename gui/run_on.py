"""A training is run on to a step that is still to come, and held there with that step recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.session.messages import TrainingChanged
from engine.session.outcome import Outcome
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow

_KEY = "run-on"


class RunOn(QObject):
    """Asks for the step of one window's training, and tells it where the training ended before it came there."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._wanted: int | None = None
        bridge = window.workspace.bridge
        bridge.training_changed.connect(self._on_bridge_training_changed)
        bridge.exited.connect(self._on_bridge_exited)
        window.workspace.replaced.connect(self._forget)

    @property
    def wanted(self) -> int | None:
        """The step that the training is on its way to."""
        return self._wanted

    def ask(self) -> None:
        """Let the user choose the step."""
        from gui.widgets.questions import StepQuestion

        window = self._window
        if window.workspace.is_training:
            question = StepQuestion(window.workspace.title, self._newest(), window)
            question.answered.connect(self.hold_at)
            window.open_dialog(question)

    def hold_at(self, step: int) -> None:
        """Go on as far as a step, if there is a training to go on with."""
        if self._window.workspace.is_training:
            self._wanted = step
            self._window.workspace.bridge.supervisor.hold_at(step)

    def _newest(self) -> int:
        """The newest step that is known; a held training has said its own."""
        training, panels = self._window.workspace.training, self._window.panels
        known = 0 if panels is None else panels.training.step
        return known if training is None else max(known, training.step)

    def _forget(self) -> None:
        self._wanted = None

    def _on_bridge_training_changed(self, message: TrainingChanged) -> None:
        if message.state == "paused":
            self._wanted = None

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and outcome.kind == "finished" and self._window.workspace.is_listening:
            text = f"The training ended at step {self._newest():,}, before step {wanted:,}."
            self._window.notify(Notification(text, "info", key=_KEY))
