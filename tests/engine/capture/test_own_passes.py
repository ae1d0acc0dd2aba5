"""Programs that run backward passes themselves: which one the trace shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine import trace
from engine.errors import TraceError


def _ops(recorded: Any) -> list[str]:
    return [node.label for node in recorded.graph.nodes if node.kind == "op"]


def test_a_step_that_returns_its_loss_is_not_propagated_twice() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(4, 3)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    before = model.weight.detach().clone()
    recorded = trace(step, values="all")
    assert model.weight.grad is not None
    weight = next(node for node in recorded.leaves() if node.name == "weight")
    np.testing.assert_array_equal(recorded.value(weight), before)
    np.testing.assert_array_equal(recorded.grad(weight), model.weight.grad)
    torch.testing.assert_close(model.weight.detach(), before - 0.1 * model.weight.grad)
    assert _ops(recorded) == ["t", "addmm", "pow", "mean"]
    assert recorded.graph.nodes[recorded.roots[0][0]].name == "loss"
    assert any("runs its backward pass itself" in note for note in recorded.notes)


@pytest.mark.parametrize("returned", ["number", "nothing", "sum"])
def test_of_several_passes_the_first_is_shown(returned: str) -> None:
    generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    noise = torch.randn(4, 2)

    def step() -> Any:
        fake = generator(noise)
        first = critic(fake.detach()).mean()
        first.backward()
        second = critic(fake).square().mean()
        second.backward()
        return {"number": first.item(), "nothing": None, "sum": first + second}[returned]

    recorded = trace(step)
    assert recorded.backward[0].node.grad_fn == "MeanBackward0"
    reached = {step.node.name for step in recorded.backward if step.node.kind == "leaf"}
    assert len(reached) == 2
    assert "pow" not in _ops(recorded)
    assert any("2 backward passes itself. The first" in note for note in recorded.notes)


def test_a_pass_over_something_else_leaves_the_result_its_own() -> None:
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)

    def run() -> Any:
        (b * 2).exp().sum().backward()
        assert b.grad is not None
        return (a * b.grad).sum()

    recorded = trace(run)
    assert [step.node.name for step in recorded.backward if step.node.kind == "leaf"] == ["a"]
    assert any("Shown is the one of its result" in note for note in recorded.notes)
    reasons = {edge.cut for edge in recorded.graph.edges}
    assert "cut: computed by a backward pass of the program without create_graph" in reasons


def test_a_kept_graph_is_not_propagated_again_by_itself() -> None:
    a = torch.ones(2, requires_grad=True)

    def run() -> Any:
        loss = (a * a).sum()
        loss.backward(retain_graph=True)
        return loss

    recorded = trace(run)
    assert a.grad is not None
    assert a.grad.tolist() == [2, 2]
    assert len(recorded.backward) == 3


def test_without_a_backward_pass_none_is_recorded() -> None:
    a = torch.ones(2, requires_grad=True)

    def run() -> Any:
        loss = (a * a).sum()
        loss.backward()
        return loss

    recorded = trace(run, backward=False)
    assert recorded.backward == []
    assert len(recorded.roots) == 1


def test_a_pass_that_fails_inside_is_the_programs_failure() -> None:
    a = torch.ones(2, requires_grad=True)

    def run() -> Any:
        loss = (a * a).sum()
        loss.backward()
        loss.backward()
        return loss

    with pytest.raises(TraceError, match="second time") as caught:
        trace(run)
    assert caught.value.trace is not None
    assert caught.value.source is not None
