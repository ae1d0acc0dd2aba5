"""Edits without a worker: what is said of them, what can be edited, and what of the graph they changed."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.edits import (
    AnyEdit,
    ClipGradient,
    CutEdge,
    ReplaceGradient,
    ScaleGradient,
    SetConstant,
    SetRequiresGrad,
    SetSeed,
    SetValue,
    combined,
    has_same_shape,
)
from engine.graph.model import Source
from engine.graph.values import Values
from engine.session.outcome import Outcome
from gui.canvas.edit_marks import EditMarks
from gui.document import Document
from gui.edit_words import describe, different_edge_words, edge_words
from gui.editing import WHY_NOT_FILE, WHY_NOT_YET
from gui.window import MainWindow
from tests.engine.traces import small_trace


def _node(name: str) -> int:
    return next(node.id for node in small_trace().graph.nodes if node.name == name)


def test_edits_in_words() -> None:
    trace = small_trace()
    w, b = _node("w"), _node("b")
    edge = trace.graph.outgoing(w)[0]
    target = trace.graph.nodes[edge.target]
    cut = CutEdge(source=w, output_nr=0, target=edge.target, input_nr=edge.input_nr)
    words: list[tuple[AnyEdit, str]] = [
        (SetValue(node=w, values=Values.of(1.5)), "w = 1.5"),
        (SetValue(node=w, values=Values.of(np.zeros((2, 3)))), "w = 2 × 3 values"),
        (SetConstant(node=w, name="alpha", value=2), "alpha of w = 2"),
        (SetSeed(seed=7), "seed = 7"),
        (SetRequiresGrad(node=b, requires_grad=False), "b needs no gradient"),
        (cut, f"cut w → {target.name or target.label}"),
        (ScaleGradient(node=w, factor=0.5), "∂w × 0.5"),
        (ScaleGradient(node=w, factor=0.0), "∂w = 0"),
        (ClipGradient(node=w, limit=1.0, is_norm=True), "‖∂w‖ ≤ 1"),
        (ClipGradient(node=w, limit=1.0), "∂w within ±1"),
        (ReplaceGradient(node=w, values=Values.of(2.0)), "∂w = 2"),
    ]
    assert [describe(edit, trace) for edit, _ in words] == [text for _, text in words]


def test_the_later_edit_of_one_place_counts() -> None:
    first, second = ScaleGradient(node=1, factor=2.0), ScaleGradient(node=1, factor=3.0)
    clip = ClipGradient(node=1, limit=1.0)
    assert combined([first, clip, second]) == (second, clip)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.array(3), np.array([True]), np.zeros((0, 2))])
def test_values_travel_exactly(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    found = Values.of(array).array
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    with pytest.raises(ValueError, match="must be numbers"):
        Values.of(np.array(["a"]))


def test_marks_are_where_numbers_differ() -> None:
    original, edited = small_trace(), small_trace()
    w = _node("w")
    array = edited.graph.nodes[w].outputs[0].array
    assert array is not None
    edited.graph.nodes[w].outputs[0].array = array + 1
    marks = EditMarks()
    marks.compare(original, edited)
    assert marks.values == {w}
    assert marks.gradients == set()
    marks.compare(original, None)
    assert marks.values == set()
    assert has_same_shape(original, edited)


def test_a_trace_in_the_place_of_another_keeps_cursor_and_selection(qtbot: QtBot) -> None:
    document = Document()
    document.set_trace(small_trace())
    document.move_to_end()
    document.select(2)
    with qtbot.waitSignal(document.numbers_settled), qtbot.waitSignal(document.numbers_changed):
        document.exchange_trace(small_trace(), has_same_form=True)
    assert document.cursor == document.length
    assert document.selection == 2
    with qtbot.waitSignal(document.trace_changed):
        document.exchange_trace(small_trace(), has_same_form=False)
    assert document.selection is None


def test_a_file_cannot_be_edited_and_says_why(opened: MainWindow) -> None:
    editing = opened.workspace.editing
    assert editing.why_not == WHY_NOT_FILE
    assert opened.panels is not None
    assert opened.panels.edits.hint.text() == WHY_NOT_FILE
    opened.document.select(_node("w"))
    assert not opened.panels.edit_section.isVisible()
    editing.apply(SetSeed(seed=1))
    assert editing.entries == ()
    assert opened.notifications.shown[0].message == WHY_NOT_FILE
    assert not opened.actions_["edit_value"].isEnabled()
    opened.workspace.close_target()
    assert editing.why_not == WHY_NOT_YET


def test_keys_of_edits_work_at_once_and_say_where_there_is_nothing_to_edit(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    panels, canvas, document = opened.panels, opened.canvas, opened.document
    assert panels is not None
    assert canvas is not None
    monkeypatch.setattr(opened.workspace.editing, "prepare", lambda: None)  # no worker is needed
    opened.workspace.editing.set_program("demo:neuron", ())
    trace = small_trace()
    document.set_trace(trace)
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    opened.activateWindow()
    canvas.setFocus()
    document.select(_node("w"))
    QTest.keyClick(canvas, Qt.Key.Key_E)  # before the inspector has followed
    assert panels.edit_section.number.isAncestorOf(opened.focusWidget())
    canvas.setFocus()
    document.select(_node("a"))
    QTest.keyClick(canvas, Qt.Key.Key_E)
    assert canvas.hasFocus()
    assert opened.notifications.shown[0].message.startswith("a is computed")
    assert not opened.actions_["toggle_requires_grad"].isEnabled()
    assert opened.actions_["cut_outputs"].isEnabled()
    document.select(trace.roots[0][0])
    assert not opened.actions_["cut_outputs"].isEnabled(), "nothing comes back to the loss"
    document.select(_node("x"))
    assert opened.actions_["toggle_requires_grad"].isEnabled()


def test_a_run_with_edits_that_takes_its_time_says_that_the_graph_is_from_before(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    panels, editing = opened.panels, opened.workspace.editing
    assert panels is not None
    requests: list[object] = []
    monkeypatch.setattr(editing, "prepare", lambda: None)
    monkeypatch.setattr(editing._worker, "bridge", lambda: SimpleNamespace(run_edited=requests.append))
    editing.set_program("demo:neuron", ())
    opened.document.set_trace(small_trace())
    editing.apply(SetValue(node=_node("w"), values=Values.of(0.25)))
    assert len(requests) == 1
    assert panels.badge.isHidden()  # most runs are over by now
    qtbot.waitUntil(panels.badge.isVisible, timeout=2_000)
    assert panels.badge.words.whole_text == "Not yet with 1 edit: the program runs…"
    assert not panels.badge.switch.isVisible()  # there is nothing edited to switch to
    editing._on_bridge_exited(Outcome(kind="finished", message=""))
    assert panels.badge.isHidden()


def test_restored_panels_leave_no_tabs_over_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QTabBar

    window.docks.show_all()
    window.docks.restore(window.docks.save())
    top = window.menuBar().height()

    def is_clear() -> bool:
        bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return not any(bar.isVisible() and 0 <= bar.y() < top for bar in bars)

    qtbot.waitUntil(is_clear)


def test_an_edge_between_two_of_one_name_says_their_lines() -> None:
    trace = small_trace()
    edge = next(edge for edge in trace.graph.edges if trace.graph.nodes[edge.target].kind == "op")
    source, target = trace.graph.nodes[edge.source], trace.graph.nodes[edge.target]
    assert edge_words(trace, edge) == f"{source.name or source.label} → {target.name or target.label}"
    source.name = target.name = "x"
    source.source, target.source = Source("a.py", 72, "f"), Source("a.py", 71, "f")
    assert edge_words(trace, edge) == "x (line 72) → x (line 71)"


def test_edges_to_consumers_of_one_name_say_which_is_which() -> None:
    trace = small_trace()
    edge = next(edge for edge in trace.graph.edges if trace.graph.nodes[edge.target].kind == "op")
    source = trace.graph.nodes[edge.source]
    target = trace.graph.nodes[edge.target]
    source.name, target.name = "w", "mul"
    other = msgspec.structs.replace(target, id=len(trace.graph.nodes))
    trace.graph.nodes.append(other)
    again = msgspec.structs.replace(edge, target=other.id)
    assert different_edge_words(trace, [edge]) == ["w → mul"]
    target.source, other.source = Source("a.py", 7, "f"), Source("a.py", 9, "f")
    assert different_edge_words(trace, [edge, again]) == ["w → mul (line 7)", "w → mul (line 9)"]
    twice = [msgspec.structs.replace(edge, arg=arg) for arg in ("self", "other")]
    words = ["w → mul (line 7) as self", "w → mul (line 7) as other"]
    assert different_edge_words(trace, twice) == words
