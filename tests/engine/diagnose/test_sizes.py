"""The factors on a gradient's way multiply to exactly its fall or growth, and those that matter are named."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from engine import trace
from engine.diagnose.sizes import MOST_CAUSES, factors, size_trail
from engine.diagnose.trail import why

from .test_trail import labels, trail_of_bug


class Net(nn.Module):
    """Fan-ins, shared weights and operations of many kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.last = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        h = h + self.last(self.norm(h)) * 0.1
        loss: torch.Tensor = (self.last(torch.sigmoid(h)) - h).pow(2).mean()
        return loss


def test_the_product_of_all_factors_is_what_torch_says() -> None:
    torch.manual_seed(0)
    model, x = Net(), torch.randn(5, 6)
    recorded = trace(model, x, values="all")
    model.zero_grad()
    model(x).backward()
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    seen_sum = False
    for leaf in recorded.leaves():
        way = factors(recorded, leaf.id)
        grad = grads[next(name for name in grads if (leaf.name or "").endswith(name))]
        assert grad is not None
        assert math.prod(factor.size for factor in way) == pytest.approx(float(grad.norm()), rel=1e-4)
        assert way[-1].node.id == recorded.roots[0][0], "it ends at the loss, whose gradient is 1"
        seen_sum = seen_sum or any(factor.is_sum for factor in way)
    assert seen_sum, "a shared weight gets a sum"


def test_a_vanishing_gradient_names_the_sigmoids() -> None:
    recorded, steps = trail_of_bug("vanishing")
    assert recorded.graph.nodes[steps[0].node_id].kind == "leaf"
    assert "SigmoidBackward0 (12 times)" in steps[0].text
    causes = [step for step in steps if step.role == "cause"]
    assert 0 < len(causes) <= MOST_CAUSES
    assert all(step.factor is not None and step.factor < 1 for step in causes)
    assert "sigmoid" in labels(recorded, steps, "cause")
    product = math.prod(step.factor for step in steps if step.factor is not None)
    summary = recorded.grad_info(steps[0].node_id)
    assert summary is not None
    assert summary.summary is not None
    assert product == pytest.approx(summary.summary.norm, rel=1e-4)
    places = [node for step in steps for node in (step.node_id, *step.passed)]
    assert len(set(places)) >= 26, "every operation of the way belongs to a stop"


def test_an_exploding_gradient_names_what_multiplies_it() -> None:
    recorded, steps = trail_of_bug("exploding")
    assert "addmm" in labels(recorded, steps, "cause")
    (text,) = (step.text for step in steps if "AddmmBackward0 of" in step.text)
    assert "It multiplies by relu, whose norm is" in text, "a weight's gradient is multiplied by what came in"
    assert all((step.factor or 2) > 1 for step in steps if step.role == "cause")


def test_a_sum_that_cancels_out_is_a_cause() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    recorded = trace(lambda: (w * 3).sum() - (w * 2.999).sum())
    (leaf,) = recorded.leaves()
    (text,) = (step.text for step in size_trail(recorded, leaf.id) if step.role == "cause")
    assert "they cancel out" in text


def test_why_says_how_a_healthy_gradient_came_to_its_size() -> None:
    w = torch.tensor(0.5, requires_grad=True)
    recorded = trace(lambda: torch.sigmoid(w * 2) * 0.25)
    (leaf,) = recorded.leaves()
    steps = why(recorded, leaf.id)
    assert steps[0].role == "symptom"
    assert steps[-1].role == "reason"
    assert "has the norm 1" in steps[-1].text


def test_a_long_chain_takes_one_pass() -> None:
    w = torch.tensor(0.5, requires_grad=True)

    def chain() -> torch.Tensor:
        x = w
        for _ in range(3000):
            x = x * 0.999
        return x

    recorded = trace(chain)
    steps = size_trail(recorded, recorded.leaves()[0].id)
    assert len(steps) < 40
    assert math.prod(step.factor for step in steps if step.factor) == pytest.approx(0.999**3000, rel=1e-3)


def test_sizes_that_are_not_known_make_no_trail() -> None:
    w = torch.tensor([0.5, 1.0], requires_grad=True)
    recorded = trace(lambda: (w * 2).sum(), values="none")
    assert size_trail(recorded, recorded.leaves()[0].id) == []
