"""Ctrl+C: before the windows are there, and while they are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gui.interrupts import Interrupts
from gui.windows import Windows


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.getsignal(signal.SIGINT)
    yield Interrupts()
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_closes_the_windows(interrupts: Interrupts, windows: Windows, qtbot: QtBot) -> None:
    interrupts.close(windows)
    windows.open_window()
    os.kill(os.getpid(), signal.SIGINT)
    qtbot.waitUntil(lambda: windows.windows == [])


def test_an_interrupt_while_the_windows_are_made_closes_them_as_soon_as_they_are_there(
    interrupts: Interrupts, windows: Windows, qtbot: QtBot
) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    qtbot.wait(1)
    assert len(windows.windows) == 1
    interrupts.close(windows)
    qtbot.waitUntil(lambda: windows.windows == [])
