"""Layouts beside the window's thread: results, failures, cancelling."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from pytestqt.qtbot import QtBot

from engine.graph.drawing import Drawing, Item, Sizes
from gui.canvas.job import LayoutJob


def size(_item: Item) -> tuple[float, float]:
    return 1.0, 1.0


def nothing() -> Drawing:
    return Drawing(items=[], rects=np.empty((0, 4)), links=[], item_of_node=np.empty(0, dtype=np.int64))


def test_the_result_arrives_in_the_windows_thread(qtbot: QtBot, qapp: object) -> None:
    job, seen = LayoutJob(), list[int]()
    job.finished.connect(lambda _drawing: seen.append(threading.get_ident()))
    with qtbot.waitSignal(job.finished):
        job.start(lambda _sizes, _stop: nothing(), size)
    assert seen == [threading.get_ident()]
    assert not job.is_running
    job.wait()


def test_a_failure_is_told_in_words(qtbot: QtBot, qapp: object) -> None:
    def fail(_sizes: Sizes, _stop: Callable[[], bool]) -> Drawing:
        raise ValueError("no room")

    job = LayoutJob()
    with qtbot.waitSignal(job.failed) as caught:
        job.start(fail, size)
    assert caught.args == ["no room"]
    job.wait()


def test_a_cancelled_layout_stops_and_is_never_announced(qtbot: QtBot, qapp: object) -> None:
    asked = threading.Event()

    def slow(_sizes: Sizes, is_cancelled: Callable[[], bool]) -> Drawing:
        asked.set()
        while not is_cancelled():
            pass
        return nothing()

    job, seen = LayoutJob(), list[object]()
    job.finished.connect(seen.append)
    job.start(slow, size)
    assert asked.wait(5)
    job.cancel()
    job.wait()
    assert not any(thread.name == "layout" for thread in threading.enumerate())
    with qtbot.waitSignal(job.finished):
        job.start(lambda _sizes, _stop: nothing(), size)
    assert len(seen) == 1
    job.wait()
