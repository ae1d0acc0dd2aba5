"""The real window with real worker processes: programs are run, stepped, trained, stopped, and fail."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.canvas.widget import GraphCanvas
from gui.opening import classify
from gui.widgets.notification import Notification
from gui.window import MainWindow

from .command import SAMPLES

pytestmark = pytest.mark.end2end
START_MS = 60_000
"""A worker may take so long to import torch on a busy machine."""


def _open(window: MainWindow, qtbot: QtBot, target: str) -> None:
    window.workspace.run(classify(target))
    qtbot.waitUntil(lambda: window.document.trace is not None, timeout=START_MS)
    qtbot.waitUntil(lambda: not _canvas(window).is_laying_out, timeout=START_MS)


def _canvas(window: MainWindow) -> GraphCanvas:
    assert window.canvas is not None
    return window.canvas


def _messages(window: MainWindow) -> list[str]:
    """Collects what the window tells the user."""
    told: list[str] = []

    def note(notification: Notification) -> None:
        told.append(f"{notification.message} {notification.where}")

    window.workspace.notified.connect(note)
    return told


def _workers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


def test_the_neuron_stepped_by_keyboard_and_mouse(window: MainWindow, qtbot: QtBot) -> None:
    _open(window, qtbot, "demo:neuron")
    document, canvas = window.document, _canvas(window)
    canvas.setFocus()
    states = []
    for position in range(document.length + 1):
        assert document.cursor == position
        assert document.stepper is not None
        states.append(document.stepper.states.copy())
        qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert document.cursor == 6
    trace = document.trace
    assert trace is not None
    leaf = next(node for node in trace.leaves() if node.name == "w")
    assert trace.grad(leaf) == pytest.approx(-0.0898263, abs=1e-7)
    for position in reversed(range(document.length)):
        qtbot.keyClick(canvas, Qt.Key.Key_Left)
        assert document.cursor == position
        assert document.stepper is not None
        np.testing.assert_array_equal(document.stepper.states, states[position])
    qtbot.keyClick(canvas, Qt.Key.Key_End)
    assert document.cursor == 6
    qtbot.keyClick(canvas, Qt.Key.Key_Home)
    assert document.cursor == 0
    assert window.panels is not None
    timeline = window.panels.timeline
    place = QPoint(timeline.width() * 3 // 4, timeline.height() // 2)
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)
    assert 0 < document.cursor <= 6


def test_space_plays_to_the_end(window: MainWindow, qtbot: QtBot) -> None:
    _open(window, qtbot, "demo:simplenet")
    window.playback.set_speed(60)
    qtbot.keyClick(_canvas(window), Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.document.cursor == window.document.length)
    assert not window.playback.is_playing


def test_a_training_is_held_stepped_through_and_closed_in_the_middle(window: MainWindow, qtbot: QtBot) -> None:
    _open(window, qtbot, "demo:loop")
    assert window.panels is not None
    training = window.panels.training
    qtbot.waitUntil(lambda: len(training.series) >= 100, timeout=START_MS)
    window.panels.loss.pause_requested.emit()
    qtbot.waitUntil(lambda: training.state in ("paused", "finished"), timeout=START_MS)
    if training.state == "finished":  # a fast machine ran all of it: once more, held at a step
        window.workspace.run(classify("demo:loop"), (), 120)
        qtbot.waitUntil(lambda: training.state == "paused", timeout=START_MS)
    held = training.step
    assert held >= 99
    qtbot.waitUntil(lambda: held in training.recorded, timeout=START_MS)
    trace = window.document.trace
    assert trace is not None
    assert trace.step == held
    assert trace.loss == pytest.approx(training.series.value_at(held))
    window.panels.loss.step_requested.emit()
    qtbot.waitUntil(lambda: training.state == "paused" and training.step == held + 1, timeout=START_MS)
    qtbot.waitUntil(lambda: held + 1 in training.recorded, timeout=START_MS)
    window.panels.loss.step_through_requested.emit(held)
    assert window.document.trace is not None
    assert window.document.trace.step == held
    assert window.workspace.is_held
    processes = _workers()
    assert processes
    window.close_now()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def test_an_unchanged_script_is_recorded_and_its_losses_drawn(window: MainWindow, qtbot: QtBot) -> None:
    _open(window, qtbot, str(SAMPLES / "train_mlp.py"))
    assert window.panels is not None
    series = window.panels.training.series
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    assert len(series) == 300
    assert series.last is not None
    assert series.last[1] < 0.2
    assert window.document.trace is not None
    assert window.document.trace.step == 0
    assert "epoch 30" in window.panels.console.text.toPlainText()


BAD_SCRIPTS = {
    "raises": ("import torch\nw = torch.ones(2, requires_grad=True)\nx = w * 2\nraise ValueError('my reason')\n",
               ("ValueError", "line 4", "my reason"), True),
    "syntax": ("def f(:\n", ("SyntaxError", "syntax.py, line 1"), False),
    "never": ("import torch\nw = torch.ones(2, requires_grad=True)\nprint((w * 2).sum())\n",
              ("never called backward()",), True),
    "exits": ("import sys\nsys.exit(7)\n", ("code 7",), False),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", ("segmentation fault",), False),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD_SCRIPTS))
def test_bad_scripts_leave_a_usable_window(name: str, window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    text, words, has_graph = BAD_SCRIPTS[name]
    script = tmp_path / f"{name}.py"
    script.write_text(text)
    told = _messages(window)
    window.workspace.run(classify(str(script)))
    qtbot.waitUntil(lambda: bool(told) and not window.workspace.is_running, timeout=START_MS)
    everything = " ".join(told)
    assert all(word in everything for word in words), everything
    assert (window.document.trace is not None) == has_graph
    assert not window.workspace.busy


def test_an_endless_loop_is_stopped(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n"
        "    try:\n        print('x' * 50)\n    except BaseException:\n        pass\n"
    )
    window.workspace.run(classify(str(script)))
    assert window.panels is not None
    console = window.panels.console
    qtbot.waitUntil(lambda: "xxx" in console.text.toPlainText(), timeout=START_MS)
    window.workspace.stop()
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    QApplication.processEvents()


def test_a_killed_training_keeps_its_losses(window: MainWindow, qtbot: QtBot) -> None:
    told = _messages(window)
    _open(window, qtbot, "demo:loop")
    assert window.panels is not None
    series = window.panels.training.series
    qtbot.waitUntil(lambda: len(series) >= 3, timeout=START_MS)
    for process in _workers():
        process.send_signal(signal.SIGKILL)
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    assert len(series) >= 3
    assert window.document.trace is not None
    assert not told or "kill" in " ".join(told)
