"""Lines that run many times: the margin follows the cursor through the runs, the foot counts them, a line shows all."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.graph.model import Source
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.source import SourcePanel
from gui.theme import ThemeManager
from tests.engine.graph.builder import GraphBuilder

FILE = "/home/user/loop.py"
CODE = "x = start\nfor _ in range(5):\n    x = x * w\nloss = x.sum()\n"


def looped(count: int = 5) -> tuple[Trace, list[int]]:
    """`count` products on line 3; the gradient of product k is k."""
    build = GraphBuilder()
    weight = build.tensor("leaf", "w")
    current = build.tensor("input", "x")
    products = []
    for _ in range(count):
        current = build.op("mul", current, weight, name="x")
        products.append(current)
    loss = build.op("sum", current, name="loss")
    trace = build.trace(loss)
    for number, product in enumerate(products):
        build.nodes[product].source = Source(FILE, 3, "<module>")
        step = trace.step_of(product)
        assert step is not None
        assert step.grad_outputs[0] is not None
        step.grad_outputs[0].array = np.array(float(number), np.float32)
    build.nodes[loss].source = Source(FILE, 4, "<module>")
    trace.sources = {FILE: CODE}
    return trace, products


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(qtbot: QtBot, document: Document) -> SourcePanel:
    panel = SourcePanel(document, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.resize(320, 300)
    panel.show()
    return panel


def test_the_margin_shows_the_run_that_the_cursor_came_to_last(panel: SourcePanel, document: Document) -> None:
    trace, products = looped()
    document.set_trace(trace)
    for product in reversed(products):
        document.run_to(product)
        assert panel.view.margin_texts[3] == str(products.index(product))
    for product in products:  # and back again
        document.run_to(product)
        assert panel.view.margin_texts[3] == str(products.index(product))


def test_the_foot_counts_the_runs_and_walks_through_them(panel: SourcePanel, document: Document, qtbot: QtBot) -> None:
    trace, products = looped()
    document.set_trace(trace)
    document.select(products[1])
    assert panel.run.text() == "2 of 5"
    assert panel.calls.whole_text == "loop.py:3"
    qtbot.mouseClick(panel.later, Qt.MouseButton.LeftButton)
    assert document.selection == products[2]
    for _ in range(2):
        qtbot.mouseClick(panel.earlier, Qt.MouseButton.LeftButton)
    assert document.selection == products[0]
    assert not panel.earlier.isEnabled()
    document.select(trace.roots[0][0])
    assert not panel.run.isVisible()


def test_a_line_shows_every_operation_that_it_ran(panel: SourcePanel, document: Document, qtbot: QtBot) -> None:
    trace, products = looped()
    document.set_trace(trace)
    cursor = panel.view.textCursor()
    cursor.setPosition(panel.view.document().findBlockByNumber(2).position())
    panel.view.setTextCursor(cursor)
    with qtbot.waitSignal(panel.marks_changed) as caught:
        qtbot.keyClick(panel.view, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert caught.args == ["Line 3 of loop.py", products]
