"""Any networkx graph through our layouts: nodes of any kind, scopes, sizes, and positions as networkx has them."""

from __future__ import annotations

import doctest
from typing import Any

import networkx as nx
import numpy as np
import pytest

from engine.errors import LayoutError
from engine.graph import layout as layout_module
from engine.graph.fold import Folds
from engine.graph.layout import METHODS, layout
from engine.graph.networkx_layout import NetworkxLayout

from .metrics import problems
from .models import mlp


def diamond() -> nx.DiGraph[str]:
    return nx.DiGraph([("top", "left"), ("top", "right"), ("left", "end"), ("right", "end")])


def test_the_example_in_the_documentation_runs() -> None:
    found = doctest.DocTestFinder().find(layout_module.layout, "layout", globs=dict(vars(layout_module)))
    examples = [test for test in found if test.examples]
    assert examples
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


def test_positions_are_a_dict_that_networkx_can_draw() -> None:
    result = layout(diamond())
    assert sorted(result.positions) == ["end", "left", "right", "top"]
    for name, position in result.positions.items():
        assert position.shape == (2,)
        assert np.allclose(position, result.boxes[name][:2] + result.boxes[name][2:] / 2)
    height = {name: position[1] for name, position in result.positions.items()}
    assert height["top"] > height["left"] == height["right"] > height["end"]
    assert nx.rescale_layout_dict(result.positions).keys() == result.positions.keys()


def test_routes_run_from_border_to_border() -> None:
    graph = diamond()
    result = layout(graph, sizes={"top": (200.0, 70.0)})
    assert set(result.routes) == set(graph.edges)
    for (source, target), points in result.routes.items():
        for name, (x, y) in ((source, points[0]), (target, points[-1])):
            left, low, width, height = result.boxes[name]
            assert left <= x <= left + width
            assert y in (low, low + height)
    assert list(result.boxes["top"][2:]) == [200.0, 70.0]


@pytest.mark.parametrize("method", [name for name, _ in METHODS])
def test_every_method_takes_networkx_graphs_without_overlaps(method: str) -> None:
    result = layout(diamond(), method, sizes=lambda name: (20.0 * len(name), 30.0))
    assert result.drawing.method == method
    assert list(result.boxes["right"][2:]) == [100.0, 30.0]
    boxes = list(result.boxes.values())
    for k, (x, y, width, height) in enumerate(boxes):
        for left, low, across, up in boxes[k + 1 :]:
            assert x + width <= left or left + across <= x or y + height <= low or low + up <= y


def test_nodes_may_be_anything_hashable_and_come_in_any_order() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    names = [("a", 1), 7, frozenset([2]), "\ud800 <b>", 2.5]
    graph.add_nodes_from(names[::-1])
    nx.add_path(graph, names)
    result = layout(graph)
    heights = [result.positions[name][1] for name in names]
    assert heights == sorted(heights, reverse=True)
    assert problems(result.drawing) == {}


def test_the_edges_of_a_multigraph_have_keys() -> None:
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph([("a", "b"), ("a", "b"), ("b", "a"), ("b", "b")])
    graph.add_edge("a", "b", key="third")
    result = layout(graph)
    assert set(result.routes) == set(graph.edges(keys=True))
    many: nx.MultiDiGraph[str] = nx.MultiDiGraph([("a", "b")] * 30)
    assert len(layout(many).routes) == 30


def test_scopes_become_boxes_around_their_nodes() -> None:
    graph = diamond()
    graph.nodes["left"]["scope"] = ("model", "branch")
    graph.nodes["right"]["scope"] = "model"
    result = layout(graph)
    assert set(result.scopes) == {("model",), ("model", "branch")}
    for name, path in (("left", ("model", "branch")), ("right", ("model",))):
        x, y, width, height = result.boxes[name]
        left, low, across, up = result.scopes[path]
        assert left < x < x + width < left + across
        assert low < y < y + height < low + up
    folded = layout(graph, folds=Folds(frozenset([("model",)])))
    assert np.array_equal(folded.positions["left"], folded.positions["right"])
    assert set(folded.routes) == set(graph.edges)


def test_our_own_graph_as_a_networkx_graph_is_every_node_once() -> None:
    graph = mlp()
    plain = graph.to_networkx()
    result = layout(plain)
    assert set(result.positions) == set(range(len(graph.nodes)))
    assert set(result.routes) == set(plain.edges(keys=True))
    assert problems(result.drawing) == {}


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_any_number_of_nodes(count: int) -> None:
    result = layout(nx.path_graph(count, create_using=nx.DiGraph))
    assert isinstance(result, NetworkxLayout)
    assert len(result.positions) == len(result.boxes) == count
    assert len(result.routes) == max(count - 1, 0)


def test_cycles_self_loops_and_undirected_graphs_are_drawn() -> None:
    for graph in (nx.cycle_graph(5, create_using=nx.DiGraph), nx.DiGraph([(0, 0)]), nx.petersen_graph()):
        result = layout(graph)
        assert set(result.routes) == set(graph.edges)
        assert problems(result.drawing) == {}


def test_the_layout_is_the_same_every_time() -> None:
    one, other = layout(diamond()), layout(diamond())
    assert all(np.array_equal(one.positions[name], other.positions[name]) for name in one.positions)


@pytest.mark.parametrize("size", [(0.0, 10.0), (float("nan"), 1.0), (1.0,), "wide", None, (float("inf"), 2.0)])
def test_a_size_that_is_none_is_told_with_its_node(size: Any) -> None:
    with pytest.raises(LayoutError, match=r"size of node 'left'.*two positive numbers"):
        layout(diamond(), sizes={"left": size})


def test_other_bad_input_is_told_in_words() -> None:
    with pytest.raises(LayoutError, match="A list cannot be laid out"):
        layout([1, 2])  # type: ignore[call-overload]  # what a caller without a type checker may give
    graph = diamond()
    graph.nodes["end"]["scope"] = 5
    with pytest.raises(LayoutError, match="scope of node 'end' is 5"):
        layout(graph)
    with pytest.raises(LayoutError, match="no layout named"):
        layout(diamond(), "nonsense")
