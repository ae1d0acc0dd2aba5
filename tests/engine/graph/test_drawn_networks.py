"""Drawings of real networks: no faults, few crossings, the window filled, and nothing reordered by opening a box."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from engine import Trace
from engine.graph.drawing import Drawing
from engine.graph.fold import Folds, scope_paths
from engine.graph.functions import functions_of
from engine.graph.layout import Direction, layout
from engine.graph.model import Graph

from . import graphviz, networks
from .metrics import SLACK, crossings, overlaps, problems, routes_through_boxes, shared_lines, slanted
from .models import transformer

WINDOW = 1.6
CALM = 1100.0
"""Drawings that are no higher than this are seen at once, and are not wrapped."""


class Case(NamedTuple):
    record: Callable[[], Trace]
    folds: Callable[[Graph], Folds]


def as_shown(graph: Graph) -> Folds:
    return Folds.default_for(graph)


def all_open(_: Graph) -> Folds:
    return Folds.none()


def one_block_open(graph: Graph) -> Folds:
    return Folds.default_for(graph).unfold_to(("model", "h.5"))


def apart(graph: Graph) -> Folds:
    return Folds.default_for(graph).expand_repeats()


def one_bottleneck_open(graph: Graph) -> Folds:
    return Folds.default_for(graph).unfold_to(("1", "1", "2"))


CASES = {
    "neuron": Case(networks.neuron, all_open),
    "MLP": Case(lambda: networks.perceptron(24), all_open),
    "MLP folded": Case(lambda: networks.perceptron(24), as_shown),
    "ResNet-50": Case(lambda: networks.resnet(3, 4, 6, 3), all_open),
    "ResNet-50 folded": Case(lambda: networks.resnet(3, 4, 6, 3), as_shown),
    "ResNet-50, a bottleneck open": Case(lambda: networks.resnet(3, 4, 6, 3), one_bottleneck_open),
    "GPT-2 folded": Case(lambda: networks.gpt(12), as_shown),
    "GPT-2, a block open": Case(lambda: networks.gpt(12), one_block_open),
    "GPT-2": Case(lambda: networks.gpt(12), all_open),
    "48 layers folded": Case(lambda: networks.gpt(48), as_shown),
    "48 layers, a block open": Case(lambda: networks.gpt(48), one_block_open),
    "48 layers": Case(lambda: networks.gpt(48), all_open),
    "LSTM of 80 steps folded": Case(lambda: networks.lstm(80), as_shown),
    "LSTM of 80 steps, cells apart": Case(lambda: networks.lstm(80), apart),
    "LSTM of 80 steps": Case(lambda: networks.lstm(80), all_open),
    "U-Net folded": Case(lambda: networks.unet(4), as_shown),
    "U-Net": Case(lambda: networks.unet(4), all_open),
    "encoder and decoder folded": Case(lambda: networks.encoder_decoder(3), as_shown),
    "encoder and decoder": Case(lambda: networks.encoder_decoder(3), all_open),
    "mixture of experts folded": Case(lambda: networks.experts(4), as_shown),
    "mixture of experts": Case(lambda: networks.experts(4), all_open),
    "chain with shortcuts": Case(lambda: networks.skipping(60), all_open),
    "LSTM of 6 steps": Case(lambda: networks.lstm(6), all_open),
    "10 000 nodes folded": Case(lambda: networks.gpt(235), as_shown),
    "10 000 nodes": Case(lambda: networks.gpt(235), all_open),
}


@cache
def drawn(name: str, direction: Direction = "down") -> Drawing:
    case = CASES[name]
    graph = case.record().graph
    return layout(graph, folds=case.folds(graph), direction=direction, aspect=WINDOW)


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_overlaps_and_no_line_crosses_a_box(name: str, direction: Direction) -> None:
    drawing = drawn(name, direction)
    assert drawing.links
    assert problems(drawing) == {}
    assert slanted(drawing) == []
    assert shared_lines(drawing) == []


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("name", CASES)
def test_the_window_is_filled(name: str, direction: Direction) -> None:
    assert _fills_the_window(drawn(name, direction))


def _fills_the_window(drawing: Drawing) -> bool:
    _, _, width, height = drawing.bounds
    return 1 / 3 <= width / height / WINDOW <= 3 or max(width / WINDOW, height) <= CALM


OPENED: dict[str, Callable[[], Trace]] = {
    "neuron": networks.neuron,
    "MLP": lambda: networks.perceptron(4),
    "ResNet-50": lambda: networks.resnet(3, 4, 6, 3),
    "GPT-2": lambda: networks.gpt(12),
    "48 layers": lambda: networks.gpt(48),
    "LSTM of 6 steps": lambda: networks.lstm(6),
    "LSTM of 80 steps": lambda: networks.lstm(80),
}


def states(trace: Trace) -> Iterator[Folds]:
    """What a user comes by: every depth, functions, calls open one by one and in pairs, one alone, all but one."""
    graph = trace.graph
    paths = scope_paths(graph)
    first = Folds.default_for(graph)
    yield from (first, first.expand_repeats(), Folds.none().with_functions(functions_of(graph, trace.sources)))
    yield from (Folds.by_depth(graph, depth) for depth in range(max(map(len, paths), default=0)))
    some = paths[:: max(1, len(paths) // 5)]
    for path in some:
        yield from (first.unfold_to(path), Folds.only(graph, path), Folds.all_but(path))
    for path, other in pairwise(some):
        yield first.unfold_to(path).unfold_to(other)


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("name", OPENED)
def test_the_window_is_filled_in_every_state_of_folding(name: str, direction: Direction) -> None:
    trace = OPENED[name]()
    for folds in states(trace):
        drawing = layout(trace.graph, folds=folds, direction=direction, aspect=WINDOW)
        assert _fills_the_window(drawing), (folds, drawing.bounds)
        assert problems(drawing) == {}


@pytest.mark.parametrize(("name", "aspect"), [("GPT-2", 1.4), ("48 layers", 1.6), ("48 layers", 1.8)])
def test_as_many_blocks_stand_in_each_column(name: str, aspect: float) -> None:
    """The first column has the embeddings too, and the last one the head."""
    drawing = layout(CASES[name].record().graph, folds=Folds.none(), aspect=aspect)
    is_block = [item.kind == "group" and item.scope[1:] and item.scope[-1].startswith("h.") for item in drawing.items]
    tops = [y for (_, y, _, _), is_wanted in zip(drawing.rects.tolist(), is_block, strict=True) if is_wanted]
    starts = [0, *(k for k, (one, other) in enumerate(pairwise(tops), 1) if other < one), len(tops)]
    first, *inner, last = (end - start for start, end in pairwise(starts))
    assert len(set(inner)) == 1
    assert max(first, last) <= inner[0]


def test_sixty_thousand_nodes() -> None:
    graph = transformer(1670)
    assert len(graph.nodes) > 60_000
    drawing = layout(graph, folds=Folds.none(), aspect=WINDOW)
    assert overlaps(drawing) == []
    assert routes_through_boxes(drawing) == []
    assert crossings(drawing) == 0
    _, _, width, height = drawing.bounds
    assert 1 / 3 <= width / height / WINDOW <= 3


@pytest.mark.parametrize(
    ("name", "boxes"), list({"GPT-2 folded": 12, "48 layers folded": 48, "10 000 nodes folded": 235}.items())
)
def test_repeated_blocks_are_one_box(name: str, boxes: int) -> None:
    assert [item.repeats for item in drawn(name).items if item.repeats > 1] == [boxes]
    assert len(drawn(name).items) < 25


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("folded")])
def test_opening_a_box_reorders_nothing(name: str) -> None:
    graph = CASES[name].record().graph
    folds = CASES[name].folds(graph).expand_repeats()
    before = layout(graph, folds=folds)
    folded = [item for item in before.items if item.is_folded]
    largest = sorted(folded, key=lambda item: -len(item.members))[:2]
    for opened in {item.scope for item in (folded[0], folded[len(folded) // 2], folded[-1], *largest)}:
        _expect_the_same_order(before, layout(graph, folds=folds.unfold_to(opened)))


def _expect_the_same_order(before: Drawing, after: Drawing) -> None:
    """What was above a box is above it or in a column further left; what was left of it in its row still is."""
    old, new = (
        {(item.kind, item.scope, item.node): drawing.rects[k] for k, item in enumerate(drawing.items)}
        for drawing in (before, after)
    )
    common = [key for key in old if key in new and key[0] == "group"]
    was = _relations(np.array([old[key] for key in common]))
    now = _relations(np.array([new[key] for key in common]))
    assert not (was.above & (now.above | now.left).T).any()
    assert not (was.left & was.in_one_row & now.left.T & now.in_one_row).any()


class _Relations(NamedTuple):
    """Of every pair of boxes: whether the first one is above or left of the other, whether both share a row."""

    above: npt.NDArray[np.bool_]
    left: npt.NDArray[np.bool_]
    in_one_row: npt.NDArray[np.bool_]


def _relations(rects: npt.NDArray[np.float64]) -> _Relations:
    low, high = rects[:, :2], rects[:, :2] + rects[:, 2:]
    ends_before = high[:, None, :] <= low[None, :, :] + SLACK
    is_apart = ends_before | ends_before.transpose(1, 0, 2)
    return _Relations(ends_before[..., 1] & ~is_apart[..., 0], ends_before[..., 0], ~is_apart[..., 1])


# Crossings are counted where drawn lines cross, in our drawing and in graphviz' own: in dot's curves, as it routed them
# between the same boxes with the same links. Lines that meet at a box, or that run to it together, do not cross.


@pytest.mark.skipif(graphviz.DOT is None, reason="graphviz is not installed")
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("48 layers", "10 000 nodes")])
def test_no_more_crossings_than_in_graphviz(name: str) -> None:
    drawing = drawn(name)
    assert crossings(drawing) <= graphviz.crossings(graphviz.laid_out(drawing, has_groups=True))


def test_long_networks_have_no_crossings_at_all() -> None:  # where dot takes minutes
    assert crossings(drawn("48 layers")) == 0
    assert crossings(drawn("10 000 nodes")) == 0


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize(
    "name",
    [name for name in CASES if name.endswith(("open", "apart")) or name in ("MLP", "ResNet-50", "GPT-2", "U-Net")],
)
def test_wires_around_columns_cross_nothing(name: str, direction: Direction) -> None:
    assert crossings(drawn(name, direction)) == 0


WITHOUT_GROUPS: dict[str, Callable[[], Trace]] = {
    "neuron": networks.neuron,
    "MLP": lambda: networks.perceptron(6),
    "ResNet": lambda: networks.resnet(2, 2),
    "ResNet-50": lambda: networks.resnet(3, 4, 6, 3),
    "GPT-2": lambda: networks.gpt(12),
    "U-Net": lambda: networks.unet(4),
    "mixture of experts": lambda: networks.experts(4),
    "chain with shortcuts": lambda: networks.skipping(60),
    **{f"LSTM of {steps} steps": partial(networks.lstm, steps) for steps in (*range(2, 13), 16, 20)},
}


@pytest.mark.skipif(graphviz.DOT is None, reason="graphviz is not installed")
@pytest.mark.parametrize("name", WITHOUT_GROUPS)
def test_no_more_crossings_than_in_graphviz_without_groups(name: str) -> None:
    graph = WITHOUT_GROUPS[name]().graph
    flat = Graph([msgspec.structs.replace(node, scope=()) for node in graph.nodes], graph.edges)
    drawing = layout(flat, folds=Folds.none(), aspect=0.02)  # in one column, as dot draws
    assert problems(drawing) == {}
    assert crossings(drawing) <= graphviz.crossings(graphviz.laid_out(drawing))


def test_the_cells_of_an_unrolled_network_stand_right_below_each_other() -> None:
    drawing = layout(networks.lstm(80).graph, folds=Folds.none())
    cells = [drawing.rects[k] for k, item in enumerate(drawing.items) if item.kind == "group" and item.parent < 0]
    assert len(cells) == 80
    inner = cells[1:-1]  # the first and the last one have other tensors beside them
    below = [(one, other) for one, other in pairwise(inner) if other[1] > one[1]]
    assert len(below) > 50
    for one, other in below:
        assert one[0] + one[2] / 2 == pytest.approx(other[0] + other[2] / 2)
