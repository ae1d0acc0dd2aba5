"""One folder per run, in the user's state folder: its journal of losses and its whole output."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from pathlib import Path

JOURNAL_NAME = "losses.journal"
LOG_NAME = "output.log"
_MARK_NAME = "running"
"""A file in the folder of a run that has not ended; names the process that would have seen the end."""
KEPT_RUNS = 20

_numbers = itertools.count()


def default_base() -> Path:
    """Where runs are kept: the platform's folder for a user's application state."""
    import platformdirs

    return Path(platformdirs.user_state_dir("retrograd", appauthor=False)) / "runs"


def new_run_folder(base: Path) -> Path | None:
    """Make a folder for a new run, and forget the oldest beyond `KEPT_RUNS`; None where nothing can be written."""
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = base / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_numbers)}"
        folder.mkdir(mode=0o700)
        (folder / _MARK_NAME).write_text(_this_process())
    except OSError:  # no home, read-only, full: the program runs all the same, in memory
        return None
    for old in run_folders(base)[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def run_folders(base: Path) -> list[Path]:
    """The kept runs, oldest first."""
    try:
        found = [path for path in base.iterdir() if path.is_dir() and not path.is_symlink()]
        return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))
    except OSError:
        return []


def note_end(folder: Path) -> None:
    """The run of this folder has ended, and somebody saw it, or was told of it."""
    with contextlib.suppress(OSError):
        (folder / _MARK_NAME).unlink()


def interrupted_runs(base: Path) -> list[Path]:
    """Runs whose end nobody saw, because the process that watched them was killed; oldest first."""
    return [folder for folder in run_folders(base) if _is_orphaned(folder / _MARK_NAME)]


def _this_process() -> str:
    import psutil

    return f"{os.getpid()} {psutil.Process().create_time()}"


def _is_orphaned(mark: Path) -> bool:
    import psutil

    try:
        pid, created_s = mark.read_text("ascii")[:100].split()
        return not abs(psutil.Process(int(pid)).create_time() - float(created_s)) < 1.0
    except psutil.AccessDenied:
        return False
    except psutil.NoSuchProcess:
        return True
    except (OSError, ValueError, OverflowError):  # no mark: it has ended; or nothing that we wrote
        return False
