"""Notices that files change on disk: by writing, by renaming another file over them, by going away and coming back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

QUIET_MS = 300
"""Editors write in several strokes: so long nothing must happen before it is told."""
MOST_S = 2.0
"""Files that never come to rest are told of all the same, so often."""


class FileWatch(QObject):
    """Watches some files. Whoever hears `stirred` looks for himself what has become of them."""

    stirred = Signal()
    """Something happened to one of the files, or to another one beside it, and is over."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths: frozenset[Path] = frozenset()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._on_watcher_changed)
        # The folders too: a file that was replaced or deleted is watched no more, and its folder tells of the new one.
        self._watcher.directoryChanged.connect(self._on_watcher_changed)
        self._since_s: float | None = None
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._on_quiet_timeout)

    @property
    def paths(self) -> frozenset[Path]:
        return self._paths

    def set_paths(self, paths: Iterable[Path]) -> None:
        """Watch exactly these; what was noticed of others is forgotten."""
        wanted = frozenset(paths)
        if wanted == self._paths:
            return
        self._paths = wanted
        self._quiet.stop()
        self._since_s = None
        before = [*self._watcher.files(), *self._watcher.directories()]
        if before:
            self._watcher.removePaths(before)
        self._watch()

    def _watch(self) -> None:
        """Watch what is there and is not watched: also again, under a name that another file has taken."""
        watched = {*self._watcher.files(), *self._watcher.directories()}
        missing = {str(path) for path in self._paths if path.exists()}
        missing |= {str(path.parent) for path in self._paths if path.parent.is_dir()}
        if missing - watched:
            self._watcher.addPaths(sorted(missing - watched))  # what cannot be is looked at when the window is

    def _on_watcher_changed(self) -> None:
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < MOST_S or not self._quiet.isActive():
            self._quiet.start()

    def _on_quiet_timeout(self) -> None:
        self._since_s = None
        self._watch()
        self.stirred.emit()
