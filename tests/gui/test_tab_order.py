"""Tab goes through everything that can be seen and used, and through nothing else; all of it has a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QLabel, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from gui.docks import PLACES
from gui.opening import classify
from gui.tab_order import around, takes_tab
from gui.theme import LIGHT
from gui.widgets.heat_view import HeatView
from gui.widgets.text import LinkButton
from gui.window import MainWindow


def name_of(widget: QWidget) -> str:
    if widget.accessibleName():
        return widget.accessibleName()
    return widget.text() if isinstance(widget, QAbstractButton | QLabel) else ""


def is_qts_own(widget: QWidget) -> bool:
    """The list of a combo box and the field of a spin box, which their owners speak for."""
    parent = widget.parentWidget()
    if widget.objectName() == "qt_spinbox_lineedit":
        return True
    return isinstance(widget, QAbstractItemView) and parent is not None and isinstance(parent.parentWidget(), QComboBox)


@pytest.fixture
def opened(window: MainWindow, trace_file: Path, qtbot: QtBot) -> MainWindow:
    window.open_target(str(trace_file))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    window.document.move_to(3)
    window.activateWindow()
    window.setFocus()
    return window


def places(window: MainWindow) -> list[QWidget]:
    """Everything at which Tab stops, from the window round to itself."""
    found: list[QWidget] = []
    while True:
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus in found:
            assert focus is found[1], "Tab goes round in a part of the window"
            return found[1:]
        found.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)


def panel_of(window: MainWindow, widget: QWidget) -> str:
    return next((name for name, dock in window.docks.docks.items() if dock.isAncestorOf(widget)), "")


def test_tab_reaches_what_is_in_front_and_nothing_behind(opened: MainWindow, qtbot: QtBot) -> None:
    for front in (("code", "inspector", "loss"), ("lesson", "compare", "edits"), ("tree", "problems", "breakpoints")):
        for name in front:
            opened.docks.raise_(name)
        qtbot.wait(50)
        opened.setFocus()
        stops = places(opened)
        panels = {panel_of(opened, widget) for widget in stops}
        behind = {place.name for place in PLACES} - {*front, "timeline"}
        assert {*front, "timeline"} - {
            "problems"
        } <= panels  # nothing is found in this trace, so there is nothing to do
        assert not panels & behind
        assert opened.canvas in stops


def test_shift_tab_goes_the_same_way_back(opened: MainWindow) -> None:
    there = [widget for widget in around(opened, is_forward=True) if takes_tab(widget, opened)]
    back = [widget for widget in around(opened, is_forward=False) if takes_tab(widget, opened)]
    assert there == back[::-1]
    QTest.keyClick(opened, Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is back[0]


def test_a_floating_panel_has_its_own_order(opened: MainWindow, qtbot: QtBot) -> None:
    opened.docks.docks["breakpoints"].setFloating(True)
    qtbot.wait(50)
    assert opened.panels is not None
    assert not takes_tab(opened.panels.breakpoints.field, opened)


def test_everything_that_takes_the_focus_has_a_name(opened: MainWindow) -> None:
    unnamed = []
    for widget in opened.findChildren(QWidget):
        is_reached = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and not isinstance(widget, QMainWindow)
        if is_reached and not name_of(widget) and not is_qts_own(widget):
            parents = " < ".join(type(p).__name__ for p in _parents(widget)[:4])
            unnamed.append(f"{type(widget).__name__} < {parents}")
    assert not unnamed


def _parents(widget: QWidget) -> list[QWidget]:
    found = []
    parent = widget.parentWidget()
    while parent is not None:
        found.append(parent)
        parent = parent.parentWidget()
    return found


def test_a_ring_shows_where_the_keyboard_is(opened: MainWindow, qtbot: QtBot) -> None:
    ring, canvas, panels = opened.focus_ring, opened.canvas, opened.panels
    assert canvas is not None
    assert panels is not None
    for widget in places(opened):
        widget.setFocus()
        assert ring.target is None  # by a click, say
    opened.toolbar.theme.setFocus()
    QTest.keyClick(opened.toolbar.theme, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is canvas
    assert ring.target is canvas
    top, bottom, left, right = (line.geometry() for line in ring.lines)
    corner = canvas.mapTo(opened, canvas.rect().topLeft())
    assert top.topLeft() == left.topLeft() == corner
    assert bottom.bottomRight() == right.bottomRight() == canvas.mapTo(opened, canvas.rect().bottomRight())
    opened.resize(opened.width() + 60, opened.height())
    qtbot.waitUntil(lambda: ring.lines[0].width() == canvas.width())
    QTest.keyClick(canvas, Qt.Key.Key_Right)  # stepping goes on
    assert opened.document.cursor == 4
    QTest.keyClick(canvas, Qt.Key.Key_Tab)
    assert ring.target is not canvas
    canvas.setFocus()
    assert ring.target is None
    assert not any(line.isVisible() for line in ring.lines)


def test_arrows_move_in_a_heat_map_that_has_the_focus(opened: MainWindow, qtbot: QtBot) -> None:
    heat = HeatView(opened)
    heat.show_matrix(np.arange(6.0).reshape(2, 3), 5.0, LIGHT, is_gradient=False)
    heat.resize(90, 60)
    heat.show()
    heat.setFocus()
    before = opened.document.cursor
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(heat, key)
    assert opened.document.cursor == before, "the window must not step with them"
    assert heat._cursor == (1, 1)


def test_what_is_made_later_has_its_place_in_the_order(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.run(classify("demo:neuron"))
    qtbot.waitUntil(lambda: window.document.trace is not None, timeout=60_000)
    assert window.panels is not None
    section = window.panels.edit_section
    trace = window.document.trace
    assert trace is not None
    qtbot.waitUntil(lambda: not window.workspace.editing.why_not)
    window.document.select(trace.leaves()[0].id)
    window.document.move_to_end()
    qtbot.waitUntil(lambda: bool(section.findChildren(LinkButton)))
    chain = [w for w in around(section.requires_grad, is_forward=True) if takes_tab(w, window)]
    titles = [w.text() for w in chain[:5] if isinstance(w, QAbstractButton)]
    assert titles[:4] == ["zero", "scale…", "clip…", "replace…"]
    assert titles[4].startswith("Cut ")
