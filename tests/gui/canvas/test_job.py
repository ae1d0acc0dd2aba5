"""Layouts beside the window's thread: results, failures, cancelling."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from pytestqt.qtbot import QtBot

from engine.graph.drawing import Drawing, Item, Sizes
from gui.canvas.job import LayoutJob

Tell = Callable[[float], None]


def size(_item: Item) -> tuple[float, float]:
    return 1.0, 1.0


def nothing() -> Drawing:
    return Drawing(items=[], rects=np.empty((0, 4)), links=[], item_of_node=np.empty(0, dtype=np.int64))


def test_the_result_arrives_in_the_windows_thread(qtbot: QtBot, qapp: object) -> None:
    job, seen = LayoutJob(), list[int]()
    job.finished.connect(lambda _drawing: seen.append(threading.get_ident()))
    with qtbot.waitSignal(job.finished):
        job.start(lambda _sizes, _stop, _tell: nothing(), size)
    assert seen == [threading.get_ident()]
    assert not job.is_running
    job.wait()


def test_a_failure_is_told_in_words(qtbot: QtBot, qapp: object) -> None:
    def fail(_sizes: Sizes, _stop: Callable[[], bool], _tell: Tell) -> Drawing:
        raise ValueError("no room")

    job = LayoutJob()
    with qtbot.waitSignal(job.failed) as caught:
        job.start(fail, size)
    assert caught.args == ["no room"]
    job.wait()


def test_a_cancelled_layout_stops_and_is_never_announced(qtbot: QtBot, qapp: object) -> None:
    asked = threading.Event()

    def slow(_sizes: Sizes, is_cancelled: Callable[[], bool], _tell: Tell) -> Drawing:
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
        job.start(lambda _sizes, _stop, _tell: nothing(), size)
    assert len(seen) == 1
    job.wait()


def test_a_slow_layout_tells_how_far_it_is(qtbot: QtBot, qapp: object) -> None:
    shares, may_end = [0.0, 0.25, 0.25, 0.754, 1.0], threading.Event()
    stages = [threading.Event() for _ in shares]

    def slow(_sizes: Sizes, _stop: Callable[[], bool], tell: Tell) -> Drawing:
        for share, stage in zip(shares, stages, strict=True):
            tell(share)
            assert stage.wait(10)
        assert may_end.wait(10)
        return nothing()

    job, seen = LayoutJob(), list[int]()
    job.progressed.connect(seen.append)
    job.start(slow, size)
    assert job.percent is None, "it may be done at once"
    qtbot.waitUntil(lambda: seen == [0])
    stages[0].set()
    qtbot.waitUntil(lambda: seen == [0, 25])
    stages[1].set()
    stages[2].set()
    qtbot.waitUntil(lambda: job.percent == 75)
    stages[3].set()
    qtbot.waitUntil(lambda: job.percent == 99)
    stages[4].set()
    with qtbot.waitSignal(job.finished):
        may_end.set()
    assert seen == [0, 25, 75, 99]
    assert job.percent is None
    job.wait()


def test_a_quick_layout_says_nothing(qtbot: QtBot, qapp: object) -> None:
    def quick(_sizes: Sizes, _stop: Callable[[], bool], tell: Tell) -> Drawing:
        tell(0.5)
        return nothing()

    job, seen = LayoutJob(), list[int]()
    job.progressed.connect(seen.append)
    with qtbot.waitSignal(job.finished):
        job.start(quick, size)
    assert seen == []
    job.wait()


def test_a_cancelled_layout_has_no_progress(qtbot: QtBot, qapp: object) -> None:
    def slow(_sizes: Sizes, is_cancelled: Callable[[], bool], tell: Tell) -> Drawing:
        while not is_cancelled():
            tell(0.4)
        return nothing()

    job = LayoutJob()
    with qtbot.waitSignal(job.progressed) as told:
        job.start(slow, size)
    assert told.args is not None
    job.cancel()
    assert job.percent is None
    job.wait()
