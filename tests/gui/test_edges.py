"""Edges in the real window: pointed at, clicked, walked by keys, asked for their menu, described by the inspector."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from engine.graph.numbers import format_number
from gui.canvas.widget import GraphCanvas
from gui.window import MainWindow
from tests.engine.traces import ADD, BCE, MUL, SIGMOID, W, X
from tests.gui.test_debugger import SHIFT, press


def canvas_of(window: MainWindow) -> GraphCanvas:
    assert window.canvas is not None
    return window.canvas


def edge_between(window: MainWindow, source: int, target: int) -> int:
    assert window.document.trace is not None
    edges = window.document.trace.graph.edges
    return next(i for i, edge in enumerate(edges) if (edge.source, edge.target) == (source, target))


def point_on(window: MainWindow, edge: int, aside: float = 0.0) -> QPoint:
    """The middle of the longest stretch of an edge's line, `aside` pixels away from it."""
    canvas = canvas_of(window)
    assert canvas.scene is not None
    links = np.array(canvas.scene.links_of_edges([edge]))
    segments = canvas.scene.routes.straight.of(links).astype(float)
    x1, y1, x2, y2 = segments[np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]).argmax()]
    x, y = canvas.camera.to_screen((x1 + x2) / 2, (y1 + y2) / 2)
    is_upright = abs(x2 - x1) < abs(y2 - y1)
    place = QPointF(x + aside, y) if is_upright else QPointF(x, y + aside)
    return place.toPoint()


def place_of(window: MainWindow) -> tuple[int | None, int | None]:
    """The selected node and edge."""
    return window.document.selection, window.document.edge


def menu_at(window: MainWindow, place: QPoint | None = None) -> QMenu:
    """The context menu of a position, or by the menu key."""
    canvas = canvas_of(window)
    reason = QContextMenuEvent.Reason.Keyboard if place is None else QContextMenuEvent.Reason.Mouse
    point = place or QPoint(5, 5)
    canvas.contextMenuEvent(QContextMenuEvent(reason, point, canvas.mapToGlobal(point)))
    return next(menu for menu in canvas.findChildren(QMenu) if menu.isVisible())


def choose(menu: QMenu, begin: str) -> None:
    action = next(action for action in menu.actions() if action.text().startswith(begin))
    assert action.isEnabled()
    action.trigger()
    menu.close()


def texts(menu: QMenu) -> list[str]:
    found = [action.text() for action in menu.actions() if action.text()]
    menu.close()
    return found


@pytest.mark.parametrize("aside", [0.0, 4.0])
def test_a_click_near_an_edge_picks_it_and_one_beside_it_does_not(opened: MainWindow, aside: float) -> None:
    document, canvas = opened.document, canvas_of(opened)
    edge = edge_between(opened, ADD, SIGMOID)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point_on(opened, edge, aside))
    assert (document.edge, document.selection) == (edge, ADD)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point_on(opened, edge, 40.0))
    assert document.edge is None


def test_the_picked_edge_is_outlined(opened: MainWindow) -> None:
    canvas, document = canvas_of(opened), opened.document
    document.select(ADD)
    before = canvas.grab().toImage()
    document.select_edge(edge_between(opened, ADD, SIGMOID))
    place = point_on(opened, document.edge or 0, 3.0)
    after = canvas.grab().toImage()
    assert before.pixelColor(place) != after.pixelColor(place)
    document.select(ADD)
    assert document.edge is None
    assert canvas.grab().toImage() == before


def test_the_menu_of_an_edge_names_its_ends_and_leads_there(opened: MainWindow) -> None:
    document = opened.document
    edge = edge_between(opened, ADD, SIGMOID)
    menu = menu_at(opened, point_on(opened, edge))
    assert document.edge == edge
    assert [text.partition("\t")[0] for text in texts(menu)] == [
        "Show what flows from z to a",
        "Go to z, where it comes from",
        "Go to a, which reads it",
        "Copy name",
        "Run to where its gradient comes back",
        "Break at a, where its gradient comes back",
    ]
    choose(menu_at(opened, point_on(opened, edge)), "Go to a")
    assert place_of(opened) == (SIGMOID, None)
    choose(menu_at(opened, point_on(opened, edge)), "Copy name")
    assert QGuiApplication.clipboard().text() == "z → a as self"
    choose(menu_at(opened, point_on(opened, edge)), "Break at a")
    assert document.breakpoints.on(SIGMOID) is not None
    choose(menu_at(opened, point_on(opened, edge)), "Remove the breakpoint on a")
    choose(menu_at(opened, point_on(opened, edge)), "Run to where")
    assert document.cursor == 2


def test_an_edge_without_a_gradient_says_why(opened: MainWindow) -> None:
    edge = edge_between(opened, X, MUL)
    assert opened.document.trace is not None
    cut = opened.document.trace.graph.edges[edge].cut
    menu = menu_at(opened, point_on(opened, edge))
    run = next(action for action in menu.actions() if action.text().startswith("Run to"))
    assert not run.isEnabled()
    found = texts(menu)
    assert cut is None or any(text.startswith("No gradient comes back") for text in found)


def test_edges_are_walked_by_keys(opened: MainWindow) -> None:
    document, canvas = opened.document, canvas_of(opened)
    canvas.setFocus()
    document.select(ADD)
    seen = []
    for _ in range(4):
        press(opened, Qt.Key.Key_J)
        assert document.selection == ADD
        seen.append(document.edge)
    edges = [edge_between(opened, *ends) for ends in ((MUL, ADD), (3, ADD), (ADD, SIGMOID))]
    assert seen == [*edges, edges[0]], "those in, then those out, then round"
    press(opened, Qt.Key.Key_J, SHIFT)
    assert document.edge == edges[2]
    assert texts(menu_at(opened))[0] == "Show what flows from z to a", "the menu key asks for the picked edge's menu"
    press(opened, Qt.Key.Key_F9)
    assert document.breakpoints.on(SIGMOID) is not None, "where its gradient comes back"
    press(opened, Qt.Key.Key_Return)
    assert place_of(opened) == (SIGMOID, None)
    press(opened, Qt.Key.Key_J)
    press(opened, Qt.Key.Key_Escape)
    assert place_of(opened) == (None, None)


def test_the_inspector_shows_what_flows_and_what_comes_back(opened: MainWindow) -> None:
    assert opened.panels is not None
    assert opened.document.trace is not None
    document, trace, inspector = opened.document, opened.document.trace, opened.panels.inspector
    inspector.follows_later = False
    edge = edge_between(opened, MUL, ADD)
    opened.docks.raise_("problems")
    choose(menu_at(opened, point_on(opened, edge)), "Show what flows")
    assert inspector.isVisible()
    assert inspector.edge.value.isHidden(), "it is the value of the node that is described"
    document.select_edge(edge, at=ADD)
    assert document.selection == MUL, "picked already"
    document.select(ADD)
    document.select_edge(edge)
    assert inspector.edge.value.isVisible()
    value = trace.value(MUL)
    assert value is not None
    assert inspector.edge.value.number.text == format_number(float(value))
    for view in (inspector.edge.value, inspector.edge.gradient):
        assert not view.look_link.isVisible(), "nothing answers it here"
        assert not view.fetch_link.isVisible()
    assert inspector.edge.gradient.note.text() == "Not reached yet: step 3 of 6."
    document.move_to(3)
    assert inspector.edge.isHidden(), "the cursor took the selection away"
    document.select_edge(edge)
    back = trace.contributions(MUL)[0][1].array
    assert back is not None
    assert inspector.edge.gradient.number.text == format_number(float(back))
    document.move_to(-2)
    document.select_edge(edge_between(opened, SIGMOID, BCE))
    assert inspector.edge.value.note.text() == "The forward pass has not run this operation yet."
    document.select(W)
    assert inspector.edge.isHidden()


def test_the_tooltip_says_value_and_contribution(opened: MainWindow) -> None:
    canvas = canvas_of(opened)
    edge = edge_between(opened, ADD, SIGMOID)
    text = canvas._hands.tip_text(QPointF(point_on(opened, edge, 3.0)))
    assert "z → a as self" in text
    assert opened.document.trace is not None
    value, gradient = opened.document.trace.value(ADD), opened.document.trace.grad(ADD)
    assert value is not None
    assert gradient is not None
    assert f"value {format_number(float(value))}" in text
    assert f"gradient {format_number(float(gradient))}" in text
    assert "comes back with step 2" in text


def test_an_edge_is_cut_from_its_menu_and_by_key(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.bridge.prepare()
    window.open_target("demo:neuron")
    document = window.document
    qtbot.waitUntil(lambda: document.trace is not None, timeout=60_000)
    qtbot.waitUntil(lambda: not canvas_of(window).is_laying_out)
    qtbot.waitUntil(lambda: not window.workspace.editing.why_not)
    assert document.trace is not None
    graph = document.trace.graph
    leaf = next(node.id for node in graph.nodes if node.name == "w")
    edge = next(i for i, e in enumerate(graph.edges) if e.source == leaf)
    assert document.trace.grad(leaf) is not None
    choose(menu_at(window, point_on(window, edge)), "Cut this edge")
    qtbot.waitUntil(lambda: window.workspace.editing.is_shown, timeout=60_000)
    assert document.trace.grad(leaf) is None
    window.activateWindow()  # the closed menu was the active window
    canvas_of(window).setFocus()
    qtbot.waitUntil(canvas_of(window).hasFocus)
    document.select_edge(edge)
    press(window, Qt.Key.Key_X)
    qtbot.waitUntil(lambda: not window.workspace.editing.is_shown, timeout=60_000)
    assert document.trace.grad(leaf) is not None
