"""A training is not ended by closing its window, or by opening something else, without being asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.errors import TargetError
from gui.opening import classify
from gui.widgets.notification import Notification
from gui.widgets.questions import CloseQuestion

if TYPE_CHECKING:
    from gui.window import MainWindow

_ENDS = "ends"
"""Of the question whether a training may be ended."""
_KEPT = "The losses recorded so far are kept in the run's journal."


class Closing(QObject):
    """Asks what becomes of the training of one window: let it end, wait for it, or leave it alone."""

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
        box.keep.clicked.connect(self._on_keep_clicked)
        box.finished.connect(self._on_question_finished)
        self._question = box
        self._window.open_dialog(box)

    def may_open(self, text: str, arguments: Sequence[str]) -> bool:
        """Whether something may be opened in the place of what is open; where a training runs, that is asked first.

        A demo's training can be had again at any time.
        """
        if not self._has_training():
            return True
        try:
            target = classify(text)
        except TargetError:
            return True  # it will be told, and nothing is ended
        if target.kind == "log":
            return True
        workspace = self._window.workspace
        self._ask_in_bar(
            f"{workspace.title} is still training. Opening {target.title} here ends it.",
            ("Open in a new window", partial(self._window.open_elsewhere_requested.emit, text, tuple(arguments))),
            ("End it and open", partial(workspace.open, text, arguments)),
        )
        return False

    def may_close_target(self) -> bool:
        """Whether what is open may be closed; where a training runs, that is asked first."""
        if not self._has_training():
            return True
        workspace = self._window.workspace
        text = f"{workspace.title} is still training. Closing it ends the training."
        self._ask_in_bar(text, ("End it and close", workspace.close_target))
        return False

    def _has_training(self) -> bool:
        workspace = self._window.workspace
        return workspace.is_training and workspace.target is not None and workspace.target.kind != "demo"

    def _ask_in_bar(self, text: str, *buttons: tuple[str, Callable[[], None]]) -> None:
        self._window.notify(Notification(text, "warning", _KEPT, buttons=buttons, key=_ENDS))

    def _on_question_finished(self) -> None:
        question, self._question = self._question, None
        if question is not None and question.clickedButton() is question.stop:
            self._window.close_now()

    def _on_keep_clicked(self) -> None:
        self._is_put_off = True
        self._window.showMinimized()

    def _on_bridge_exited(self) -> None:
        self._window.notifications.dismiss(_ENDS)
        is_due, self._is_put_off = self._is_put_off, False
        if is_due and self._window.isMinimized():  # else somebody has come back to it
            self._window.close()
