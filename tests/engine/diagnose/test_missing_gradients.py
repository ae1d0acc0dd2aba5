"""Findings about gradients that do not arrive: cuts, unused leaves, changed tensors, zeros; and what is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import Trace, trace
from engine.diagnose import diagnose
from engine.errors import TraceError

from .looking import kinds, leaf, only


def test_leaf_without_a_path_to_the_loss() -> None:
    used, idle = leaf(1.0), leaf(2.0)

    def run() -> torch.Tensor:
        forgotten = idle * 3  # noqa: F841 -- that it is never used is the point
        return (used * 2).sum()

    recorded = trace(run)
    finding = only(recorded, "unused-leaf")
    assert recorded.graph.nodes[finding.node_id].name == "idle"
    assert "idle" in finding.title
    assert "unused-leaf" not in kinds(trace(lambda: (used * idle).sum()))


def test_detach_that_leaves_a_leaf_without_gradient() -> None:
    w, v = leaf(2.0), leaf(3.0)

    def run() -> torch.Tensor:
        z = w * 3
        return (z.detach() * v).sum()

    finding = only(trace(run), "cut-path")
    assert finding.severity == "warning"
    assert "detach()" in finding.title
    assert "Without any gradient: w" in finding.reason
    assert "unused-leaf" not in kinds(trace(run))


def test_detach_of_one_of_two_uses_is_a_note() -> None:
    w = leaf(2.0)

    def run() -> torch.Tensor:
        z = w * 3
        return (z * z.detach()).sum()

    finding = only(trace(run), "cut-path")
    assert finding.severity == "note"
    assert "still arrives" in finding.reason


def test_no_grad_on_the_way() -> None:
    w, v = leaf(2.0), leaf(3.0)

    def run() -> torch.Tensor:
        with torch.no_grad():
            z = w * 3
        return (z * v).sum()

    assert "no_grad" in only(trace(run), "cut-path").title


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

    finding = only(trace(run, torch.randn(3, 4)), "cut-path")
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

    w = leaf(1.0, 2.0)
    assert kinds(trace(lambda: Energy.apply(w * 2))) == []  # type: ignore[no-untyped-call]  # torch leaves it untyped


def test_a_leaf_whose_gradient_came_from_another_pass_of_the_program_is_not_lost() -> None:
    w, v = leaf(2.0), leaf(3.0)

    def run() -> torch.Tensor:
        v.exp().sum().backward()
        assert v.grad is not None
        return (w * v.grad).sum()

    assert kinds(trace(run)) == []


def test_a_parameter_that_is_only_initialised_is_not_called_used() -> None:
    x = torch.randn(3, 4)

    def run() -> torch.Tensor:
        used, idle = nn.Linear(4, 1), nn.Linear(4, 2)  # noqa: F841 -- that one is never called is the point
        loss: torch.Tensor = used(x).square().mean()
        return loss

    finding = only(trace(run), "unused-leaf")
    assert finding.title == "weight and bias take no part in this step"
    assert "no operation on the way to the loss" in finding.reason


def test_a_changed_saved_tensor_names_both_operations() -> None:
    w = leaf(1.0, 2.0, 3.0)

    def run() -> torch.Tensor:
        h = w * 2
        z = h.exp()
        z[0] = 7
        return z.sum()

    with pytest.raises(TraceError) as caught:
        trace(run)
    assert caught.value.trace is not None
    finding = only(caught.value.trace, "changed-saved")
    lines = Path(__file__).read_text().splitlines()
    places = [number for number, line in enumerate(lines, 1) if line.strip() in ("z = h.exp()", "z[0] = 7")]
    for place in places[-2:]:
        assert f"{Path(__file__).name}, line {place}" in finding.title, finding.title


def test_every_gradient_zero() -> None:
    w = leaf(1.2, 2.7)
    recorded = trace(lambda: (w * 2).round().sum())
    finding = only(recorded, "zero-gradient")
    assert recorded.graph.nodes[finding.node_id].label == "round"
    assert "zero-gradient" not in kinds(trace(lambda: (w * 2).sum()))
