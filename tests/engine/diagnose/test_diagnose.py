"""Each finding on a real program that deserves it, and on a near relative that does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine import Trace, trace
from engine.diagnose import diagnose, format_findings
from engine.graph.model import Graph, Node, TensorInfo

from .looking import deep, kinds, leaf, only

# NaN and infinity.


def test_nan_is_traced_to_the_logarithm_that_made_it() -> None:
    w = leaf(1.0, -1.0)

    def run() -> torch.Tensor:
        scaled = w * 2
        logs = scaled.log()
        return (logs + 1).sum()

    recorded = trace(run)
    finding = only(recorded, "nan-forward")
    node = recorded.graph.nodes[finding.node_id]
    assert node.label == "log"
    assert finding.severity == "error"
    assert "logs (log)" in finding.title
    assert "test_diagnose.py, line" in finding.title
    assert "logarithm" in finding.reason
    assert "nan-backward" not in kinds(recorded)
    assert diagnose(recorded)[0] == finding


def test_infinity_from_an_overflow() -> None:
    w = leaf(100.0)
    recorded = trace(lambda: w.exp().sum())
    assert recorded.graph.nodes[only(recorded, "nan-forward").node_id].label == "exp"
    assert "nan-forward" not in kinds(trace(lambda: (w / 10).exp().sum()))


def test_nan_in_the_data() -> None:
    w = leaf(1.0)
    finding = only(trace(lambda x: (w * x).sum(), torch.tensor([float("nan")])), "nan-forward")
    assert "x holds NaN before any computation" in finding.title


def test_a_causal_mask_of_infinities_is_no_finding() -> None:
    scores = torch.randn(4, 4, requires_grad=True)

    def run() -> torch.Tensor:
        mask = torch.ones(4, 4).triu(1).bool()
        return (scores.masked_fill(mask, float("-inf")).softmax(-1) * torch.arange(4.0)).sum()

    def added() -> torch.Tensor:
        mask = torch.full((4, 4), float("-inf")).triu(1)
        return ((scores + mask).softmax(-1) * torch.arange(4.0)).sum()

    assert kinds(trace(run)) == []
    scores.grad = None
    assert kinds(trace(added)) == []


def test_infinite_slope_of_the_root_at_zero() -> None:
    w = leaf(0.0, 4.0)
    recorded = trace(lambda: w.mul(1.0).sqrt().sum())
    finding = only(recorded, "nan-backward")
    assert recorded.graph.nodes[finding.node_id].grad_fn == "SqrtBackward0"
    assert "infinite at zero" in finding.reason
    assert [recorded.graph.nodes[k].name for k in finding.related] == ["w"]
    w.grad = None
    assert kinds(trace(lambda: (w * 1.0 + 1).sqrt().sum())) == []


def test_uninitialised_memory_is_no_finding() -> None:
    """What empty_like returns may hold anything, here by construction: a hand-made node with NaN in it."""
    info = TensorInfo(shape=(2,), dtype="float32", array=np.array([np.nan, np.inf], dtype=np.float32))
    empty = Node(id=0, kind="op", op="aten.empty_like.default", outputs=[info])
    assert kinds(Trace(Graph([empty], []))) == []
    made = Node(id=0, kind="op", op="aten.mul.Tensor", outputs=[info])
    assert kinds(Trace(Graph([made], []))) == ["nan-forward"]


# Depth.


def test_vanishing_through_sigmoids() -> None:
    recorded = deep(nn.Sigmoid, 10, 1.0)
    finding = only(recorded, "vanishing")
    assert recorded.graph.nodes[finding.node_id].name == "0.weight"
    assert "vanishing" not in kinds(deep(nn.Tanh, 10, 1.0))
    assert "vanishing" not in kinds(deep(nn.Sigmoid, 2, 1.0))


def test_exploding_with_depth() -> None:
    assert "exploding" in kinds(deep(nn.ReLU, 20, 3.0))
    assert "exploding" not in kinds(deep(nn.ReLU, 20, 1.4))


# Activations.


@pytest.mark.parametrize("bias", [-10.0, 0.0])
def test_dead_units(bias: float) -> None:
    torch.manual_seed(0)
    first = nn.Linear(4, 8)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1))
    nn.init.constant_(first.bias[:6].detach(), bias)
    recorded = trace(lambda x: model(x).square().mean(), torch.randn(32, 4))
    if bias == 0:
        assert "dead-relu" not in kinds(recorded)
        return
    finding = only(recorded, "dead-relu")
    assert finding.severity == "warning"
    assert finding.title.startswith("6 of 8 units")


def test_a_layer_that_is_dead_altogether_is_an_error() -> None:
    first = nn.Linear(4, 8)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1))
    nn.init.constant_(first.bias, -100.0)
    finding = only(trace(lambda x: model(x).square().mean(), torch.randn(2, 4)), "dead-relu")
    assert finding.severity == "error"
    assert finding.title.startswith("All 8 units")


@pytest.mark.parametrize("values", ["summary", "all"])
@pytest.mark.parametrize(("scale", "is_found"), [(50.0, True), (1.0, False)])
def test_saturated_hidden_units(scale: float, is_found: bool, values: Any) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(4, 16), nn.Linear(16, 1)

    def run(x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = second(torch.tanh(first(x) * scale))
        return out.square().mean()

    assert ("saturated" in kinds(trace(run, torch.randn(16, 4), values=values))) is is_found


def test_a_confident_classifier_is_not_saturated() -> None:
    w = torch.full((32,), 20.0, requires_grad=True)
    run = lambda: F.binary_cross_entropy(torch.sigmoid(w * 1.0), torch.ones(32))  # noqa: E731 -- a program in one line
    assert "saturated" not in kinds(trace(run))


# Losses and loops.


@pytest.mark.parametrize("kind", ["mse_loss", "by hand"])
@pytest.mark.parametrize("is_wrong", [True, False])
def test_loss_of_a_column_and_a_row(kind: str, is_wrong: bool) -> None:
    model = nn.Linear(2, 1)
    target = torch.randn(3) if is_wrong else torch.randn(3, 1)

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        prediction = model(x)
        return F.mse_loss(prediction, y) if kind == "mse_loss" else ((prediction - y) ** 2).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns too, in mse_loss alone
        recorded = trace(run, torch.randn(3, 2), target)
    if not is_wrong:
        assert kinds(recorded) == []
        return
    finding = only(recorded, "loss-broadcast")
    assert "(3, 1) and (3,)" in finding.title
    assert "3 × 3 pairs" in finding.reason


def test_a_bias_that_is_broadcast_is_no_finding() -> None:
    b = torch.randn(3, 1, requires_grad=True)
    assert kinds(trace(lambda x: (torch.sigmoid(b - x) * torch.arange(9.0).view(3, 3)).sum(), torch.randn(3))) == []


def test_softmax_before_cross_entropy() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    target = torch.tensor([0, 1])
    twice = trace(lambda x: F.cross_entropy(model(x).softmax(-1), target), torch.randn(2, 4))
    assert twice.graph.nodes[only(twice, "double-softmax").node_id].label == "softmax"
    assert kinds(trace(lambda x: F.cross_entropy(model(x), target), torch.randn(2, 4))) == ["accumulated"]


def test_accumulation_is_found_only_where_grad_held_something() -> None:
    w = leaf(2.0)
    assert kinds(trace(lambda: (w * 3).sum())) == []
    finding = only(trace(lambda: (w * 3).sum()), "accumulated")
    assert "w" in finding.title
    w.grad = torch.zeros_like(w)
    assert kinds(trace(lambda: (w * 3).sum())) == []


# Healthy programs.


def _neuron() -> Trace:
    w, b = torch.tensor(2.2, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    return trace(lambda x, y: F.binary_cross_entropy(torch.sigmoid(x * w + b), y), torch.tensor(1.1), torch.tensor(1.0))


def _classifier() -> Trace:
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))
    return trace(lambda x, y: F.cross_entropy(model(x), y), torch.randn(16, 10), torch.randint(0, 4, (16,)))


def _transformer() -> Trace:
    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(20, 16)
            self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 3)
            self.head = nn.Linear(16, 20)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
            logits = self.head(self.blocks(self.token(ids), mask=mask, is_causal=True))
            return F.cross_entropy(logits.flatten(0, 1), ids.flatten())

    return trace(Language(), torch.randint(0, 20, (2, 8)))


def _images() -> Trace:
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 10)
    )
    return trace(lambda x, y: F.cross_entropy(net(x), y), torch.randn(8, 1, 14, 14), torch.randint(0, 10, (8,)))


def _recurrent() -> Trace:
    lstm, head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 1)
    return trace(lambda x, y: F.mse_loss(head(lstm(x)[0][:, -1]), y), torch.randn(4, 6, 4), torch.randn(4, 1))


@pytest.mark.parametrize("program", [_neuron, _classifier, _transformer, _images, _recurrent])
@pytest.mark.parametrize("seed", [0, 1])
def test_healthy_programs_have_no_findings(program: Callable[[], Trace], seed: int) -> None:
    torch.manual_seed(seed)
    recorded = program()
    assert diagnose(recorded) == []
    assert "nothing to complain about" in format_findings(recorded, [])


def test_traces_without_values_or_backward_are_no_obstacle() -> None:
    w = leaf(1.0)
    assert kinds(trace(lambda: (w * 2).sum(), values="none")) == []
    assert kinds(trace(lambda: (w * 2).sum(), backward=False)) == []
