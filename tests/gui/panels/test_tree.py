"""The tree: the same nodes, words and numbers as the graph, reached by keys, spoken in sentences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.tree import TreePanel
from gui.panels.tree_model import GRADIENT, NAME, STATE, VALUE, TreeModel
from gui.theme import ThemeManager
from tests.gui.canvas import builders

Make = Callable[[Trace], TreePanel]


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    def build(trace: Trace) -> TreePanel:
        document, themes = Document(), ThemeManager()
        panel = TreePanel(document, themes)
        document.setParent(panel)
        themes.setParent(panel)
        qtbot.addWidget(panel)
        panel.resize(480, 600)
        panel.show()
        qtbot.waitExposed(panel)
        document.set_trace(trace)
        panel.view.setFocus()
        qtbot.waitUntil(panel.view.hasFocus)
        return panel

    return build


def texts(model: TreeModel, index: QModelIndex) -> list[str]:
    return [index.siblingAtColumn(column).data() for column in (NAME, STATE, VALUE, GRADIENT)]


def rows(model: TreeModel, parent: QModelIndex) -> int:
    """Number of nodes below a row."""
    count = 0
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        assert model.parent(index) == parent
        count += rows(model, index) if model.scope_at(index) is not None else 1
    return count


def test_the_model_is_one_by_qts_own_rules(make: Make) -> None:
    trace = builders.blocks(4, depth=3)
    panel = make(trace)
    tester = QAbstractItemModelTester(panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert rows(panel.model, QModelIndex()) == len(trace.graph.nodes)
    panel._document.move_to_end()
    panel._document.set_trace(builders.neuron())
    assert rows(panel.model, QModelIndex()) == 8
    tester.deleteLater()


def test_rows_say_what_the_graph_says(make: Make) -> None:
    panel = make(builders.neuron())
    model, document = panel.model, panel._document
    index = model.index_of_node(4)
    assert texts(model, index) == ["z (add)", "waiting", "2.42", ""]
    document.move_to(3)
    assert texts(model, index) == ["z (add)", "here", "2.42", "−0.08166"]
    document.move_to(4)
    assert texts(model, index)[1] == "done"
    assert texts(model, model.index_of_node(0))[1] == "no grad"
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "z (add), done, value 2.42, gradient −0.08166"


def test_module_calls_say_how_far_the_backward_pass_is(make: Make) -> None:
    panel = make(builders.blocks(3))
    model, document = panel.model, panel._document
    index = model.index_of_scope(("block2",))
    assert texts(model, index) == ["block2  Block", "waiting", "", ""]
    document.move_to(2)
    assert texts(model, index)[1] == "here"
    document.move_to(document.length)
    assert texts(model, index)[1] == "done"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole).startswith("module, block2  Block, 7.2M parameters")


def test_in_the_forward_pass_rows_say_what_has_run(make: Make) -> None:
    panel = make(builders.neuron())
    model, document = panel.model, panel._document
    z, loss = model.index_of_node(4), model.index_of_node(document.trace.roots[0][0] if document.trace else 0)
    document.move_to(document.first)
    assert texts(model, z)[1:3] == ["to run", ""]
    document.move_to(-2)
    assert document.here is not None
    assert texts(model, z)[1:3] == ["here", "2.42"]
    assert texts(model, loss)[1] == "to run"
    document.move_to(-1)
    assert texts(model, z)[1:3] == ["has run", "2.42"], "its gradient is far away"
    assert texts(model, model.index_of_node(0))[1] == "given"
    document.move_to(0)
    assert texts(model, z)[1] == "waiting"


def test_module_calls_say_how_far_the_forward_pass_is(make: Make) -> None:
    panel = make(builders.blocks(3))
    model, document = panel.model, panel._document
    index = model.index_of_scope(("block1",))
    said = []
    for position in range(document.first, 1):
        document.move_to(position)
        said.append(texts(model, index)[1])
    assert list(dict.fromkeys(said)) == ["to run", "here", "has run", "waiting"]


def test_cursor_and_selection_move_the_row_and_back(make: Make, qtbot: QtBot) -> None:
    panel = make(builders.blocks(3))
    document, view = panel._document, panel.view
    document.move_to(5)
    assert document.stepper is not None
    assert document.stepper.current is not None
    assert panel.model.node_at(view.currentIndex()) == document.stepper.current.node.id
    document.select(3)
    assert panel.model.node_at(view.currentIndex()) == 3
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert document.selection == 4
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert panel.model.scope_at(view.currentIndex()) == ("block0",), "to the module around"
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert not view.isExpanded(view.currentIndex())
    assert document.cursor == 5, "the keys were the tree's"
    with qtbot.waitSignal(panel.scope_activated) as caught:
        QTest.keyClick(view, Qt.Key.Key_Return)
    assert caught.args == [("block0",)]


def test_hidden_it_costs_nothing_and_catches_up(make: Make) -> None:
    panel = make(builders.neuron())
    panel.hide()
    panel._document.set_trace(builders.blocks(100, 8))
    assert panel.model.rowCount() == 0
    panel._document.move_to(7)
    panel.show()
    assert panel.model.rowCount() == 102
    assert panel._document.focus == panel.model.node_at(panel.view.currentIndex())


def test_hostile_names_are_plain_text(make: Make) -> None:
    trace = builders.neuron()
    for node, name in enumerate(("<b>x</b>", "a\nb", "\u202egnp", "\x00", "x" * 1_000_000)):
        trace.graph.nodes[node].name = name
    panel = make(trace)
    for node in range(5):
        text = panel.model.index_of_node(node).data()
        assert len(text) <= 130
        assert text.isprintable()
    panel.grab()


def test_a_narrow_panel_shows_names_and_numbers(make: Make) -> None:
    panel = make(builders.neuron())
    for width in (300, 480):
        panel.resize(width, 600)
        QTest.qWait(1)
        header = panel.view.header()
        assert panel.view.isColumnHidden(STATE) == (width == 300)
        assert header.sectionSize(NAME) > 120
        assert header.sectionPosition(GRADIENT) + header.sectionSize(GRADIENT) <= panel.view.viewport().width()
        assert not panel.view.horizontalScrollBar().isVisible()


def test_a_shape_has_not_the_colour_of_values(make: Make) -> None:
    panel = make(builders.neuron())
    theme, node = panel.model.theme, panel._document.trace.graph.nodes[4]  # type: ignore[union-attr] # made above
    cell = panel.model.index_of_node(4).siblingAtColumn(VALUE)
    assert cell.data(Qt.ItemDataRole.ForegroundRole) == theme.data_text
    node.outputs[0].shape, node.outputs[0].array = (5,), None
    assert cell.data() == "[5]"
    assert cell.data(Qt.ItemDataRole.ForegroundRole) == theme.muted
