"""What is remembered of a graph's last layouts spares time, and changes nothing in a drawing."""

from __future__ import annotations

import gc
import weakref
from unittest.mock import Mock

import pytest

from engine.graph.fold import Folds, scope_paths
from engine.graph.layered import arrange, memory
from engine.graph.layered.memory import remembered
from engine.graph.layered.order import settle_order
from engine.graph.layout import Direction, layout
from engine.graph.model import Graph

from ..models import recurrent, transformer
from ..test_any_graph import fingerprint, random_graph


def fresh(graph: Graph) -> Graph:
    """The same graph with nothing remembered of it."""
    return Graph(graph.nodes, graph.edges, graph.scopes)


@pytest.mark.parametrize("graph", [transformer(4), recurrent(12), random_graph(7, 45, loops=2)])
def test_a_drawing_is_the_same_whatever_was_drawn_before(graph: Graph) -> None:
    paths = scope_paths(graph)
    step = max(1, len(paths) // 3)
    states = [Folds.none(), Folds.default_for(graph), *(Folds([path]) for path in paths[::step]), Folds.none()]
    kinds: list[tuple[Direction, float]] = [("down", 1.6), ("right", 1.6), ("down", 0.4)]
    for folds in states:
        for direction, aspect in kinds:
            again = layout(graph, folds=folds, direction=direction, aspect=aspect)
            first = layout(fresh(graph), folds=folds, direction=direction, aspect=aspect)
            assert fingerprint(again) == fingerprint(first)


def test_opening_a_box_arranges_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Mock(side_effect=settle_order)
    monkeypatch.setattr(arrange, "settle_order", settle)
    graph = fresh(transformer(12))
    layout(graph, folds=Folds.none().fold(("transformer", "h.5")))
    at_first = settle.call_count
    settle.reset_mock()
    layout(graph, folds=Folds.none())
    assert 0 < settle.call_count < at_first / 2
    settle.reset_mock()
    layout(graph, folds=Folds.none())
    assert settle.call_count == 0


def test_what_is_remembered_ends_with_the_graph() -> None:
    graph = fresh(transformer(2))
    with remembered(graph, "some settings") as known:
        watched = weakref.ref(known)
    layout(graph)
    with remembered(graph, "some settings") as known:
        assert known is not watched()  # those of the layout were others
    watched = weakref.ref(known)
    del known, graph
    gc.collect()
    assert watched() is None


def test_little_is_remembered_of_large_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_BOXES", 10)
    settle = Mock(side_effect=settle_order)
    monkeypatch.setattr(arrange, "settle_order", settle)
    graph = fresh(transformer(4))
    layout(graph, folds=Folds.none())
    at_first = settle.call_count
    settle.reset_mock()
    layout(graph, folds=Folds.none())
    assert settle.call_count == at_first
