"""What every test gets: its own folders for settings and runs, and a check that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"

GRACE_S = 5.0
"""A thread or process that was told to end may take so long."""
_HELPERS = ("resource_tracker", "forkserver", "semaphore_tracker")
"""multiprocessing's own helpers, which live as long as the interpreter."""


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the user's settings, logs or runs."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("RETROGRAD_SETTINGS_DIR", str(folder / "settings"))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(folder / variable.lower()))
    with tempfile.TemporaryDirectory(
        prefix="run"
    ) as runtime:  # sockets are in it: pytest's own folders can be too deep
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield


@pytest.fixture(autouse=True)
def _garbage_searched_between_tests() -> Iterator[None]:
    """No thread of a test destroys objects of Qt that an earlier one left: the search waits until it is over."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or an open socket."""
    threads, children, sockets = set(threading.enumerate()), set(_children()), _sockets()
    yield
    _expect_gone("threads", lambda: [thread.name for thread in set(threading.enumerate()) - threads])
    _expect_gone("child processes", lambda: [_describe(pid) for pid in set(_children()) - children])
    _expect_gone("sockets", lambda: [str(fd) for fd in _sockets() - sockets])


def _expect_gone(what: str, left: Callable[[], list[str]]) -> None:
    deadline_s = time.monotonic() + GRACE_S
    while names := left():
        if time.monotonic() > deadline_s:
            pytest.fail(f"the test left {what} behind: {', '.join(names)}")
        time.sleep(0.02)


def _children() -> list[int]:
    """Process ids of the living children."""
    found: list[int] = []
    if _has_no_children():
        return found
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE and not any(name in _describe(child.pid) for name in _HELPERS):
                found.append(child.pid)
    return found


def _has_no_children() -> bool:
    """Whether the system says so at once: to look at every process takes longer than most tests."""
    lists = list(Path("/proc/self/task").glob("*/children"))
    try:
        return bool(lists) and not any(path.read_bytes() for path in lists)
    except OSError:  # a thread has just ended
        return False


def _describe(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return str(pid)


def _sockets() -> set[str]:
    """The open sockets of this process, by descriptor and inode; the empty set where the system does not tell."""
    found = set()
    folder = Path("/proc/self/fd")
    if folder.is_dir():
        for entry in os.listdir(folder):
            with contextlib.suppress(OSError):
                target = os.readlink(folder / entry)
                if target.startswith("socket:"):
                    found.add(f"{entry} {target}")
    return found
