"""Every drawing keeps boxes apart and lines out of boxes, is reproducible, and shows what was asked for."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from engine.errors import LayoutError
from engine.graph.drawing import Drawing, Item
from engine.graph.fold import Folds
from engine.graph.layout import METHODS, Direction, LayoutCancelledError, layout
from engine.graph.model import Edge, Graph, Node

from .builder import GraphBuilder, neuron
from .metrics import crossings, overlaps, problems, slanted, title_hits
from .models import chain, mlp, recurrent, transformer

NETWORKX = [name for name, _ in METHODS if name != "layered"]


def item_of(drawing: Drawing, graph: Graph, name: str) -> Item:
    return drawing.items[index_of(drawing, graph, name)]


def index_of(drawing: Drawing, graph: Graph, name: str) -> int:
    node = next(node.id for node in graph.nodes if node.name == name)
    return int(drawing.item_of_node[node])


def center(drawing: Drawing, index: int) -> float:
    return float(drawing.rects[index, 0] + drawing.rects[index, 2] / 2)


def same(one: Drawing, other: Drawing) -> bool:
    return (
        one.items == other.items
        and np.array_equal(one.rects, other.rects)
        and all(np.array_equal(a.points, b.points) for a, b in zip(one.links, other.links, strict=True))
    )


def test_the_neuron_is_one_straight_line_with_its_tensors_beside() -> None:
    build, loss = neuron()
    drawing = layout(build.graph())
    x, w, mul, b, z, a, y, _ = (int(k) for k in drawing.item_of_node)
    spine = [mul, z, a, int(drawing.item_of_node[loss])]
    assert len({center(drawing, k) for k in spine}) == 1
    assert sorted(spine, key=lambda k: drawing.rects[k, 1]) == spine
    assert center(drawing, x) < center(drawing, mul) < center(drawing, w)
    assert center(drawing, mul) - center(drawing, x) == center(drawing, w) - center(drawing, mul)
    for tensor, beside in ((b, mul), (y, a)):  # a tensor stands in the row above its use
        middles = drawing.rects[[tensor, beside], 1] + drawing.rects[[tensor, beside], 3] / 2
        assert middles[0] == middles[1]
    assert problems(drawing) == {}
    assert crossings(drawing) == 0


@pytest.mark.parametrize("depth", [None, 0, 1, 2, 9])
@pytest.mark.parametrize("graph", [mlp(), recurrent(), recurrent(12), transformer(1), transformer(12)])
def test_models_are_drawn_without_faults(graph: Graph, depth: int | None) -> None:
    drawing = layout(graph, folds=None if depth is None else Folds.by_depth(graph, depth))
    assert problems(drawing) == {}
    assert slanted(drawing) == []
    assert drawing.bounds[:2] == (0.0, 0.0)


@pytest.mark.parametrize("depth", [0, 1, 2, 9])
def test_models_are_drawn_without_crossings(depth: int) -> None:
    for graph in (mlp(), transformer(3)):
        assert crossings(layout(graph, folds=Folds.by_depth(graph, depth))) == 0


def test_residual_blocks_keep_their_main_line_straight() -> None:
    graph = transformer(4)
    drawing = layout(graph, folds=Folds.by_depth(graph, 2), aspect=0.1)
    spine = [node.id for node in graph.nodes if node.label == "add" and len(node.scope) == 2]
    assert len({round(center(drawing, int(drawing.item_of_node[n])), 6) for n in spine}) == 1


def test_a_folded_call_hides_its_contents_and_gathers_its_links() -> None:
    graph = transformer(2)
    drawing = layout(graph, folds=Folds.all_folded(graph))
    body = next(k for k, item in enumerate(drawing.items) if item.scope == ("transformer",))
    inside = [node.id for node in graph.nodes if node.scope[:1] == ("transformer",)]
    assert drawing.items[body].is_folded
    assert drawing.items[body].members == tuple(inside)
    assert set(drawing.item_of_node[inside]) == {body}
    # The head shares the embedding's weight: it shows as a chip beside it.
    chip = next(item for item in drawing.items if item.kind == "chip")
    assert chip.node is not None
    assert graph.nodes[chip.node].name == "wte.weight"


def test_every_visible_edge_has_exactly_one_link() -> None:
    graph = transformer(2)
    for depth in (0, 1, 2, 9):
        drawing = layout(graph, folds=Folds.by_depth(graph, depth))
        shown = sorted(index for link in drawing.links for index in link.edges)
        hidden = [
            index
            for index, edge in enumerate(graph.edges)
            if drawing.item_of_node[edge.source] == drawing.item_of_node[edge.target]
        ]
        assert sorted(shown + hidden) == list(range(len(graph.edges)))


def test_parallel_edges_are_separate_lines() -> None:
    build = GraphBuilder()
    x = build.op("sin", build.tensor("input", "x"))
    build.op("mul", x, x)
    drawing = layout(build.graph())
    first, second = (link.points for link in drawing.links[1:])
    assert first[0, 0] != second[0, 0]
    assert problems(drawing) == {}


def test_a_tensor_used_in_many_places_becomes_chips() -> None:
    graph = recurrent(8)
    drawing = layout(graph)
    assert sum(item.kind == "chip" for item in drawing.items) == 16
    assert item_of(drawing, graph, "W").kind == "chip"
    assert item_of(drawing, graph, "x0").kind == "node"
    few = recurrent(3)
    assert item_of(layout(few), few, "W").kind == "node"  # in a small graph, one box with a line to each use


def test_unfolding_reorders_nothing() -> None:
    graph = transformer(6)
    folds = Folds.default_for(graph).expand_repeats()
    opened = folds.unfold(("transformer", "h.2"))
    tall = partial(layout, graph, aspect=0.3)  # a window in which everything stays in one column
    before, after = tall(folds=folds), tall(folds=opened)
    paths = [("transformer", f"h.{k}") for k in range(6)]

    def heights(drawing: Drawing) -> list[float]:
        by_path = {item.scope: k for k, item in enumerate(drawing.items) if item.kind == "group"}
        return [float(drawing.rects[by_path[path], 1]) for path in paths]

    moved = np.array(heights(after)) - np.array(heights(before))
    assert sorted(heights(after)) == heights(after)
    assert moved[:3] == pytest.approx([moved[0]] * 3)
    assert moved[3:] == pytest.approx([moved[3]] * 3)
    assert problems(after) == {}
    assert same(tall(folds=opened.fold(("transformer", "h.2"))), before)


def test_a_collapsed_run_is_one_box_that_stands_for_all_its_calls() -> None:
    graph = transformer(12)
    drawing = layout(graph)
    (run,) = (item for item in drawing.items if item.repeats > 1)
    inside = [node.id for node in graph.nodes if node.scope[1:2] and node.scope[1].startswith("h.")]
    assert (run.repeats, run.scope, run.is_folded) == (12, ("transformer", "h.0"), True)
    assert run.members == tuple(inside)
    assert set(drawing.item_of_node[inside]) == {drawing.items.index(run)}
    assert len(drawing.items) < 20
    assert problems(drawing) == {}


def test_further_calls_of_a_module_share_its_parameters_without_a_line() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    build.enter("cell", "Cell")
    weight = build.tensor("leaf", "w")
    build.leave()
    for k in range(1, 6):
        build.enter("cell" if k == 1 else f"cell@{k}", "Cell")
        data = build.op("tanh", build.op("mm", data, weight))
        build.leave()
    build.enter("head", "Head")
    build.op("mm", data, weight)
    build.leave()
    graph = build.graph()
    folds = Folds.all_folded(graph).expand_repeats()
    drawing = layout(graph, folds=folds)
    assert [item.kind for item in drawing.items].count("chip") == 1  # beside the head, which is another module
    assert len(drawing.links) == 7
    opened = layout(graph, folds=folds.unfold(("cell",)))
    assert len([item for item in opened.items if item.kind != "group" and item.node == weight]) == 2
    assert problems(opened) == {}


def test_an_open_block_stands_between_those_before_and_after_it() -> None:
    graph = transformer(12)
    drawing = layout(graph, folds=Folds.default_for(graph).unfold_to(("transformer", "h.5")), aspect=0.3)
    named = {item.scope[1]: k for k, item in enumerate(drawing.items) if len(item.scope) == 2 and item.kind == "group"}
    assert [drawing.items[named[name]].repeats for name in ("h.0", "h.5", "h.6")] == [5, 1, 6]
    assert sorted(named, key=lambda name: drawing.rects[named[name], 1])[1:4] == ["h.0", "h.5", "h.6"]
    assert problems(drawing) == {}


def test_links_pass_the_titles_of_open_groups() -> None:
    graph = transformer(3)
    sizes = {"group": (150.0, 24.0), "node": (90.0, 24.0), "chip": (60.0, 20.0)}
    drawing = layout(graph, folds=Folds.none(), sizes=lambda item: sizes[item.kind])
    assert title_hits(drawing, 150.0) == []
    assert problems(drawing) == {}


def test_the_same_arguments_give_the_same_drawing() -> None:
    for method in ("layered", "spring", "arf", "forceatlas2", "kamada_kawai"):
        assert same(layout(recurrent(), method), layout(recurrent(), method))


def test_large_graphs_are_wrapped_to_the_window_and_small_ones_are_not() -> None:
    wide, high = layout(chain(200), aspect=1.6).bounds[2:]
    assert 1.0 < wide / high < 2.4
    wide, high = layout(chain(30), aspect=1.6).bounds[2:]
    assert 1.0 < wide / high < 2.4  # this one would be a thread in the window
    wide, high = layout(chain(10), aspect=1.6).bounds[2:]
    assert high > 4 * wide
    drawing = layout(chain(200))
    assert problems(drawing) == {}
    assert crossings(drawing) == 0


def test_data_flows_right() -> None:
    for graph in (neuron()[0].graph(), mlp(), transformer(3)):
        drawing = layout(graph, direction="right", folds=Folds.by_depth(graph, 2), aspect=20.0)
        assert problems(drawing) == {}
        assert all(link.points[0, 0] < link.points[-1, 0] for link in drawing.links)


@pytest.mark.parametrize(("direction", "axis"), [("down", 0), ("right", 1)])
def test_lines_into_a_box_and_the_ways_back_can_be_told_apart(direction: Direction, axis: int) -> None:
    graph = mlp()
    drawing = layout(graph, direction=direction, folds=Folds.none(), aspect=1.6)
    ends: dict[int, list[float]] = {}
    for link in drawing.links:
        ends.setdefault(link.target, []).append(float(link.points[-1, axis]))
    assert max(map(len, ends.values())) == 3
    for target, ports in ends.items():
        low, size = drawing.rects[target, axis], drawing.rects[target, axis + 2]
        ports.sort()
        assert all(other - one >= 13.0 for one, other in pairwise(ports))
        ways_back = [port + 9.0 * (1 if direction == "right" else -1) for port in ports]
        assert all(low < port < low + size for port in ports + ways_back)


def test_boxes_have_the_sizes_that_are_asked_for() -> None:
    def sizes(item: Item) -> tuple[float, float]:
        return (700.0, 40.0) if item.kind == "group" else (31.0, 17.0)

    drawing = layout(mlp(), sizes=sizes)
    is_group = np.array([item.kind == "group" for item in drawing.items])
    assert (drawing.rects[~is_group, 2:] == (31.0, 17.0)).all()
    assert (drawing.rects[is_group, 2] >= 700.0).all()
    assert problems(drawing) == {}


def test_nothing_one_node_and_nodes_without_edges() -> None:
    assert layout(Graph([], [])).items == []
    for count in (1, 7, 200):
        drawing = layout(Graph([Node(id=k, kind="leaf") for k in range(count)], []))
        assert len(drawing.items) == count
        assert problems(drawing) == {}


def test_cycles_and_loops_are_drawn_around_the_boxes() -> None:
    build = GraphBuilder()
    first = build.op("sin", build.tensor("leaf", "x"))
    second = build.op("cos", first)
    build.edges.append(Edge(source=second, output_nr=0, target=first, input_nr=1))
    build.edges.append(Edge(source=second, output_nr=0, target=second, input_nr=1))
    drawing = layout(build.graph())
    assert len(drawing.links) == 4
    assert problems(drawing) == {}
    assert slanted(drawing) == []


@pytest.mark.parametrize("uses", [100, 1_000])
def test_a_value_with_very_many_uses(uses: int) -> None:
    build = GraphBuilder()
    x = build.op("exp", build.tensor("leaf", "x"))
    build.op("stack", *[build.op("sin", x) for _ in range(uses)])
    drawing = layout(build.graph())
    _, _, wide, high = drawing.bounds
    assert wide < 6 * high
    assert problems(drawing) == {}


@pytest.mark.parametrize("direction", ["down", "right"])
def test_hundreds_of_parts_between_the_same_values_are_a_grid(direction: Literal["down", "right"]) -> None:
    build = GraphBuilder()
    build.enter("around")
    x = build.op("exp", build.tensor("leaf", "x"))
    build.enter("many")
    y = build.op("cos", x)
    parts = []
    for k in range(230):
        product = build.op("mul", x, build.tensor("leaf", f"w{k}"))
        parts.append(build.op("tanh", build.op("add", product, y)))
    stacked = build.op("stack", *parts)
    build.leave()
    build.leave()
    build.op("sum", stacked)
    drawing = layout(build.graph(), folds=Folds.none(), direction=direction)
    assert problems(drawing) == {}
    assert slanted(drawing) == []
    _, _, wide, high = drawing.bounds
    assert 1 / 3 < wide / high / 1.6 < 3


def test_a_leaf_with_very_many_uses_is_beside_each() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    for _ in range(2_000):
        build.op("sin", x)
    drawing = layout(build.graph())
    assert len(drawing.items) == 4_000
    assert overlaps(drawing) == []
    assert float(np.abs(np.concatenate([link.points[:1] - link.points[-1:] for link in drawing.links])).max()) < 100


def test_very_long_chains() -> None:
    drawing = layout(chain(10_000))
    assert len(drawing.links) == 10_000
    assert overlaps(drawing) == []


def test_cancelling() -> None:
    asked = 0

    def is_cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    with pytest.raises(LayoutCancelledError):
        layout(transformer(4), folds=Folds.none(), is_cancelled=is_cancelled)
    assert asked == 6


@pytest.mark.parametrize("method", NETWORKX)
def test_networkx_layouts_leave_room_for_the_boxes(method: str) -> None:
    for graph in (neuron()[0].graph(), chain(6), mlp()):
        drawing = layout(graph, method)
        found = problems(drawing)
        found.pop("through boxes", None)  # straight lines cannot avoid that
        assert found == {}
        assert drawing.method == method
        assert (drawing.item_of_node >= 0).all()
        assert all(item.parent == -1 for item in drawing.items)


def test_what_a_method_cannot_draw_is_said_in_a_sentence() -> None:
    build = GraphBuilder()
    ones = [build.op("exp", build.tensor("input")) for _ in range(3)]
    for _ in range(3):
        build.op("stack", *ones)  # K(3, 3)
    with pytest.raises(LayoutError, match=r"^Planar cannot draw this graph: .*Choose another layout\.$"):
        layout(build.graph(), "planar")
    with pytest.raises(LayoutError, match="up to 400 boxes"):
        layout(chain(500), "spring")
    with pytest.raises(LayoutError, match="no layout named 'dot'"):
        layout(build.graph(), "dot")
