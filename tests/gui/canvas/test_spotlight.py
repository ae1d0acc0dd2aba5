"""What is outlined and what is dimmed: hits one after the other, and answers about the graph."""

from __future__ import annotations

import networkx as nx
from pytestqt.qtbot import QtBot

from gui.canvas.spotlight import Spotlight

from . import builders
from .conftest import Show


def test_hits_are_gone_through_in_a_circle(qtbot: QtBot) -> None:
    spotlight = Spotlight()
    assert not spotlight.is_on
    assert spotlight.step(1) is None
    with qtbot.waitSignal(spotlight.changed):
        spotlight.show_hits("relu", [3, 5, 9])
    assert spotlight.current is None
    assert [spotlight.step(1) for _ in range(4)] == [3, 5, 9, 3]
    assert spotlight.step(-1) == 9
    assert spotlight.text.startswith("3 of 3 · relu")
    spotlight.clear()
    assert spotlight.text == ""
    spotlight.show_hits("relu", [3, 5])
    assert spotlight.step(-1) == 5


def test_walks_agree_with_networkx(qtbot: QtBot) -> None:
    trace = builders.blocks(3)
    graph = trace.graph.to_networkx()
    spotlight, node, root = Spotlight(), 12, trace.roots[0][0]
    spotlight.show_dependencies(trace, [node])
    assert spotlight.lit == frozenset(nx.ancestors(graph, node) | {node})
    spotlight.show_dependents(trace, [node])
    assert spotlight.lit == frozenset(nx.descendants(graph, node) | {node})
    leaf = trace.leaves()[2].id
    spotlight.show_path_to_loss(trace, [leaf])
    between = (nx.descendants(graph, leaf) | {leaf}) & (nx.ancestors(graph, root) | {root})
    assert spotlight.lit == frozenset(between)
    assert root in between
    assert "to the loss" in spotlight.text


def test_paths_between_two_nodes_whichever_comes_first(qtbot: QtBot) -> None:
    trace = builders.neuron()
    spotlight = Spotlight()
    for start, end in ((1, 5), (5, 1)):
        spotlight.start_path(trace, [start])
        assert "choose the other end" in spotlight.text
        spotlight.show_paths(trace, [end])
        assert spotlight.lit == frozenset({1, 2, 4, 5})
    spotlight.start_path(trace, [0])
    spotlight.show_paths(trace, [6])
    assert "No way" in spotlight.text
    spotlight.clear()
    assert spotlight.start is None


def test_what_is_dimmed_pales_and_what_is_lit_stays(show: Show) -> None:
    canvas = show(builders.neuron())
    scene = canvas.scene
    assert scene is not None

    def colour(node: int) -> int:
        item = scene.item_of(node)
        assert item is not None
        x, y, _, bottom = scene.rects[item].tolist()
        place = canvas.camera.to_screen(x + 5, (y + bottom) / 2)
        canvas.view.rest()
        return canvas.grab().toImage().pixelColor(round(place[0]) + 2, round(place[1])).lightness()

    canvas.document.move_to_end()
    loss, leaf = colour(7), colour(1)
    canvas.spotlight.show_dependencies(canvas.document.trace, [4])  # type: ignore[arg-type] # there is one
    assert colour(7) > loss + 60, "the dark card of the loss is dimmed"
    assert colour(1) == leaf
    canvas.escape()
    assert colour(7) == loss


def test_steps_while_dimmed_look_like_a_fresh_picture(show: Show) -> None:
    canvas = show(builders.blocks(2))
    canvas.follow_cursor = False
    trace = canvas.document.trace
    assert trace is not None
    canvas.unfold_all()
    canvas.spotlight.show_dependencies(trace, [6])
    canvas.view.rest()
    canvas.grab()
    for _ in range(14):
        canvas.document.step_forward()
        canvas.grab()
    canvas.view.rest()
    stepped = canvas.grab().toImage()
    canvas._renew_painter()
    canvas.view.rest()
    fresh = canvas.grab().toImage()
    different = sum(
        abs(stepped.pixelColor(x, y).lightness() - fresh.pixelColor(x, y).lightness()) > 24
        for x in range(0, stepped.width(), 4)
        for y in range(0, stepped.height(), 4)
    )
    assert different < 60


def test_names_in_the_line_are_plain_and_short(qtbot: QtBot) -> None:
    trace = builders.neuron()
    trace.graph.nodes[4].name = "<b>\u202ex\n" * 200_000
    spotlight = Spotlight()
    spotlight.show_dependencies(trace, [4])
    assert len(spotlight.text) < 120
    assert "\u202e" not in spotlight.text
    assert "\n" not in spotlight.text
