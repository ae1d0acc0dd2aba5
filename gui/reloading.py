"""What is open changed on disk: says so in a bar that offers to run or to read it again. What is shown stays."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from PySide6.QtCore import QObject

from gui.file_state import FileState
from gui.file_watch import FileWatch
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow

KEY = "reload"
"""Of the bar that offers it."""
MAX_SOURCE_BYTES = 20_000_000
_RAN = "What ran is still shown."
_READ = "What was opened is still shown."

Change = Literal["changed", "gone"]


class _Seen(NamedTuple):
    """What became of a file, and in which state it was found."""

    change: Change
    state: FileState | None


class Reloading(QObject):
    """Compares the open program's files with the texts that ran, and an open trace's file with what was read.

    The document is never touched: it goes on showing what ran.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._files: dict[Path, FileState | None] = {}  # those without a text, as they were when they were read
        self._offered: dict[Path, _Seen] = {}
        self.watch = FileWatch(self)
        self.watch.stirred.connect(self.check)
        workspace = window.workspace
        workspace.changed.connect(self._on_workspace_changed)
        workspace.run_started.connect(self._on_workspace_run_started)
        window.document.source_changed.connect(self._on_workspace_changed)
        window.saving.saved.connect(self._on_saving_saved)

    @property
    def is_automatic(self) -> bool:
        """Whether a program runs again by itself once its file is saved."""
        return self._window.settings.values.rerun_when_saved

    def set_automatic(self, is_automatic: bool) -> None:
        self._window.settings.update(rerun_when_saved=is_automatic)
        self._window.refresh_actions()
        self._offered.clear()
        self.check()

    def check(self) -> None:
        """Look at the files now, and tell what became of them."""
        seen = self._look()
        if seen == self._offered:
            return
        is_worse = any(path not in self._offered or self._offered[path] != found for path, found in seen.items())
        self._offered = seen
        if not seen:
            self._window.notifications.dismiss(KEY)
        elif is_worse:
            self._tell(seen)

    def _look(self) -> dict[Path, _Seen]:
        found = {}
        for path, text in self._texts().items():
            change = _change_of(path, text)
            if change is not None:
                found[path] = _Seen(change, FileState.of(path))
        for path, before in self._files.items():
            state = FileState.of(path)
            if state != before:
                found[path] = _Seen("gone" if state is None else "changed", state)
        return found

    def _texts(self) -> dict[Path, str]:
        """The open program's own files, with the texts that ran; not those of a trace, whose program is elsewhere."""
        target = self._window.workspace.target
        if target is None or target.kind not in ("script", "callable"):
            return {}
        return {Path(name): text for name, text in self._window.document.sources.items() if Path(name).is_absolute()}

    def _tell(self, seen: dict[Path, _Seen]) -> None:
        workspace = self._window.workspace
        names = ", ".join(sorted(path.name for path in seen))
        is_gone = all(found.change == "gone" for found in seen.values())
        target = workspace.target
        if target is None:
            return
        if target.kind == "trace":
            self._tell_of_trace(names, is_gone=is_gone)
            return
        if is_gone:
            self._window.notify(Notification(f"{names} is no longer there.", "info", _RAN, key=KEY))
            return
        if self.is_automatic and not workspace.is_training:
            self._window.notifications.dismiss(KEY)
            workspace.run_again()
            return
        text, where = f"{names} changed since it ran.", _RAN
        if workspace.is_training:
            text, where = f"{names} changed.", "The training goes on with the code that it began with."
        buttons = [("Run again (F5)", workspace.run_again)]
        if not self.is_automatic:
            buttons.append(("Run again whenever it is saved", self._on_automatic_wanted))
        self._window.notify(Notification(text, "info", where, buttons=tuple(buttons), key=KEY))

    def _tell_of_trace(self, names: str, *, is_gone: bool) -> None:
        save = ("Save what is shown…", self._window.commands.save_trace)
        if is_gone:
            self._window.notify(Notification(f"{names} is no longer there.", "info", _READ, buttons=(save,), key=KEY))
            return
        text = f"Another program has changed {names}."
        buttons = (("Open the new one", self._open_again), save)
        self._window.notify(Notification(text, "info", _READ, buttons=buttons, key=KEY))

    def _open_again(self) -> None:
        target = self._window.workspace.target
        if target is not None:
            self._window.open_target(target.text)

    def _on_automatic_wanted(self) -> None:
        self.set_automatic(True)

    def _on_workspace_run_started(self) -> None:
        """What runs now is what is there now; should it not even start, that is not tried again by itself."""
        self._window.notifications.dismiss(KEY)
        target = self._window.workspace.target
        self._files = {}
        if target is not None and target.kind == "exported" and target.path is not None:
            self._files = {target.path: FileState.of(target.path)}
        self._offered = self._look()
        self._watch_files()

    def _on_workspace_changed(self) -> None:
        target = self._window.workspace.target
        if target is None or target.kind != "exported":
            self._files = {}
        if target is not None and target.kind == "trace" and target.path is not None:
            known = self._window.saving.known(target.path)
            self._files = {target.path: known} if known is not None else {}
        self._watch_files()

    def _watch_files(self) -> None:
        self.watch.set_paths([*self._texts(), *self._files])
        if not self.watch.paths:
            self._offered = {}
            self._window.notifications.dismiss(KEY)

    def _on_saving_saved(self) -> None:
        """What was saved from here is no other program's work."""
        self._on_workspace_changed()
        self.check()


def _change_of(path: Path, text: str) -> Change | None:
    """What became of a file that had this text when it ran; None where it has it still."""
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            return "changed"
        data = path.read_bytes()
    except FileNotFoundError:
        return "gone"
    except OSError:
        return "changed"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return None if io.TextIOWrapper(io.BytesIO(data), encoding, newline=None).read() == text else "changed"
    except (SyntaxError, ValueError, LookupError):  # no Python text any more
        return "changed"
