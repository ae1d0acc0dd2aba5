"""Each finding on a real program that deserves it, and on a near relative that does not."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine import Trace, trace
from engine.diagnose import Finding, diagnose, findings_to_json, format_findings
from engine.errors import TraceError
from engine.graph.model import Graph, Node, TensorInfo


def _kinds(recorded: Trace) -> list[str]:
    return [finding.kind for finding in diagnose(recorded)]


def _only(recorded: Trace, kind: str) -> Finding:
    (finding,) = [finding for finding in diagnose(recorded) if finding.kind == kind]
    return finding


def _leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


# NaN and infinity.


def test_nan_is_traced_to_the_logarithm_that_made_it() -> None:
    w = _leaf(1.0, -1.0)

    def run() -> torch.Tensor:
        scaled = w * 2
        logs = scaled.log()
        return (logs + 1).sum()

    recorded = trace(run)
    finding = _only(recorded, "nan-forward")
    node = recorded.graph.nodes[finding.node_id]
    assert node.label == "log"
    assert finding.severity == "error"
    assert "logs (log)" in finding.title
    assert "test_diagnose.py, line" in finding.title
    assert "logarithm" in finding.reason
    assert "nan-backward" not in _kinds(recorded)
    assert diagnose(recorded)[0] == finding


def test_infinity_from_an_overflow() -> None:
    w = _leaf(100.0)
    recorded = trace(lambda: w.exp().sum())
    assert recorded.graph.nodes[_only(recorded, "nan-forward").node_id].label == "exp"
    assert "nan-forward" not in _kinds(trace(lambda: (w / 10).exp().sum()))


def test_nan_in_the_data() -> None:
    w = _leaf(1.0)
    finding = _only(trace(lambda x: (w * x).sum(), torch.tensor([float("nan")])), "nan-forward")
    assert "x holds NaN before any computation" in finding.title


def test_a_causal_mask_of_infinities_is_no_finding() -> None:
    scores = torch.randn(4, 4, requires_grad=True)

    def run() -> torch.Tensor:
        mask = torch.ones(4, 4).triu(1).bool()
        return (scores.masked_fill(mask, float("-inf")).softmax(-1) * torch.arange(4.0)).sum()

    def added() -> torch.Tensor:
        mask = torch.full((4, 4), float("-inf")).triu(1)
        return ((scores + mask).softmax(-1) * torch.arange(4.0)).sum()

    assert _kinds(trace(run)) == []
    scores.grad = None
    assert _kinds(trace(added)) == []


def test_infinite_slope_of_the_root_at_zero() -> None:
    w = _leaf(0.0, 4.0)
    recorded = trace(lambda: w.mul(1.0).sqrt().sum())
    finding = _only(recorded, "nan-backward")
    assert recorded.graph.nodes[finding.node_id].grad_fn == "SqrtBackward0"
    assert "infinite at zero" in finding.reason
    assert [recorded.graph.nodes[k].name for k in finding.related] == ["w"]
    w.grad = None
    assert _kinds(trace(lambda: (w * 1.0 + 1).sqrt().sum())) == []


def test_uninitialised_memory_is_no_finding() -> None:
    """What empty_like returns may hold anything, here by construction: a hand-made node with NaN in it."""
    info = TensorInfo(shape=(2,), dtype="float32", array=np.array([np.nan, np.inf], dtype=np.float32))
    empty = Node(id=0, kind="op", op="aten.empty_like.default", outputs=[info])
    assert _kinds(Trace(Graph([empty], []))) == []
    made = Node(id=0, kind="op", op="aten.mul.Tensor", outputs=[info])
    assert _kinds(Trace(Graph([made], []))) == ["nan-forward"]


# Gradients that do not arrive.


def test_leaf_without_a_path_to_the_loss() -> None:
    used, idle = _leaf(1.0), _leaf(2.0)

    def run() -> torch.Tensor:
        forgotten = idle * 3  # noqa: F841 -- that it is never used is the point
        return (used * 2).sum()

    recorded = trace(run)
    finding = _only(recorded, "unused-leaf")
    assert recorded.graph.nodes[finding.node_id].name == "idle"
    assert "idle" in finding.title
    assert "unused-leaf" not in _kinds(trace(lambda: (used * idle).sum()))


def test_detach_that_leaves_a_leaf_without_gradient() -> None:
    w, v = _leaf(2.0), _leaf(3.0)

    def run() -> torch.Tensor:
        z = w * 3
        return (z.detach() * v).sum()

    finding = _only(trace(run), "cut-path")
    assert finding.severity == "warning"
    assert "detach()" in finding.title
    assert "Without any gradient: w" in finding.reason
    assert "unused-leaf" not in _kinds(trace(run))


def test_detach_of_one_of_two_uses_is_a_note() -> None:
    w = _leaf(2.0)

    def run() -> torch.Tensor:
        z = w * 3
        return (z * z.detach()).sum()

    finding = _only(trace(run), "cut-path")
    assert finding.severity == "note"
    assert "still arrives" in finding.reason


def test_no_grad_on_the_way() -> None:
    w, v = _leaf(2.0), _leaf(3.0)

    def run() -> torch.Tensor:
        with torch.no_grad():
            z = w * 3
        return (z * v).sum()

    assert "no_grad" in _only(trace(run), "cut-path").title


def _embedded() -> Trace:
    table = nn.Embedding(9, 4, max_norm=1.0)
    return trace(lambda ids: table(ids).square().sum(), torch.arange(5))


def _spectral() -> Trace:
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    return trace(lambda x: layer(x).square().mean(), torch.randn(3, 4))


def _sampled_choices() -> Trace:
    policy = nn.Linear(4, 3)

    def run(x: torch.Tensor) -> torch.Tensor:
        choices = torch.distributions.Categorical(logits=policy(x))
        loss: torch.Tensor = -choices.log_prob(choices.sample()).mean()
        return loss

    return trace(run, torch.randn(3, 4))


def _stepped_inside() -> Trace:
    layer = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(layer.parameters())

    def run(x: torch.Tensor) -> torch.Tensor:
        layer(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            layer.bias.mul_(0.9)
        loss: torch.Tensor = layer(x).square().mean()
        return loss

    return trace(run, torch.randn(3, 4))


@pytest.mark.parametrize("program", [_embedded, _spectral, _sampled_choices, _stepped_inside])
def test_what_torch_itself_cuts_is_no_finding(program: Callable[[], Trace]) -> None:
    assert diagnose(program()) == []


def test_a_cut_inside_torch_that_costs_a_parameter_its_gradient_is_told() -> None:
    encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)

    def run(x: torch.Tensor) -> torch.Tensor:
        z = torch.distributions.Normal(encoder(x), 1.0).sample()
        out: torch.Tensor = decoder(z)
        return out.square().mean()

    finding = _only(trace(run, torch.randn(3, 4)), "cut-path")
    assert finding.severity == "warning"
    assert finding.title.startswith("Normal.sample() cuts")
    assert "Without any gradient: weight and bias" in finding.reason


def test_a_loss_behind_a_cut_inside_torch_says_which_function_cuts() -> None:
    encoder = nn.Linear(4, 2)
    with pytest.raises(TraceError) as caught:
        trace(lambda x: torch.distributions.Normal(encoder(x), 1.0).sample().sum(), torch.randn(3, 4))
    assert caught.value.trace is not None
    cuts = {edge.cut for edge in caught.value.trace.graph.edges}
    assert "cut inside torch: Normal.sample() runs without gradients" in cuts


def test_a_function_that_differentiates_for_itself_leaves_no_leaf_without_gradient() -> None:
    class Energy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                (slope,) = torch.autograd.grad(inner.square().sum(), inner)
            ctx.save_for_backward(slope)
            return inner.detach().square().sum()

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] * ctx.saved_tensors[0]

    w = _leaf(1.0, 2.0)
    assert _kinds(trace(lambda: Energy.apply(w * 2))) == []  # type: ignore[no-untyped-call]  # torch leaves it untyped


def test_a_leaf_whose_gradient_came_from_another_pass_of_the_program_is_not_lost() -> None:
    w, v = _leaf(2.0), _leaf(3.0)

    def run() -> torch.Tensor:
        v.exp().sum().backward()
        assert v.grad is not None
        return (w * v.grad).sum()

    assert _kinds(trace(run)) == []


def test_a_parameter_that_is_only_initialised_is_not_called_used() -> None:
    x = torch.randn(3, 4)

    def run() -> torch.Tensor:
        used, idle = nn.Linear(4, 1), nn.Linear(4, 2)  # noqa: F841 -- that one is never called is the point
        loss: torch.Tensor = used(x).square().mean()
        return loss

    finding = _only(trace(run), "unused-leaf")
    assert finding.title == "weight and bias take no part in this step"
    assert "no operation on the way to the loss" in finding.reason


def test_a_changed_saved_tensor_names_both_operations() -> None:
    w = _leaf(1.0, 2.0, 3.0)

    def run() -> torch.Tensor:
        h = w * 2
        z = h.exp()
        z[0] = 7
        return z.sum()

    with pytest.raises(TraceError) as caught:
        trace(run)
    assert caught.value.trace is not None
    finding = _only(caught.value.trace, "changed-saved")
    lines = Path(__file__).read_text().splitlines()
    places = [number for number, line in enumerate(lines, 1) if line.strip() in ("z = h.exp()", "z[0] = 7")]
    for place in places[-2:]:
        assert f"test_diagnose.py, line {place}" in finding.title, finding.title


def test_every_gradient_zero() -> None:
    w = _leaf(1.2, 2.7)
    recorded = trace(lambda: (w * 2).round().sum())
    finding = _only(recorded, "zero-gradient")
    assert recorded.graph.nodes[finding.node_id].label == "round"
    assert "zero-gradient" not in _kinds(trace(lambda: (w * 2).sum()))


# Depth.


def _deep(activation: Callable[[], nn.Module], depth: int, gain: float) -> Trace:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(16, 16)
        nn.init.normal_(linear.weight, std=gain / 4)
        layers += [linear, activation()]
    model = nn.Sequential(*layers)
    return trace(lambda x: model(x).square().mean(), torch.randn(8, 16))


def test_vanishing_through_sigmoids() -> None:
    recorded = _deep(nn.Sigmoid, 10, 1.0)
    finding = _only(recorded, "vanishing")
    assert recorded.graph.nodes[finding.node_id].name == "0.weight"
    assert "vanishing" not in _kinds(_deep(nn.Tanh, 10, 1.0))
    assert "vanishing" not in _kinds(_deep(nn.Sigmoid, 2, 1.0))


def test_exploding_with_depth() -> None:
    assert "exploding" in _kinds(_deep(nn.ReLU, 20, 3.0))
    assert "exploding" not in _kinds(_deep(nn.ReLU, 20, 1.4))


# Activations.


@pytest.mark.parametrize("bias", [-10.0, 0.0])
def test_dead_units(bias: float) -> None:
    torch.manual_seed(0)
    first = nn.Linear(4, 8)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1))
    nn.init.constant_(first.bias[:6].detach(), bias)
    recorded = trace(lambda x: model(x).square().mean(), torch.randn(32, 4))
    if bias == 0:
        assert "dead-relu" not in _kinds(recorded)
        return
    finding = _only(recorded, "dead-relu")
    assert finding.severity == "warning"
    assert finding.title.startswith("6 of 8 units")


def test_a_layer_that_is_dead_altogether_is_an_error() -> None:
    first = nn.Linear(4, 8)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(8, 1))
    nn.init.constant_(first.bias, -100.0)
    finding = _only(trace(lambda x: model(x).square().mean(), torch.randn(2, 4)), "dead-relu")
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

    assert ("saturated" in _kinds(trace(run, torch.randn(16, 4), values=values))) is is_found


def test_a_confident_classifier_is_not_saturated() -> None:
    w = torch.full((32,), 20.0, requires_grad=True)
    run = lambda: F.binary_cross_entropy(torch.sigmoid(w * 1.0), torch.ones(32))  # noqa: E731 -- a program in one line
    assert "saturated" not in _kinds(trace(run))


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
        assert _kinds(recorded) == []
        return
    finding = _only(recorded, "loss-broadcast")
    assert "(3, 1) and (3,)" in finding.title
    assert "3 × 3 pairs" in finding.reason


def test_a_bias_that_is_broadcast_is_no_finding() -> None:
    b = torch.randn(3, 1, requires_grad=True)
    assert _kinds(trace(lambda x: (torch.sigmoid(b - x) * torch.arange(9.0).view(3, 3)).sum(), torch.randn(3))) == []


def test_softmax_before_cross_entropy() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    target = torch.tensor([0, 1])
    twice = trace(lambda x: F.cross_entropy(model(x).softmax(-1), target), torch.randn(2, 4))
    assert twice.graph.nodes[_only(twice, "double-softmax").node_id].label == "softmax"
    assert _kinds(trace(lambda x: F.cross_entropy(model(x), target), torch.randn(2, 4))) == ["accumulated"]


def test_accumulation_is_found_only_where_grad_held_something() -> None:
    w = _leaf(2.0)
    assert _kinds(trace(lambda: (w * 3).sum())) == []
    finding = _only(trace(lambda: (w * 3).sum()), "accumulated")
    assert "w" in finding.title
    w.grad = torch.zeros_like(w)
    assert _kinds(trace(lambda: (w * 3).sum())) == []


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
    w = _leaf(1.0)
    assert _kinds(trace(lambda: (w * 2).sum(), values="none")) == []
    assert _kinds(trace(lambda: (w * 2).sum(), backward=False)) == []


# Reports.


def test_text_and_json() -> None:
    w = _leaf(-1.0)
    recorded = trace(lambda: w.log().sum())
    findings = diagnose(recorded)
    text = format_findings(recorded, findings)
    assert text.startswith("error: The first NaN comes from log")
    assert "Cure: " in text
    assert text.endswith("1 finding.")
    assert max(len(line) for line in text.splitlines()[1:]) <= 100
    document = json.loads(findings_to_json(recorded, findings))
    (entry,) = document["findings"]
    assert entry["kind"] == "nan-forward"
    assert entry["severity"] == "error"
    assert entry["file"].endswith("test_diagnose.py")
    assert isinstance(entry["line"], int)
    assert document["notes"] == []


def test_notes_are_no_findings_in_json() -> None:
    w = _leaf(2.0)
    recorded = trace(lambda: (w * w.detach()).sum())
    document = json.loads(findings_to_json(recorded, diagnose(recorded)))
    assert document["findings"] == []
    assert [entry["severity"] for entry in document["notes"]] == ["note"]


def test_every_finding_is_made_of_sentences() -> None:
    w = _leaf(1.0, -1.0)
    for recorded in (trace(lambda: w.log().sum()), trace(lambda: (w * 2).round().sum()), _deep(nn.Sigmoid, 10, 1.0)):
        for finding in diagnose(recorded):
            assert finding.reason.endswith(".")
            assert finding.cure.endswith(".")
            assert 0 <= finding.node_id < len(recorded.graph.nodes)
            assert all(0 <= node < len(recorded.graph.nodes) for node in finding.related)
