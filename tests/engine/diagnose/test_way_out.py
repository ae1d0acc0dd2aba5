"""Leaves that get no gradient, since their values go on as numbers; and leaves whose gradient nobody asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine import trace
from engine.diagnose import diagnose

Tensor = torch.Tensor


def _item(a: Tensor) -> float | Tensor:
    return (a * a).sum().item()


def _float(a: Tensor) -> float | Tensor:
    return float(a.exp().sum())


def _test(a: Tensor) -> float | Tensor:
    return 2.0 if a.sum() > 0 else 1.0


def _index(a: Tensor) -> float | Tensor:
    return float(torch.arange(2.0)[a.exp().argmax()])


def _numpy(a: Tensor) -> float | Tensor:
    return torch.from_numpy(np.exp(a.sin().detach().numpy()))


def _comparison(a: Tensor) -> float | Tensor:
    return (a > 1.5).float()


def _whole_numbers(a: Tensor) -> float | Tensor:
    return a.exp().long()


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True to a scalar")
@pytest.mark.parametrize(
    ("make", "title", "reason"),
    [
        (_item, "item() takes sum out", "Python number"),
        (_float, "item() takes sum out", "Python number"),
        (_test, "item() takes gt out", "the test of an if"),
        (_index, "item() takes", "Python number"),
        (_numpy, "detach() takes sin out", "numpy()"),
        (_comparison, "gt takes a out", "The result is bool"),
        (_whole_numbers, "_to_copy takes exp out", "The result is int64"),
    ],
)
def test_the_place_is_named_where_values_become_numbers(
    make: Callable[[Tensor], float | Tensor], title: str, reason: str
) -> None:
    a, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
    recorded = trace(lambda: (w * make(a)).sum())
    assert a.grad is None
    (finding,) = diagnose(recorded)
    assert (finding.kind, finding.severity) == ("cut-path", "warning")
    assert title.removeprefix("_") in finding.title
    assert reason in finding.reason
    assert f"nothing else of {recorded.leaves()[0].name} reaches the loss" in finding.reason
    assert recorded.leaves()[0].id in finding.related
    node = recorded.graph.nodes[finding.node_id]
    assert node.source is not None
    assert node.source.function == make.__name__


def test_a_number_that_is_only_looked_at_is_no_finding() -> None:
    a = torch.tensor([1.0, 2.0], requires_grad=True)

    def run() -> Tensor:
        loss = (a * a).sum()
        assert loss.item() > 0
        return loss

    assert diagnose(trace(run)) == []


def test_what_goes_through_a_list_may_be_what_the_loss_depends_on() -> None:
    a, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(3.0, requires_grad=True)
    (finding,) = diagnose(trace(lambda: w * sum(a.tanh().tolist())))
    assert finding.kind == "unused-leaf"
    assert "tolist()" in finding.reason


def test_of_what_only_a_shape_is_taken_does_not_leave_there() -> None:
    w = torch.ones(3, requires_grad=True)

    def run() -> Tensor:
        v = torch.ones(3, requires_grad=True)
        (gradient,) = torch.autograd.grad(w.exp(), w, v, create_graph=True)
        return torch.autograd.grad(gradient, v, torch.ones_like(gradient), create_graph=True)[0].sum()

    assert [finding.kind for finding in diagnose(trace(run))] == ["unused-leaf"]


def test_leaves_that_a_backward_pass_is_not_asked_for_are_no_finding() -> None:
    layer, x = nn.Linear(3, 3), torch.randn(2, 3, requires_grad=True)

    def run() -> Tensor:
        loss: Tensor = layer(x).square().sum()
        loss.backward(inputs=[layer.weight])
        return loss

    recorded = trace(run)
    assert [leaf.name for leaf in recorded.leaves() if recorded.step_of(leaf)] == ["weight"]
    assert diagnose(recorded) == []


def test_two_passes_of_a_reentrant_checkpoint_do_not_add_up_over_steps() -> None:
    layer, x = nn.Linear(3, 3), torch.randn(2, 3, requires_grad=True)

    def run() -> Tensor:
        inner: Tensor = checkpoint(lambda h: layer(h).tanh(), x, use_reentrant=True)
        result: Tensor = (inner + layer(x)).sum()
        return result

    recorded = trace(run)
    assert [step.node.name for step in recorded.backward].count("weight") == 2
    assert diagnose(recorded) == []
    assert [finding.kind for finding in diagnose(trace(run))] == ["accumulated"]


def test_weights_that_are_loaded_anew_are_not_cut_off() -> None:
    layer, state = nn.Linear(3, 3), nn.Linear(3, 3).state_dict()

    def run() -> Tensor:
        layer.load_state_dict(state)
        result: Tensor = layer(torch.ones(2, 3)).sum()
        return result

    assert diagnose(trace(run)) == []
