"""The bars above the graph: what passes, what stays, and what leaves with the target that it was about."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.session.messages import Started
from gui.widgets import notification as bars
from gui.widgets.notification import Notification
from gui.window import MainWindow


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
