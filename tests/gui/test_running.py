"""Runs to a node, over and out of modules: a breakpoint on the way stops them, is named, and can be gone on from."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QPushButton
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from engine.graph.timeline import Phase
from engine.graph.trace import Trace
from gui.window import MainWindow
from tests.engine.graph.test_timeline import blocks
from tests.engine.traces import ADD, MUL, SIGMOID, W
from tests.gui.test_debugger import SHIFT, chain, press, show


def stop_at(window: MainWindow, text: str) -> None:
    assert window.document.breakpoints.add(Breakpoint(kind="op", text=text))


def messages(window: MainWindow) -> list[str]:
    return [notification.message for notification in window.notifications.shown]


def test_a_run_stops_at_a_breakpoint_and_goes_on_at_a_second_press(opened: MainWindow) -> None:
    document = opened.document
    stop_at(opened, "sigmoid")
    stop_at(opened, "add")
    document.select(W)
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 2
    assert document.here is not None
    assert document.here.node.id == SIGMOID
    assert messages(opened) == ["Stopped at a breakpoint: every sigmoid."]
    assert opened.toolbar.position.text().endswith("at breakpoint: every sigmoid")
    assert document.destination == 6
    assert opened.actions_["run_to_selected"].isEnabled(), "though nothing is selected any more"
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 3, "the next breakpoint on the same way"
    assert messages(opened) == ["Stopped at a breakpoint: every add."]
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 6
    assert opened.document.destination is None
    assert messages(opened) == []
    assert "breakpoint" not in opened.toolbar.position.text()


def test_shift_runs_past_breakpoints(opened: MainWindow) -> None:
    document = opened.document
    stop_at(opened, "sigmoid")
    document.select(W)
    press(opened, Qt.Key.Key_R, SHIFT)
    assert document.cursor == 6
    document.move_to(0)
    document.select(W)
    press(opened, Qt.Key.Key_R)
    stop_at(opened, "mul")
    press(opened, Qt.Key.Key_R, SHIFT)
    assert document.cursor == 6


def test_the_message_goes_on_by_a_click(opened: MainWindow) -> None:
    document = opened.document
    for text in ("sigmoid", "add", "mul"):
        stop_at(opened, text)
    document.select(W)
    QTest.mouseClick(opened.toolbar.run_to, Qt.MouseButton.LeftButton)
    assert document.cursor == 2
    buttons = {b.text(): b for b in opened.notifications.bars[0].findChildren(QPushButton)}
    QTest.mouseClick(buttons["Go on"], Qt.MouseButton.LeftButton)
    assert document.cursor == 3
    buttons = {b.text(): b for b in opened.notifications.bars[0].findChildren(QPushButton)}
    QTest.mouseClick(buttons["Go on without stopping"], Qt.MouseButton.LeftButton)
    assert document.cursor == 6


def test_a_run_that_was_stopped_is_forgotten_once_the_cursor_moves(opened: MainWindow) -> None:
    document = opened.document
    stop_at(opened, "sigmoid")
    document.select(W)
    press(opened, Qt.Key.Key_R)
    assert messages(opened)
    press(opened, Qt.Key.Key_Left)
    assert document.destination is None
    assert not messages(opened)
    assert not opened.actions_["run_to_selected"].isEnabled()


def test_runs_go_back_and_stop_too(opened: MainWindow) -> None:
    document = opened.document
    stop_at(opened, "add")
    document.move_to(6)
    document.select(SIGMOID)
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 3
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 2


def test_a_disabled_breakpoint_stops_nothing(opened: MainWindow) -> None:
    document = opened.document
    stop_at(opened, "sigmoid")
    press(opened, Qt.Key.Key_F9, Qt.KeyboardModifier.ControlModifier)
    document.select(W)
    press(opened, Qt.Key.Key_R)
    assert document.cursor == 6


def test_steps_over_and_out_stop_inside_the_module(window: MainWindow, qtbot: QtBot) -> None:
    trace: Trace = blocks()
    show(window, trace, qtbot)
    document = window.document
    inside = trace.backward[2].node  # the third backward step is within block2
    document.breakpoints.toggle_on(trace, inside.id)
    document.move_to(1)
    press(window, Qt.Key.Key_N)
    assert document.cursor == 3
    assert messages(window)[0] == "Stopped at a breakpoint: cos in block2 › layer1."
    press(window, Qt.Key.Key_N)
    assert document.cursor == 5, "over layer0, and at the end of the block"
    document.move_to(2)
    press(window, Qt.Key.Key_U)
    assert document.cursor == 3
    document.move_to(5)
    press(window, Qt.Key.Key_N, SHIFT)
    assert document.cursor == 3, "backwards too"
    document.move_to(5)
    press(window, Qt.Key.Key_U, SHIFT)
    assert document.cursor == 3


def test_a_jump_to_a_problem_does_not_stop(opened: MainWindow) -> None:
    stop_at(opened, "sigmoid")
    opened.document.jump_to(MUL)
    assert opened.document.cursor == 5
    assert not messages(opened)


def test_the_timeline_runs_or_goes_straight(opened: MainWindow) -> None:
    assert opened.panels is not None
    document, timeline = opened.document, opened.panels.timeline
    assert document.trace is not None
    document.breakpoints.toggle_on(document.trace, ADD)
    place = QPoint(round(timeline.scale.cursor_x(6)) - 3, timeline.height() // 2)

    def choose(title: str) -> None:
        reason = QContextMenuEvent.Reason.Mouse
        timeline.contextMenuEvent(QContextMenuEvent(reason, place, timeline.mapToGlobal(place)))
        menu = next(menu for menu in timeline.findChildren(QMenu) if menu.isVisible())
        next(action for action in menu.actions() if action.text() == title).trigger()
        menu.close()

    choose("Run to here")
    assert document.cursor == 3
    document.move_to(0)
    choose("Go straight to here")
    assert document.cursor == 6


def test_runs_in_a_long_trace_find_the_first_stop(window: MainWindow, qtbot: QtBot) -> None:
    trace = chain(300)
    show(window, trace, qtbot)
    document = window.document
    for step in (100, 200):
        document.breakpoints.toggle_on(trace, trace.backward[step].node.id)
    document.run(250)
    assert document.cursor == 101
    document.run(250)
    assert document.cursor == 201
    document.run(0)
    assert document.cursor == 101


def test_a_folded_group_is_run_to_where_it_is_entered(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "blocks.retrograd"
    blocks().save(path)
    window.open_target(str(path))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)
    canvas, document = window.canvas, window.document
    assert canvas is not None
    canvas.fold_all()
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    assert canvas.scene is not None
    assert not window.actions_["run_to_selected"].isEnabled()
    item = canvas.scene.item_of_scope(("block1",))
    canvas.pick(item)
    group = {document.trace.graph.nodes[node].scope[:1] for node in canvas.picked_nodes} if document.trace else set()
    assert window.actions_["run_to_selected"].isEnabled(), "a group alone was picked"
    places = []
    document.move_to(document.first)
    for _ in range(3):
        canvas.pick(item)
        press(window, Qt.Key.Key_R)
        assert document.here is not None
        assert document.here.node.scope[:1] in group
        places.append(document.here.phase)
    assert places == [Phase.FORWARD, Phase.BACKWARD, Phase.BACKWARD], "forward, backward, and there it stays"
    before = document.trace.backward[document.cursor - 2].node if document.trace else None
    assert before is not None
    assert before.scope[:1] not in group


def test_the_status_names_the_leaf(opened: MainWindow) -> None:
    opened.document.move_to(6)
    assert opened.toolbar.position.text() == "backward 6 of 6 · w (AccumulateGrad)"
