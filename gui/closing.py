"""Closing a window in the middle of a training: asked about, put off until it is over, or done at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.widgets.questions import CloseQuestion

if TYPE_CHECKING:
    from gui.window import MainWindow


class Closing(QObject):
    """Asks what becomes of the training of one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._question: CloseQuestion | None = None
        self._is_put_off = False
        window.workspace.bridge.exited.connect(self._on_bridge_exited)

    def ask(self) -> None:
        """Ask; only one question is open at a time."""
        if self._question is not None:
            self._question.raise_()
            return
        box = CloseQuestion(self._window.workspace.title, self._window)
        box.accepted.connect(self._window.close_now)
        box.keep.clicked.connect(self._on_keep_clicked)
        box.finished.connect(self._on_question_finished)
        self._question = box
        self._window.open_dialog(box)

    def _on_question_finished(self) -> None:
        self._question = None

    def _on_keep_clicked(self) -> None:
        self._is_put_off = True
        self._window.showMinimized()

    def _on_bridge_exited(self) -> None:
        is_due, self._is_put_off = self._is_put_off, False
        if is_due and self._window.isMinimized():  # else somebody has come back to it
            self._window.close()
