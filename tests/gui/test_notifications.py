"""The bars above the graph: what passes, what stays, and what leaves with the target that it was about."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.session.messages import Started
from gui.widgets import notification as bars
from gui.widgets.notification import Notification
from gui.window import MainWindow
from tests.engine.traces import small_trace


def messages(window: MainWindow) -> list[str]:
    return [shown.message for shown in window.notifications.shown]


def test_what_was_said_of_a_target_leaves_with_it(opened: MainWindow, trace_file: Path, qtbot: QtBot) -> None:
    opened.notify(Notification("The settings were unreadable.", "warning", is_lasting=True))
    opened.notify(Notification("a.svg cannot be written.", "error", key="saved"))
    opened.open_target(str(trace_file))
    qtbot.waitUntil(lambda: not opened.workspace.busy)
    assert messages(opened) == ["The settings were unreadable."]
    opened.notify(Notification("Stopped at a breakpoint: every add.", key="stopped"))
    opened.commands.close_target()
    assert messages(opened) == ["The settings were unreadable."]


def test_a_confirmation_passes_by_itself_but_not_under_the_mouse(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bars, "PASSING_MS", 150)
    path = tmp_path / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "SVG picture (*.svg)"))
    opened.actions_["export_graph"].trigger()
    assert messages(opened) == ["The graph is saved as graph.svg."]
    bar = opened.notifications.bars[0]
    QTest.mouseMove(bar, QPoint(40, 10))
    qtbot.wait(300)
    assert messages(opened), "it is being read"
    QTest.mouseMove(opened.stack, opened.stack.rect().center())
    qtbot.waitUntil(lambda: not messages(opened))
    opened.notify(Notification("It broke.", "error"))
    qtbot.wait(300)
    assert messages(opened) == ["It broke."]


def test_two_bars_at_once_and_the_others_behind_one_click(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    area = window.notifications
    done: list[str] = []
    for number in range(9):
        button = ("Do it", partial(done.append, f"{number}"))
        window.notify(Notification(f"Message {number}.", "error", "train.py, line 3", "boom\n" * 400, (button,)))
    qtbot.wait(20)
    low = area.height()
    assert low < 160, "two bars and a line"
    assert area.more.text() == "7 more"
    QTest.mouseClick(area.more, Qt.MouseButton.LeftButton)
    qtbot.wait(20)
    assert all(bar.isVisible() for bar in area.bars)
    assert area.height() - low <= window.height() * bars.REST_SHARE, "the graph stays in view"
    assert area.rest.verticalScrollBar().maximum() > 0
    oldest = area.bars[-1]
    area.rest.ensureWidgetVisible(oldest)
    QTest.mouseClick(oldest.buttons["Do it"], Qt.MouseButton.LeftButton)
    assert done == ["0"], "nothing is lost"
    area.bars[-1].buttons["Show details"].click()
    details = area.bars[-1].details
    assert details is not None
    assert details.height() <= window.height() * bars.DETAILS_SHARE
    assert details.verticalScrollBar().maximum() > 0
    QTest.mouseClick(area.more, Qt.MouseButton.LeftButton)
    assert [bar.isVisible() for bar in area.bars] == [True] * 2 + [False] * 6
    for _ in range(6):
        area.bars[0].dismissed.emit(area.bars[0])
    assert not area.more.isVisible()
    assert [bar.isVisible() for bar in area.bars] == [True, True]
    assert messages(window) == ["Message 2.", "Message 1."]


def test_a_bar_with_the_keyboard_in_it_stays_in_front(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.notify(Notification("It broke.", "error", details="Traceback"))
    button = window.notifications.bars[0].buttons["Show details"]
    button.setFocus()
    for number in range(3):
        window.notify(Notification(f"Message {number}."))
    assert button.hasFocus()
    assert button.isVisible()
    assert [bar.isVisible() for bar in window.notifications.bars] == [True, False, False, True]


def test_a_partial_graph_is_told_once_and_in_full(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    trace = small_trace()
    trace.error = f"RuntimeError: {'mat1 and mat2 shapes cannot be multiplied ' * 4}"
    trace.save(tmp_path / "partial.retrograd")
    window.open_target(str(tmp_path / "partial.retrograd"))
    qtbot.waitUntil(lambda: bool(window.notifications.shown))
    (shown,) = window.notifications.shown
    assert shown.message == trace.error
    assert shown.where == "The graph ends at the operation that failed."
    assert window.canvas is not None
    assert window.canvas.view.top == 0, "no second line of it over the graph"


def test_losses_and_output_leave_with_the_program(opened: MainWindow, trace_file: Path, qtbot: QtBot) -> None:
    panels, bridge, workspace = opened.panels, opened.workspace.bridge, opened.workspace
    assert panels is not None
    workspace.is_listening = True
    bridge.started.emit(Started(target="train.py", title="train.py", sources={}))
    bridge.loss_received.emit([0, 1, 2], [3.0, 2.0, 1.0])
    bridge.output_received.emit("stdout", "hello\n")
    assert len(panels.training.series) == 3
    opened.open_target(str(trace_file))
    qtbot.waitUntil(lambda: not workspace.busy)
    assert len(panels.training.series) == 0
    assert not panels.loss.play.isEnabled(), "a trace cannot be run"
    bridge.loss_received.emit([3], [0.5])  # the last words of what was closed
    bridge.output_received.emit("stdout", "bye\n")
    assert len(panels.training.series) == 0
    panels.console.show_now()
    assert panels.console.text.toPlainText() == ""
