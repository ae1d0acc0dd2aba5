"""Stepping and drawing of what is really recorded from PyTorch modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine import Trace, trace
from engine.graph.fold import Folds, repeated_runs
from engine.graph.layout import layout
from engine.graph.stepper import NodeState, Stepper

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
