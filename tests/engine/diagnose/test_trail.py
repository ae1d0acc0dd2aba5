"""The way back from a NaN, a zero or a missing gradient ends at the operation that is to blame."""

from __future__ import annotations

import random
import warnings
from itertools import pairwise

import pytest
import torch

from engine import trace
from engine.diagnose import diagnose
from engine.diagnose.trail import trail_of, why
from engine.diagnose.trail_step import TrailStep
from engine.graph.trace import Trace

from .test_programs import FOLDER, _trace_of


def trail_of_bug(name: str) -> tuple[Trace, list[TrailStep]]:
    state = random.getstate(), torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorded = _trace_of(FOLDER / "bugs" / f"{name}.py")
    random.setstate(state[0])
    torch.set_rng_state(state[1])
    (finding,) = diagnose(recorded)
    return recorded, trail_of(recorded, finding)


def labels(recorded: Trace, steps: list[TrailStep], role: str) -> list[str]:
    return [recorded.graph.nodes[step.node_id].label for step in steps if step.role == role]


def test_a_nan_of_the_forward_pass_leads_from_the_loss_to_the_logarithm_and_what_it_was_given() -> None:
    recorded, steps = trail_of_bug("nan_forward")
    assert steps[0].node_id == recorded.roots[0][0]
    assert "loss" in steps[0].text
    assert labels(recorded, steps, "cause") == ["log"]
    (reason,) = (step for step in steps if step.role == "reason")
    assert recorded.graph.nodes[reason.node_id].name == "probability"
    assert "are 0" in reason.text
    for one, other in pairwise(steps):  # every step is an input of the one before
        assert other.node_id in {edge.source for edge in recorded.graph.incoming(one.node_id)}


def test_a_nan_of_the_backward_pass_leads_from_a_leaf_to_the_slope() -> None:
    recorded, steps = trail_of_bug("nan_backward")
    assert recorded.graph.nodes[steps[0].node_id].kind == "leaf"
    (cause,) = (step for step in steps if step.role == "cause")
    assert recorded.graph.nodes[cause.node_id].name == "distance"
    assert "infinite at zero" in cause.text
    assert "are 0" in steps[-1].text or "0" in steps[-1].text


@pytest.mark.parametrize(
    ("name", "label", "word"),
    [("cut_by_detach", "detach", "by detach()"), ("unreached_parameter", "leaf", "does not depend on")],
)
def test_a_missing_gradient_leads_to_where_it_is_lost(name: str, label: str, word: str) -> None:
    recorded, steps = trail_of_bug(name)
    assert recorded.graph.nodes[steps[0].node_id].kind == "leaf"
    assert "None" in steps[0].text
    assert labels(recorded, steps, "cause") == [label], steps
    assert word in steps[-1].text


def test_a_parameter_that_nothing_reads() -> None:
    _, steps = trail_of_bug("unused_parameter")
    assert [step.role for step in steps] == ["symptom", "cause"]
    assert "reads spread.weight" in steps[-1].text


def test_infinity_minus_infinity_leads_to_the_first_infinity() -> None:
    x = torch.tensor([1000.0], requires_grad=True)

    def loss() -> torch.Tensor:
        big = torch.exp(x)
        return (big - big).sum()

    recorded = trace(loss)
    steps = why(recorded, recorded.roots[0][0])
    assert labels(recorded, steps, "cause") == ["exp"]
    assert "NaN" in steps[0].text
    assert "overflows" in next(step for step in steps if step.role == "cause").text


def test_a_zero_gradient_leads_to_the_flat_operation() -> None:
    w = torch.tensor([-3.0, -2.0], requires_grad=True)

    def loss() -> torch.Tensor:
        hidden = torch.relu(w * 2)
        return (hidden * 5).sum()

    recorded = trace(loss)
    (leaf,) = recorded.leaves()
    steps = why(recorded, leaf.id)
    assert labels(recorded, steps, "cause") == ["relu"]
    assert "flat" in next(step for step in steps if step.role == "cause").text
    assert "zero" in steps[0].text


def test_an_input_says_that_it_asks_for_no_gradient_and_a_good_gradient_how_it_came_to_its_size() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    x = torch.tensor([3.0])
    recorded = trace(lambda given: (w * given).sum(), x)
    ids = {node.kind: node.id for node in recorded.graph.nodes}
    assert "does not require a gradient" in why(recorded, ids["input"])[-1].text
    assert "has the norm 3" in why(recorded, ids["leaf"])[0].text


def test_a_long_chain_is_walked_without_recursion() -> None:
    x = torch.tensor([float("nan")], requires_grad=True)

    def loss() -> torch.Tensor:
        result = x
        for _ in range(3000):
            result = result + 1
        return result.sum()

    recorded = trace(loss)
    steps = why(recorded, recorded.roots[0][0])
    assert recorded.graph.nodes[steps[-1].node_id].kind == "leaf"
    assert len(steps) == 3002
