"""Graphs that no program should make, and names that nobody should give, through the real canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.graph.model import Edge, Graph, Node, Scope, ScopePath, TensorInfo
from engine.graph.trace import Trace
from gui.canvas import overlay
from gui.canvas.folding import FUNCTIONS, MODULES, OPERATIONS
from gui.canvas.widget import GraphCanvas

from .conftest import Show

LONG = "n" * 1_000_000
MARKUP = "<b>bold</b><img src='x'>&amp;\n\x00\x1b[31m"
RIGHT_TO_LEFT = "\u202eשלום\u202c עולם"
SURROGATE = "broken \ud800 name"


def graph(count: int, pairs: Iterable[tuple[int, int]], name: str | None = None, scope: ScopePath = ()) -> Trace:
    """A trace of `count` operations with edges between these pairs; all have the same name and scope."""
    nodes = [
        Node(
            id=number,
            kind="op",
            op="aten.add.Tensor",
            name=name,
            scope=scope,
            outputs=[TensorInfo(shape=(2, 3), dtype="float32")],
        )
        for number in range(count)
    ]
    edges = [
        Edge(source=source, output_nr=0, target=target, input_nr=place, grad_index=None)
        for place, (source, target) in enumerate(pairs)
    ]
    return Trace(Graph(nodes, edges, {scope: Scope(path=scope, module=name or "M")} if scope else {}))


BAD: dict[str, Callable[[], Trace]] = {
    "a cycle": lambda: graph(3, [(0, 1), (1, 2), (2, 0)]),
    "two cycles that share a node": lambda: graph(5, [(0, 1), (1, 0), (1, 2), (2, 3), (3, 1), (3, 4)]),
    "a self-loop": lambda: graph(2, [(0, 0), (0, 1), (1, 1)]),
    "many edges between two": lambda: graph(2, [(0, 1)] * 500),
    "many edges both ways": lambda: graph(2, [(0, 1), (1, 0)] * 40),
    "isolated nodes": lambda: graph(300, []),
    "one node": lambda: graph(1, []),
    "one node that feeds itself": lambda: graph(1, [(0, 0)]),
    "all with all": lambda: graph(40, [(a, b) for a in range(40) for b in range(40)]),
    "a name of a megabyte": lambda: graph(3, [(0, 1), (1, 2)], LONG, (LONG,)),
    "markup": lambda: graph(3, [(0, 1), (1, 2)], MARKUP, (MARKUP, MARKUP)),
    "right to left": lambda: graph(3, [(0, 1), (1, 2)], RIGHT_TO_LEFT, (RIGHT_TO_LEFT,)),
    "surrogates": lambda: graph(3, [(0, 1), (1, 2)], SURROGATE, (SURROGATE,)),
    "no name at all": lambda: graph(3, [(0, 1), (1, 2)], "", ("",)),
    "deep nesting": lambda: graph(3, [(0, 1), (1, 2)], "x", tuple(f"level{k}" for k in range(60))),
}


def use(canvas: GraphCanvas, qtbot: QtBot) -> None:
    """Look at everything, walk, fold, mark, drag, colour: whatever hands can do."""
    assert canvas.scene is not None
    for scale in (0.004, 0.1, 0.3, 1.0, 4.0):
        canvas.fit()
        canvas.zoom_by(scale / canvas.camera.scale)
        canvas.grab()
        canvas.view.rest()
        canvas.grab()
    for depth in (MODULES, FUNCTIONS, OPERATIONS):
        canvas.folding.show(depth)
        qtbot.waitUntil(lambda: not canvas.is_laying_out)
        canvas.grab()
    canvas.pick(0)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return, Qt.Key.Key_Return, Qt.Key.Key_Backspace):
        qtbot.keyClick(canvas, key)
        qtbot.waitUntil(lambda: not canvas.is_laying_out)
    canvas.carrier.nudge(16, 16)
    canvas.document.undo_stack.undo()
    trace = canvas.document.trace
    assert trace is not None
    canvas.spotlight.show_dependencies(trace, [len(trace.graph.nodes) - 1])
    canvas.grab()
    canvas.spotlight.show_path_to_loss(trace, [0])
    canvas.spotlight.clear()
    for name in overlay.OVERLAYS:
        canvas.set_overlay(name)
        canvas.grab()
    scene = canvas.scene
    assert scene is not None
    for item in range(min(len(scene), 4)):
        canvas._hands.tip_text(canvas.rect().center().toPointF())
        canvas.center_on(scene.items[item].node or 0)
        canvas.menu_for(item).deleteLater()
    assert np.isfinite(scene.rects).all()


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs_are_drawn_and_can_be_used(qtbot: QtBot, show: Show, name: str) -> None:
    canvas = show(BAD[name]())
    assert canvas.scene is not None
    assert len(canvas.scene)
    use(canvas, qtbot)


def test_of_no_graph_the_reason_is_told(show: Show) -> None:
    canvas = show(graph(0, []))
    assert canvas.scene is not None
    assert len(canvas.scene) == 0
    canvas.grab()
    canvas.fit()
    for change in (canvas.fold_all, canvas.unfold_all, canvas.escape, canvas.folding.toggle_picked):
        change()
    assert "No tensor operation" in " ".join(canvas._empty_reason().lines)


@pytest.mark.parametrize("pairs", [[(0, k) for k in range(1, 3_001)], [(k, 3_000) for k in range(3_000)]])
def test_a_node_with_thousands_of_edges_is_gathered(qtbot: QtBot, show: Show, pairs: list[tuple[int, int]]) -> None:
    canvas = show(graph(3_001, pairs))
    qtbot.waitUntil(lambda: not canvas.is_laying_out, timeout=20_000)
    assert canvas.scene is not None
    canvas.fit()
    canvas.grab()
    x, y, width, height = canvas.scene.bounds
    assert 1 / 12 < width / height < 12, "no line of thousands of boxes"
    assert x == 0.0
    assert y == 0.0


def test_many_edges_between_few_nodes_never_hold_up_the_window(qtbot: QtBot, show: Show) -> None:
    canvas = show()
    canvas.document.set_trace(graph(800, [(a, b) for b in range(800) for a in range(max(0, b - 12), b)]))
    assert canvas.is_laying_out, "edges count as much as nodes do"
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not canvas.is_laying_out
    canvas.grab()
    assert canvas.scene is None
    canvas.wait_for_layout()


def test_a_layout_that_was_given_up_leaves_what_was_there(qtbot: QtBot, show: Show) -> None:
    canvas = show(graph(2_000, [(k, k + 1) for k in range(1_999)], scope=("chain",)))
    qtbot.waitUntil(lambda: not canvas.is_laying_out, timeout=20_000)
    before = canvas.scene
    canvas.unfold_all()
    assert canvas.is_laying_out
    canvas.grab()
    canvas.escape()
    assert not canvas.is_laying_out
    assert canvas.scene is before
    canvas.wait_for_layout()
    canvas.fold_all()
    qtbot.waitUntil(lambda: not canvas.is_laying_out, timeout=20_000)
    assert canvas.scene is not None
