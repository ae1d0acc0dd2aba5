"""The user's settings: one small JSON file that may be missing, damaged, foreign or read-only without any harm."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from engine.errors import SaveError
from engine.graph.breakpoints import Breakpoint
from engine.storage.atomic import write_atomically
from gui.file_state import FileState
from gui.folders import default_path

VERSION = 1
"""Version of the file's format; a file of another version is put aside."""
MAX_FILE_BYTES = 1_000_000
MAX_RECENT = 12

_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_State = Annotated[str, msgspec.Meta(max_length=200_000)]


class Preferences(msgspec.Struct, kw_only=True, omit_defaults=False):
    """Everything that is remembered from one start to the next.

    `window_geometry` and `window_state` are Qt's own, in base64. `trusted` maps the path of a script that the user
    allowed to run to the time of that answer (seconds since 1970); `breakpoints` are those of each target.
    `demo_tab` and `program_tab` are the panels in front of their neighbours when a demo, or anything else, is opened;
    "" leaves that as it is. `legend_is_open` is None until the user has said so: the legend then gives way to the
    graph.
    """

    version: Literal[1] = 1
    theme: Literal["light", "dark"] | None = None
    layout_method: _Text = "layered"
    overlay: _Text = "kind"
    legend_is_open: bool | None = None
    map_is_open: bool = True
    demo_tab: _Text = "lesson"
    program_tab: _Text = ""
    rerun_when_saved: bool = False
    steps_per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 2.0
    window_geometry: _State = ""
    window_state: _State = ""
    recent: list[_Text] = []
    trusted: dict[_Text, float] = {}
    folder: _Text = ""
    breakpoints: dict[_Text, tuple[Breakpoint, ...]] = {}


class Settings(QObject):
    """Reads the settings and writes every change at once, as a whole file or not at all.

    What another window's process has changed meanwhile is kept: only the changed fields are ours.

    Parameters
    ----------
    path : the settings file; by default in the user's folder for configuration.
    """

    noticed = Signal(str)
    """A sentence for the user about the settings themselves; each is emitted once."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path or default_path()
        self.notices: list[str] = []
        self.is_persistent = True
        self._seen = FileState.of(self.path)
        self.values = self._read()

    def update(self, **changes: object) -> None:
        """Set fields of `values` and write the file; raises AttributeError for a field that does not exist."""
        self._take_over()
        before = msgspec.json.encode(self.values)
        for name, value in changes.items():
            if name not in Preferences.__struct_fields__:
                raise AttributeError(f"there is no setting called {name!r}")
            setattr(self.values, name, value)
        if msgspec.json.encode(self.values) != before:
            self._write()

    def add_recent(self, target: str) -> None:
        """Put `target` first among the recent ones."""
        self._take_over()
        recent = [target, *(other for other in self.values.recent if other != target)]
        self.update(recent=recent[:MAX_RECENT])

    def is_trusted(self, path: Path) -> bool:
        """Whether the user allowed this script to run."""
        return str(path.resolve()) in self.values.trusted

    def trust(self, path: Path) -> None:
        """Remember that the user allowed this script to run."""
        self._take_over()
        self.update(trusted={**self.values.trusted, str(path.resolve()): time.time()})

    def _take_over(self) -> None:
        """Read what another process has written since; what cannot be read is written over with what we have."""
        found = FileState.of(self.path)
        if not self.is_persistent or found == self._seen or found is None or found.size > MAX_FILE_BYTES:
            return
        with contextlib.suppress(OSError, msgspec.DecodeError, ValueError, RecursionError):
            self.values = msgspec.json.decode(self.path.read_bytes(), type=Preferences)
            self._seen = found

    def _read(self) -> Preferences:
        try:
            size = self.path.stat().st_size
            data = b"" if size > MAX_FILE_BYTES else self.path.read_bytes()
        except FileNotFoundError:
            return Preferences()
        except OSError as error:
            self.is_persistent = False  # a file that may be all right must not be written over
            self._notice(
                f"The settings in {self.path} cannot be read ({error.strerror}). "
                "The defaults are used, and changes last until you quit."
            )
            return Preferences()
        try:
            return msgspec.json.decode(data, type=Preferences)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            reason = f"larger than {MAX_FILE_BYTES} bytes" if size > MAX_FILE_BYTES else str(error)
            self._set_aside(reason)
            return Preferences()

    def _set_aside(self, reason: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.unreadable-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            os.replace(self.path, aside)
        except OSError as error:
            self._notice(
                f"The settings in {self.path} are unreadable and cannot be moved ({error.strerror}); "
                "nothing is saved this time."
            )
            self.is_persistent = False
            return
        self._notice(f"The settings were unreadable ({reason}). They are kept as {aside}; the defaults are used.")

    def _write(self) -> None:
        if not self.is_persistent:
            return
        data = msgspec.json.format(msgspec.json.encode(self.values), indent=2)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, [data])
            self._seen = FileState.of(self.path)
        except OSError as error:
            self._give_up(error.strerror or str(error))
        except SaveError as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        self.is_persistent = False
        self._notice(f"The settings cannot be saved in {self.path.parent} ({reason}); they last until you quit.")

    def _notice(self, text: str) -> None:
        self.notices.append(text)
        self.noticed.emit(text)
