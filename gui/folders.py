"""Where the window keeps what is the user's: settings, the log, and the meeting place of several starts. No Qt."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

FOLDER_VARIABLE = "RETROGRAD_SETTINGS_DIR"
"""Environment variable that names another folder for the settings."""
MEETING_NAME_LENGTH = 23
"""Of the longest file in a meeting folder, in bytes."""
_SOCKET_PATH_BYTES = 103
"""What a socket's path may take: sun_path has 104 bytes under macOS and 108 under Linux, with the zero at its end."""


def default_path() -> Path:
    """The user's settings file; the folder may be set by the environment variable RETROGRAD_SETTINGS_DIR."""
    return _settings_folder() / "settings.json"


def log_folder() -> Path:
    """Where log files of the window go."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return Path(folder, "log")
    import platformdirs

    return platformdirs.user_log_path("retrograd", appauthor=False)


def meeting_folder() -> Path | None:
    """A folder of this machine that only this user can enter, made if need be; None where there can be none.

    The folder of the login session where the system has one, else one among the temporary files; neither where its
    name leaves no room for a socket's.
    """
    if os.name != "posix":
        return None
    for base, name in ((os.environ.get("XDG_RUNTIME_DIR"), "retrograd"), (tempfile.gettempdir(), _own_name())):
        if base and os.path.isabs(base) and _has_room(folder := Path(base, name)) and _make_private(folder):
            return folder
    return None


def _settings_folder() -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return Path(folder)
    import platformdirs

    return platformdirs.user_config_path("retrograd", appauthor=False)


def _own_name() -> str:
    return f"retrograd-{os.getuid()}"


def _has_room(folder: Path) -> bool:
    """Whether a socket in it can be bound."""
    return len(os.fsencode(folder)) + 1 + MEETING_NAME_LENGTH <= _SOCKET_PATH_BYTES


def _make_private(folder: Path) -> bool:
    """Whether the folder is there, is a real one, is ours, and nobody else may enter it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
