"""Every demo from its opening to its closing with the keyboard alone: hold, step, find, edit, undo, export."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from engine.catalogue import DEMOS, DemoEntry
from gui.window import MainWindow

pytestmark = pytest.mark.end2end
START_MS = 60_000
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """A key goes where the keyboard is."""
    QTest.keyClick(QApplication.focusWidget() or window, key, modifiers)


def find(window: MainWindow, text: str, modifiers: Qt.KeyboardModifier = NONE) -> None:
    press(window, Qt.Key.Key_K, CONTROL)
    QTest.keyClicks(window.palette_.field, text)
    press(window, Qt.Key.Key_Return, modifiers)


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_without_a_mouse(
    demo: DemoEntry, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document, workspace = window.document, window.workspace
    window.activateWindow()
    find(window, demo.title)
    qtbot.waitUntil(lambda: document.trace is not None, timeout=START_MS)
    if demo.steps_per_second is not None:  # a training: hold it, run one more step, end it
        qtbot.waitUntil(lambda: workspace.is_training, timeout=START_MS)
        press(window, Qt.Key.Key_P, CONTROL)
        qtbot.waitUntil(lambda: workspace.is_held, timeout=START_MS)
        held = document.trace
        press(window, Qt.Key.Key_Right, CONTROL)
        qtbot.waitUntil(lambda: workspace.is_held and document.trace is not held, timeout=START_MS)
        press(window, Qt.Key.Key_Period, CONTROL)
        qtbot.waitUntil(lambda: not workspace.is_running, timeout=START_MS)
    canvas, trace = window.canvas, document.trace
    assert canvas is not None
    assert trace is not None
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    qtbot.waitUntil(canvas.hasFocus)

    for position in range(1, len(trace.backward) + 1):
        press(window, Qt.Key.Key_Right)
        assert document.cursor == position
    find(window, "kind:leaf", CONTROL)
    seen = set()
    for _ in trace.leaves():
        press(window, Qt.Key.Key_F3)
        seen.add(document.selection)
    assert seen == {leaf.id for leaf in trace.leaves()}

    editing = workspace.editing
    leaf = document.selection
    assert leaf is not None
    press(window, Qt.Key.Key_Z, SHIFT)  # zero its gradient
    qtbot.waitUntil(lambda: editing.edited is not None and not editing.is_running, timeout=START_MS)
    edited = document.trace
    assert edited is not None
    gradient = edited.grad(leaf)
    assert gradient is not None
    assert not gradient.any()
    press(window, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: editing.edited is None)
    assert document.trace is trace

    path = tmp_path / "graph.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "SVG picture (*.svg)"))
    press(window, Qt.Key.Key_E, CONTROL)
    qtbot.waitUntil(path.exists)
    press(window, Qt.Key.Key_W, CONTROL)
    assert document.trace is None
    assert workspace.target is None
