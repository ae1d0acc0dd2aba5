"""Stepping and drawing of what is really recorded from PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from engine import Trace, trace
from engine.graph.drawing import Drawing
from engine.graph.fold import Folds, repeated_runs
from engine.graph.layout import layout
from engine.graph.model import Graph
from engine.graph.stepper import NodeState, Stepper

from . import graphviz, networks
from .builder import neuron
from .metrics import crossings, problems


def perceptron() -> Trace:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    return trace(model, torch.randn(5, 4))


def encoder() -> Trace:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return trace(nn.TransformerEncoder(layer, 3, enable_nested_tensor=False), torch.randn(2, 5, 16))


@pytest.fixture(scope="module", params=[perceptron, encoder])
def recorded(request: pytest.FixtureRequest) -> Trace:
    torch.manual_seed(0)
    result: Trace = request.param()
    return result


def test_every_node_is_ready_just_before_its_step(recorded: Trace) -> None:
    stepper = Stepper(recorded)
    for position, step in enumerate(recorded.backward):
        stepper.move_to(position)
        assert stepper.states[step.node.id] == NodeState.READY
        assert stepper.missing(step.node.id) == 0
    stepper.move_to(stepper.length)
    assert NodeState.WAITING not in stepper.states


@pytest.mark.parametrize("depth", [0, 1, 2, 9])
def test_recorded_modules_are_drawn_without_faults_or_crossings(recorded: Trace, depth: int) -> None:
    drawing = layout(recorded.graph, folds=Folds.by_depth(recorded.graph, depth))
    assert problems(drawing) == {}
    assert crossings(drawing) == 0


def test_the_layers_of_an_encoder_repeat() -> None:
    runs = repeated_runs(encoder().graph)
    assert [("layers.0",), ("layers.1",), ("layers.2",)] in [list(run.paths) for run in runs]


WINDOW = 1.6
LARGE: dict[str, Callable[[], Trace]] = {
    "MLP of 24 layers": partial(networks.perceptron, 24),
    "ResNet-50": partial(networks.resnet, 3, 4, 6, 3),
    "GPT-2": partial(networks.gpt, 12),
    "LSTM of 80 steps": partial(networks.lstm, 80),
}


@pytest.fixture(scope="module", params=LARGE)
def large(request: pytest.FixtureRequest) -> Trace:
    return LARGE[request.param]()


def proportions(drawing: Drawing) -> float:
    """Width divided by height, in units of the window's."""
    _, _, width, height = drawing.bounds
    return width / height / WINDOW


def test_large_networks_open_as_few_boxes(large: Trace) -> None:
    drawing = layout(large.graph, aspect=WINDOW)
    assert len(drawing.items) < 180
    assert problems(drawing) == {}
    assert crossings(drawing) == 0


@pytest.mark.parametrize("direction", ["down", "right"])
def test_large_networks_fill_the_window_when_everything_is_open(
    large: Trace, direction: Literal["down", "right"]
) -> None:
    drawing = layout(large.graph, folds=Folds.none(), aspect=WINDOW, direction=direction)
    assert problems(drawing) == {}
    assert 1 / 3 < proportions(drawing) < 3


def test_opening_a_box_reorders_nothing(large: Trace) -> None:
    folds = Folds.default_for(large.graph).expand_repeats()
    before = layout(large.graph, folds=folds)
    path = max((item for item in before.items if item.is_folded), key=lambda item: len(item.members)).scope
    after = layout(large.graph, folds=folds.unfold_to(path))
    assert problems(after) == {}
    places = [
        {item.scope: drawing.rects[k] for k, item in enumerate(drawing.items) if item.is_folded}
        for drawing in (before, after)
    ]
    common = [scope for scope in places[0] if scope in places[1]]
    old, new = (np.array([place[scope] for scope in common]) for place in places)
    centers = old[:, 0] + old[:, 2] / 2
    in_one_column = np.abs(np.subtract.outer(centers, centers)) < np.add.outer(old[:, 2], old[:, 2]) / 2
    for axis, is_asked in ((0, ~in_one_column), (1, in_one_column)):
        turned = np.sign(np.subtract.outer(old[:, axis], old[:, axis]))
        turned *= np.sign(np.subtract.outer(new[:, axis], new[:, axis]))
        assert (turned[is_asked] >= 0).all()


def test_forty_eight_layers_open_as_one_box() -> None:
    drawing = layout(networks.gpt(48).graph, aspect=WINDOW)
    assert [item.repeats for item in drawing.items if item.repeats > 1] == [48]
    assert len(drawing.items) < 25
    assert problems(drawing) == {}


@pytest.mark.skipif(graphviz.DOT is None, reason="graphviz is not installed")
@pytest.mark.parametrize(
    "graph",
    [
        neuron()[0].graph(),
        networks.perceptron(6).graph,
        networks.gpt(2).graph,
        networks.resnet(2, 2).graph,
        networks.lstm(20).graph,
    ],
    ids=["neuron", "MLP", "GPT-2", "ResNet", "LSTM"],
)
def test_no_more_crossings_than_in_graphviz(graph: Graph) -> None:
    flat = Graph([msgspec.structs.replace(node, scope=()) for node in graph.nodes], graph.edges)
    drawing = layout(flat, folds=Folds.none(), aspect=0.02)  # in one column, as dot draws
    assert problems(drawing) == {}
    assert crossings(drawing) <= graphviz.crossings(graphviz.laid_out(drawing))
