"""gui.garbage: Python's search for garbage stays on the window's thread."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui import garbage
from gui.garbage import Collector

ROOT = Path(__file__).resolve().parent.parent.parent


class Circle:
    """Refers to itself, so only a search finds that nobody needs it; notes on which thread it was destroyed."""

    def __init__(self, destroyed_on: list[int]) -> None:
        self.own = self
        self._destroyed_on = destroyed_on

    def __del__(self) -> None:
        self._destroyed_on.append(threading.get_ident())


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(garbage, "SEARCH_MS", 5)
    gc.enable()
    parent = QObject()
    yield Collector(parent)
    del parent  # and the collector with its timer
    ROOMS.clear()


ROOMS: list[list[int]] = []


def _allocate(count: int = 20_000) -> None:
    """So many objects that Python would search more than once, were it to search by itself."""
    ROOMS.extend([] for _ in range(count))


def test_another_thread_destroys_nothing(collector: Collector, qtbot: QtBot) -> None:
    destroyed_on: list[int] = []
    Circle(destroyed_on)
    thread = threading.Thread(target=_allocate)
    thread.start()
    thread.join()
    assert destroyed_on == []
    qtbot.waitUntil(lambda: destroyed_on == [threading.get_ident()])


def test_without_a_collector_the_other_thread_would(qtbot: QtBot) -> None:
    """The reason for it: if this fails, Python has changed, and the collector may go."""
    gc.enable()
    destroyed_on: list[int] = []
    Circle(destroyed_on)
    thread = threading.Thread(target=_allocate)
    thread.start()
    thread.join()
    ROOMS.clear()
    assert destroyed_on == [thread.ident]


def test_what_has_become_old_is_found_too(collector: Collector, qtbot: QtBot) -> None:
    destroyed_on: list[int] = []
    circle = Circle(destroyed_on)
    gc.collect(0)
    gc.collect(1)  # now it is among the oldest
    alive = weakref.ref(circle)
    del circle

    def is_gone() -> bool:
        _allocate(1_000)
        return alive() is None

    qtbot.waitUntil(is_gone, timeout=20_000)


def test_the_application_searches_on_its_thread() -> None:
    code = "import gc; from gui.app import make_application; app = make_application(); print(gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
