"""gui.background: results in order, and work that nobody wants any more holds nobody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from pytestqt.qtbot import QtBot

from gui.background import Background


@pytest.fixture
def background(qapp: object) -> Iterator[Background]:
    background = Background()
    yield background
    background.shut_down()


def never(_what: object) -> None:
    pytest.fail("nobody should hear this")


def test_results_come_in_the_order_of_the_jobs(background: Background, qtbot: QtBot) -> None:
    heard: list[object] = []
    for number in range(3):
        background.run(partial(int, number), heard.append, never)
    background.run(lambda: 1 / 0, never, lambda error: heard.append(type(error)))
    qtbot.waitUntil(lambda: heard == [0, 1, 2, ZeroDivisionError])


def test_what_is_dropped_holds_up_neither_the_window_nor_the_next_job(background: Background, qtbot: QtBot) -> None:
    go_on, heard = threading.Event(), list[object]()
    background.run(go_on.wait, never, never)
    background.run(lambda: 1, never, never)
    began = time.perf_counter()
    background.drop()
    assert time.perf_counter() - began < 0.2
    background.run(lambda: 2, heard.append, never)
    qtbot.waitUntil(lambda: heard == [2])
    threading.Timer(0.2, go_on.set).start()
    background.shut_down()
    assert go_on.is_set()  # in the end it is waited for
    qtbot.wait(20)
