"""The breakpoints panel: conditions typed in, faults explained, rows switched, edited, removed, undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import MOST_BREAKPOINTS, Breakpoint
from gui.document import Document
from gui.panels.breakpoints import BreakpointsPanel
from gui.theme import LIGHT, ThemeManager
from tests.engine.traces import ADD, small_trace


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(document: Document, qtbot: QtBot) -> Iterator[BreakpointsPanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = BreakpointsPanel(document, themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(500, 200)
    panel.show()
    document.set_trace(small_trace())
    yield panel
    panel.close()


def rows(panel: BreakpointsPanel) -> list[tuple[str, str, bool]]:
    model = panel.model
    return [
        (
            model.item(row, 0).text(),
            model.item(row, 1).text(),
            model.item(row, 0).checkState() == Qt.CheckState.Checked,
        )
        for row in range(model.rowCount())
    ]


def type_in(panel: BreakpointsPanel, text: str) -> None:
    panel.field.clear()
    QTest.keyClicks(panel.field, text)
    QTest.keyClick(panel.field, Qt.Key.Key_Return)


def test_a_condition_is_typed_and_says_how_often_it_stops(panel: BreakpointsPanel) -> None:
    QTest.keyClicks(panel.field, "kind:leaf")
    assert panel.message.text() == "Stops 2 times in this trace."
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    assert rows(panel) == [("kind:leaf", "2 times", True)]
    assert panel.field.text() == ""
    assert not panel.message.isVisible()


def test_a_fault_says_where_and_keeps_the_text(panel: BreakpointsPanel, document: Document) -> None:
    type_in(panel, "grad.norm( > 10")
    assert panel.message.text() == "At character 12: ) is expected, not '>'."
    assert panel.message.palette().windowText().color() == LIGHT.accent_text
    assert panel.field.text() == "grad.norm( > 10"
    assert panel.field.cursorPosition() == 11
    assert document.breakpoints.items == ()
    QTest.keyClick(panel.field, Qt.Key.Key_Escape)
    assert panel.field.text() == ""
    assert not panel.message.isVisible()


def test_keys_of_the_list(panel: BreakpointsPanel, document: Document) -> None:
    type_in(panel, "kind:leaf")
    type_in(panel, 'op == "mul"')
    panel.list.setFocus()
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert document.cursor == 4
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert document.cursor == 6
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert document.cursor == 4, "from the last to the first"
    QTest.keyClick(panel.list, Qt.Key.Key_Space)
    assert rows(panel)[0][2] is False
    assert document.breakpoints.positions.tolist() == [-3, 5]
    QTest.keyClick(panel.list, Qt.Key.Key_F2)
    assert panel.field.text() == "kind:leaf"
    type_in(panel, "name:w")
    assert rows(panel) == [("name:w", "once", True), ('op == "mul"', "2 times", True)]
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert rows(panel) == [('op == "mul"', "2 times", True)]
    for _ in range(2):
        document.undo_stack.undo()
    assert [row[0] for row in rows(panel)] == ["kind:leaf", 'op == "mul"']


def test_the_check_box_and_the_menu(panel: BreakpointsPanel, document: Document) -> None:
    type_in(panel, "kind:leaf")
    area = panel.list.visualRect(panel.model.index(0, 0))
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(area.left() + 8, area.center().y()))
    assert document.breakpoints.items[0].is_enabled is False
    menu = panel.menu_for(document.breakpoints.items[0])
    texts = {action.text(): action for action in menu.actions()}
    assert set(texts) == {"Go to where it stops", "Go back to where it stops", "Enable", "Edit…", "Remove"}
    texts["Enable"].trigger()
    assert document.breakpoints.items[0].is_enabled
    document.move_to(6)
    texts["Go back to where it stops"].trigger()
    assert document.cursor == 4
    menu.close()


def test_what_stops_here_is_coloured(panel: BreakpointsPanel, document: Document) -> None:
    type_in(panel, "kind:leaf")
    document.move_to(4)
    assert panel.model.item(0, 0).foreground().color() == LIGHT.accent_text
    document.move_to(5)
    assert panel.model.item(0, 0).foreground().color() == LIGHT.text


def test_titles_say_what_a_breakpoint_is_on(panel: BreakpointsPanel, document: Document) -> None:
    assert document.trace is not None
    document.breakpoints.toggle_on(document.trace, ADD)
    document.breakpoints.add(Breakpoint(kind="op", text="mul"))
    document.breakpoints.toggle_module(("net", "block"))
    document.breakpoints.add(Breakpoint(kind="condition", text="grad >"))  # as an older version may have left it
    assert [row[:2] for row in rows(panel)] == [
        ("z (add)", "2 times"),
        ("every mul", "2 times"),
        ("entering net.block", "nowhere"),
        ("grad >", "not understood"),
    ]
    assert "At character 7" in panel.model.item(3, 0).toolTip()


def test_there_is_a_limit(panel: BreakpointsPanel, document: Document) -> None:
    document.breakpoints.load(Breakpoint(kind="op", text=str(number)) for number in range(MOST_BREAKPOINTS))
    type_in(panel, "isnan")
    assert "remove one first" in panel.message.text()
    assert len(document.breakpoints.items) == MOST_BREAKPOINTS
