"""Breakpoints on the graph: which boxes have a dot, and what the context menu does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from engine.graph.trace import Trace
from gui.canvas.stops import StopMarks
from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.style import breakpoint_color
from gui.theme import LIGHT, ThemeManager
from tests.engine.graph.test_timeline import blocks
from tests.engine.traces import ADD, MUL, small_trace


def make(qtbot: QtBot, trace: Trace) -> tuple[Document, GraphCanvas]:
    document = Document()
    themes = ThemeManager(document)
    themes.choose("light")
    canvas = GraphCanvas(document, themes)
    qtbot.addWidget(canvas)
    canvas.resize(800, 700)
    canvas.show()
    document.set_trace(trace)
    qtbot.waitUntil(lambda: canvas.scene is not None and not canvas.is_laying_out)
    document.setParent(canvas)
    return document, canvas


def dots(canvas: GraphCanvas) -> list[int | None]:
    assert canvas.scene is not None
    return [canvas.scene.items[index].node for index in canvas.stop_marks.dots(canvas.scene).enabled]


def test_nodes_and_kinds_have_dots_and_conditions_do_not(qtbot: QtBot) -> None:
    document, canvas = make(qtbot, small_trace())
    assert document.trace is not None
    document.breakpoints.toggle_on(document.trace, MUL)
    document.breakpoints.add(Breakpoint(kind="op", text="add"))
    document.breakpoints.add(Breakpoint(kind="condition", text="isnan"))
    assert dots(canvas) == sorted([MUL, ADD], key=lambda node: canvas.scene.item_of(node) or 0)  # type: ignore[union-attr]  # there is one
    assert canvas.scene is not None
    item = canvas.scene.item_of(MUL)
    assert item is not None
    x, y = canvas.camera.to_screen(*canvas.scene.rect_of(item)[:2])
    image = canvas.grab().toImage()
    assert image.pixelColor(QPoint(round(x + 1), round(y + 1))) == breakpoint_color(LIGHT)
    document.breakpoints.enable_all()
    assert dots(canvas) == []
    assert item in StopMarks(document).dots(canvas.scene).disabled
    assert canvas.grab().toImage().pixelColor(QPoint(round(x + 1), round(y + 1))) != breakpoint_color(LIGHT)


def entry(canvas: GraphCanvas, item: int, text: str) -> Callable[[], None]:
    menu = canvas.menu_for(item)
    return next(action for action in menu.actions() if action.text().startswith(text)).trigger


def test_the_context_menu_adds_and_removes(qtbot: QtBot) -> None:
    document, canvas = make(qtbot, blocks())
    canvas.set_depth(1)
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    assert canvas.scene is not None
    group = canvas.scene.item_of_scope(("block1",))
    assert group is not None
    entry(canvas, group, "Break when this is entered")()
    assert document.breakpoints.items == (Breakpoint(kind="module", text="block1"),)
    assert canvas.stop_marks.dots(canvas.scene).enabled == [group]
    assert document.run_to_breakpoint(1)
    assert document.cursor == 6
    assert document.run_to_breakpoint(-1)
    assert document.cursor == -8
    entry(canvas, group, "Remove the breakpoint")()
    assert not document.breakpoints.items
    op = canvas.scene.item_of(1)
    assert op is not None
    entry(canvas, op, "Break on every sin")()
    entry(canvas, op, "Add a breakpoint")()
    assert [item.kind for item in document.breakpoints.items] == ["op", "node"]
    assert not document.breakpoints.add(Breakpoint(kind="op", text="sin")) or len(document.breakpoints.items) == 2
