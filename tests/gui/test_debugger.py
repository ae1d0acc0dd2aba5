"""The debugger as a whole: breakpoints are hit, steps undone, modules passed and left; the keyboard alone does it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from engine.graph.stepper import NodeState
from engine.graph.trace import Trace
from gui.settings import Preferences
from gui.window import MainWindow
from tests.engine.graph.builder import GraphBuilder
from tests.engine.graph.test_timeline import blocks

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """A key goes where the keyboard is."""
    QTest.keyClick(QApplication.focusWidget() or window, key, modifiers)


def show(window: MainWindow, trace: Trace, qtbot: QtBot) -> None:
    window.document.set_trace(trace)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)


def chain(length: int) -> Trace:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    for _ in range(length):
        x = build.op("sin", x)
    return build.trace(x)


def test_a_conditional_breakpoint_is_set_by_keys_and_hit(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    assert document.trace is not None
    norms = [abs(float(document.trace.grad(step.node.id) or 0)) for step in document.trace.backward]
    wanted = max(norms)
    first = norms.index(wanted) + 1
    press(opened, Qt.Key.Key_F9, SHIFT)
    assert opened.panels is not None
    field = opened.panels.breakpoints.field
    qtbot.waitUntil(field.hasFocus)
    QTest.keyClicks(field, f"grad.norm() >= {wanted * 0.999:.6g}")
    press(opened, Qt.Key.Key_Return)
    press(opened, Qt.Key.Key_Escape)
    press(opened, Qt.Key.Key_F8)
    assert document.cursor == first
    assert document.here is not None
    assert document.here.node is document.trace.backward[first - 1].node
    press(opened, Qt.Key.Key_F8)
    assert document.cursor == first
    assert "No breakpoint stops" in opened.notifications.bars[0].notification.message
    document.move_to_end()
    press(opened, Qt.Key.Key_F8, SHIFT)
    assert document.cursor == first


def test_playing_stops_at_a_breakpoint(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    document.breakpoints.add(Breakpoint(kind="condition", text="kind:leaf"))
    opened.playback.set_speed(500.0)
    opened.playback.toggle()
    qtbot.waitUntil(lambda: not opened.playback.is_playing)
    assert document.cursor == 4
    opened.playback.toggle()
    qtbot.waitUntil(lambda: not opened.playback.is_playing)
    assert document.cursor == document.length == 6
    press(opened, Qt.Key.Key_F9, CONTROL)
    document.move_to(document.first)
    opened.playback.toggle()
    qtbot.waitUntil(lambda: not opened.playback.is_playing)
    assert document.cursor == document.length, "switched off, it stops nobody"


def test_a_breakpoint_on_a_node_and_its_undo(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    press(opened, Qt.Key.Key_Right)
    press(opened, Qt.Key.Key_Right)
    press(opened, Qt.Key.Key_F9)
    assert document.breakpoints.positions.tolist() == [-1, 2]
    press(opened, Qt.Key.Key_F8, SHIFT)
    assert document.cursor == -1
    press(opened, Qt.Key.Key_Z, CONTROL)
    assert not document.breakpoints.items
    press(opened, Qt.Key.Key_Y, CONTROL)
    assert len(document.breakpoints.items) == 1
    press(opened, Qt.Key.Key_F9, CONTROL | SHIFT)
    assert not document.breakpoints.items


def test_five_hundred_steps_back_end_where_they_began(window: MainWindow, qtbot: QtBot) -> None:
    show(window, chain(600), qtbot)
    document = window.document
    document.move_to(550)
    assert document.stepper is not None
    states = document.stepper.states.tolist()
    seen = set()
    for _ in range(500):
        press(window, Qt.Key.Key_Left)
        seen.add(document.cursor)
    assert document.cursor == 50
    assert len(seen) == 500
    assert document.stepper.states.tolist().count(NodeState.DONE) == 49
    for _ in range(500):
        press(window, Qt.Key.Key_Right)
    assert document.stepper.states.tolist() == states


def test_modules_are_passed_and_left_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    show(window, blocks(), qtbot)
    document = window.document
    press(window, Qt.Key.Key_Right)
    press(window, Qt.Key.Key_N)
    assert document.cursor == 5, "block2 as a whole"
    press(window, Qt.Key.Key_N, SHIFT)
    assert document.cursor == 1
    press(window, Qt.Key.Key_F11)
    press(window, Qt.Key.Key_U)
    assert document.cursor == 3, "the end of its layer1"
    press(window, Qt.Key.Key_F11, SHIFT)
    assert document.cursor == 5, "then of the block"
    press(window, Qt.Key.Key_Right)
    press(window, Qt.Key.Key_U, SHIFT)
    assert document.cursor == 5, "the beginning of block1.layer1"
    press(window, Qt.Key.Key_F10)
    assert document.cursor == 9


def test_home_and_end_go_from_phase_to_phase(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    places = []
    for key in (Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_End):
        press(opened, key)
        places.append(document.cursor)
    assert places == [6, 0, -4, 0, 6]


def test_breakpoints_come_back_with_their_target(opened: MainWindow, trace_file: Path, qtbot: QtBot) -> None:
    document = opened.document
    document.breakpoints.add(Breakpoint(kind="condition", text="isnan"))
    document.breakpoints.add(Breakpoint(kind="op", text="mul", is_enabled=False))
    kept = document.breakpoints.items
    assert opened.settings.values.breakpoints == {str(trace_file): kept}
    opened.commands.close_target()
    assert not document.breakpoints.items
    opened.open_target(str(trace_file))
    qtbot.waitUntil(lambda: document.trace is not None)
    assert document.breakpoints.items == kept
    document.breakpoints.clear()
    assert opened.settings.values.breakpoints == {}
    assert Preferences().breakpoints == {}


def test_values_that_are_not_computed_yet_are_not_shown(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    assert document.trace is not None
    assert opened.panels is not None
    root = document.trace.roots[0][0]
    document.move_to(-2)
    document.select(root)
    qtbot.waitUntil(lambda: any("has not run" in label.text() for label in _texts(opened)))
    loss = f"{document.trace.loss:.4g}"
    assert all(loss not in label.text() for label in _texts(opened))


def _texts(window: MainWindow) -> list[QLabel]:
    assert window.panels is not None
    return [label for label in window.panels.inspector.findChildren(QLabel) if label.isVisible()]


def test_the_whole_of_a_demo_by_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    """Open it from the palette, read every step, look at a node, set a breakpoint, play, fold, go back, close."""
    window.workspace.bridge.prepare()
    document = window.document
    press(window, Qt.Key.Key_K, CONTROL)
    QTest.keyClicks(window.palette_.field, "neuron")
    press(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: document.trace is not None, timeout=60_000)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)
    assert document.trace is not None
    assert document.trace.target == "demo:neuron"
    qtbot.waitUntil(lambda: window.canvas is not None and window.canvas.hasFocus())
    press(window, Qt.Key.Key_Home)
    assert document.cursor == document.first
    while document.cursor < document.last:
        before = document.cursor
        press(window, Qt.Key.Key_Right)
        assert document.cursor == before + 1
    press(window, Qt.Key.Key_Down)
    assert document.selection is not None
    chosen = document.selection
    press(window, Qt.Key.Key_F9)
    assert len(document.breakpoints.items) == 1
    press(window, Qt.Key.Key_R)
    step = document.trace.step_of(chosen)
    assert step is None or document.cursor == step.index + 1
    press(window, Qt.Key.Key_Home)
    press(window, Qt.Key.Key_BracketRight)
    window.playback.set_speed(500.0)
    press(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not window.playback.is_playing)
    assert document.cursor in document.breakpoints.positions or document.cursor == document.length
    press(window, Qt.Key.Key_Z, CONTROL)
    assert not document.breakpoints.items
    press(window, Qt.Key.Key_W, CONTROL)
    assert document.trace is None


def test_what_is_said_of_a_breakpoint_goes_with_it(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    assert document.trace is not None
    second = document.trace.backward[1].node.id
    document.breakpoints.toggle_on(document.trace, second)
    document.breakpoints.add(Breakpoint(kind="condition", text="kind:op"))
    document.run_to(document.trace.backward[-1].node.id)
    document.move_to(1)
    document.run(document.length)

    def told() -> list[str]:
        return [shown.message for shown in opened.notifications.shown if shown.key == "stopped"]

    assert document.cursor == 2
    assert "kind:op" in told()[0]
    press(opened, Qt.Key.Key_Z, CONTROL)  # the condition; that on the node still stops here
    assert len(told()) == 1
    assert "kind:op" not in told()[0]
    press(opened, Qt.Key.Key_Z, CONTROL)
    assert not document.breakpoints.items
    assert told() == []
    assert document.cursor == 2
