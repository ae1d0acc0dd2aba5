"""Saving the trace: never over what another program has written since, unless the user says so; and then beside it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from engine.errors import RetrogradError
from engine.graph.trace import Trace
from gui.file_state import FileState
from gui.opening import TRACE_SUFFIX
from gui.widgets.notification import Notification
from gui.widgets.questions import ConflictQuestion

if TYPE_CHECKING:
    from gui.window import MainWindow

KEY = "saved"
"""Of the notification about what was saved last."""


class _ChangedError(Exception):
    """The file is no longer the one that may be replaced."""


class TraceSaving(QObject):
    """Saves the trace of one window, and knows in which states this window has read or written files."""

    saved = Signal()
    """A trace was written."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._known: dict[Path, FileState | None] = {}
        window.workspace.trace_read.connect(self._on_workspace_trace_read)

    def known(self, path: Path) -> FileState | None:
        """In which state this window has read or written a file last; None where it has not."""
        return self._known.get(path)

    def choose(self, suggestion: str) -> None:
        """Let the user choose a file, and save the open trace there."""
        window, trace = self._window, self._window.document.trace
        if trace is None:
            return
        name, _ = QFileDialog.getSaveFileName(window, "Save trace", suggestion, f"Traces (*{TRACE_SUFFIX})")
        if not name:
            return
        path = Path(name if Path(name).suffix else name + TRACE_SUFFIX).absolute()
        window.settings.update(folder=str(path.parent))
        # Of a file that this window does not know, the user has agreed to replace what is there at this moment.
        self._save(trace, path, self._known.get(path) or FileState.of(path))

    def _save(self, trace: Trace, path: Path, expected: FileState | None, aside: Path | None = None) -> None:
        """Write the trace, if the file is still as expected or gone; what is replaced is kept as `aside`."""
        window = self._window

        def check() -> None:
            found = FileState.of(path)
            if found is not None and found != expected:
                raise _ChangedError
            if aside is not None and found is not None:
                _keep(path, aside)

        def job() -> FileState | None:
            from engine.storage.trace_file import save

            save(trace, path, check)
            return FileState.of(path)

        def then(state: FileState | None) -> None:
            self._known[path] = state
            window.settings.add_recent(str(path))
            text = f"The trace is saved as {path.name}."
            if aside is not None:
                text += f" What the other program had written is kept as {aside.name}."
            window.notify(Notification(text, "info", str(path.parent), key=KEY, is_passing=aside is None))
            self.saved.emit()

        def failed(error: Exception) -> None:
            if isinstance(error, _ChangedError):
                self._ask(trace, path)
            else:
                window.notify(not_saved(path, error, window.commands.save_trace))

        window.workspace.background.run(job, then, failed)

    def _ask(self, trace: Trace, path: Path) -> None:
        found = FileState.of(path)
        question = ConflictQuestion(path, self._window)

        def answered() -> None:
            chosen = question.clickedButton()
            if chosen is question.mine:
                self._save(trace, path, found, _free_name(path))
            elif chosen is question.elsewhere:
                self.choose(str(_free_name(path, "mine")))
            elif chosen is question.theirs:
                text = f"{path.name} is left as the other program wrote it. What you have is still shown here."
                again = ("Open theirs", lambda: self._window.open_target(str(path)))
                self._window.notify(Notification(text, "info", str(path.parent), buttons=(again,), key=KEY))

        question.finished.connect(answered)
        self._window.open_dialog(question)

    def _on_workspace_trace_read(self, path: Path, state: FileState | None) -> None:
        self._known[path] = state


def not_saved(path: Path, error: Exception, again: object) -> Notification:
    """Why a file was not saved, with a button to save it elsewhere."""
    if isinstance(error, RetrogradError):
        message = str(error)
    else:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{path.name} was not saved: {reason}. An older file is untouched."
    buttons = (("Save elsewhere…", again),) if callable(again) else ()
    return Notification(message, "error", str(path.parent), buttons=buttons, key=KEY)


def _free_name(path: Path, whose: str = "theirs") -> Path:
    """A name beside the file that nothing has."""
    stem = f"{path.stem}-{whose}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, candidate = 1, path.with_name(f"{stem}{path.suffix}")
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{stem}-{number}{path.suffix}")
    return candidate


def _keep(path: Path, aside: Path) -> None:
    """Give what is there a second name, which stays when the first is taken; a copy where names cannot be shared."""
    try:
        os.link(path, aside)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(path, aside)
