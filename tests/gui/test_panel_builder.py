"""The panels are built bit by bit after the window is shown, at once where something is opened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from gui import panel_builder
from gui.app import make_window
from gui.window import MainWindow
from tests.engine.traces import small_trace


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window, crash = make_window(warm_up=False)
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close_now()
    crash.uninstall()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.retrograd"
    small_trace().save(path)
    return str(path)


def test_the_event_loop_runs_between_the_parts(window: MainWindow, qtbot: QtBot) -> None:
    turns: list[bool] = []
    window.finish_start()
    timer = QTimer(window)
    timer.timeout.connect(lambda: turns.append(window.panels is None))
    timer.start(0)
    qtbot.waitUntil(lambda: window.panels is not None, timeout=20_000)
    timer.stop()
    assert turns.count(True) > 20
    assert window.canvas is not None
    assert window.build_panels() is window.panels


def test_what_is_opened_meanwhile_finds_all_panels(window: MainWindow, file: str, qtbot: QtBot) -> None:
    window.finish_start()
    assert window.panels is None
    window.open_target(file)
    assert window.panels is not None
    qtbot.waitUntil(lambda: window.document.trace is not None)


def test_a_target_of_the_command_line_waits_for_the_panels(window: MainWindow, file: str, qtbot: QtBot) -> None:
    window.finish_start()
    window.open_after_start(file)
    assert window.workspace.target is None
    qtbot.waitUntil(lambda: window.document.trace is not None, timeout=20_000)
    assert window.panels is not None


def test_a_window_may_be_closed_meanwhile(window: MainWindow, qtbot: QtBot) -> None:
    window.finish_start()
    qtbot.wait(30)
    window.close_now()
    qtbot.wait(100)
    assert window.panels is None


def test_a_part_that_fails_is_told_and_not_waited_for_for_ever(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_builder, "MODULES", ("gui.there_is_none",))
    with pytest.raises(ModuleNotFoundError):
        window.build_panels()
    with pytest.raises(RuntimeError, match="could not be built"):
        window.build_panels()
