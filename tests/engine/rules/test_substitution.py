"""Numbers put into the rules: every line is a true statement about the recorded gradients."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from engine import Trace, trace
from engine.rules import substitute

_PLAIN = re.compile(r"^[−0-9.e ×+/()²^]+$")


def _lines(recorded: Trace, grad_fn: str) -> list[str]:
    step = next(step for step in recorded.backward if step.node.grad_fn == grad_fn)
    return substitute(recorded, step)


def _calculate(text: str) -> float:
    code = text.replace("−", "-").replace("×", "*").replace("²", "**2").replace("^", "**")
    return float(eval(code, {"__builtins__": {}}))


def _neuron(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, y: torch.Tensor) -> Any:
    z = x * w + b
    a = torch.sigmoid(z)
    return F.binary_cross_entropy(a, y)


@pytest.fixture
def neuron() -> Trace:
    numbers = (1.1, 2.2, 0.0, 1.0)
    leaves = [torch.tensor(v, requires_grad=k in (1, 2)) for k, v in enumerate(numbers)]
    return trace(_neuron, *leaves)


def test_the_neuron_by_hand(neuron: Trace) -> None:
    assert _lines(neuron, "MulBackward0") == ["−0.08166 × 1.1 = −0.08983 → w"]
    assert _lines(neuron, "SigmoidBackward0") == ["−1.089 × 0.9183 × (1 − 0.9183) = −0.08166 → z"]
    assert _lines(neuron, "AddBackward0")[1] == "−0.08166 → b"
    assert _lines(neuron, "BinaryCrossEntropyBackward0") == ["(0.9183 − 1) / (0.9183 × (1 − 0.9183)) × 1 = −1.089 → a"]
    assert _lines(neuron, "AccumulateGrad") == ["−0.08166 → b.grad"]


def test_second_backward_adds_to_what_grad_holds() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    trace(lambda: w * 2.0)
    assert _lines(trace(lambda: w * 5.0), "AccumulateGrad") == ["2 + 5 = 7 → w.grad"]


def test_every_line_of_sums_and_products_is_true() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 2)
    recorded = trace(lambda x, t: F.mse_loss(layer(x), t), torch.randn(2, 2), torch.randn(2, 2))
    checked = 0
    for step in recorded.backward:
        for line in substitute(recorded, step):
            left, equals, rest = line.partition(" = ")
            if not equals or not _PLAIN.match(left.replace("−", "")):
                continue
            result = rest.split(" → ")[0]
            assert _calculate(left) == pytest.approx(_calculate(result), rel=2e-3, abs=2e-4), line
            checked += 1
    assert checked >= 6


def test_broadcast_operand_shows_its_sum() -> None:
    b = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    recorded = trace(lambda: ((b * x) * 1.0).sum())
    step = recorded.backward[-2]
    assert step.node.grad_fn == "MulBackward0"
    assert substitute(recorded, step) == [
        "1 × 1 + 1 × 2 + 1 × 3 = 6 → b[0]",
        "1 × 10 + 1 × 20 + 1 × 30 = 60 → b[1]",
    ]


def test_large_tensors_and_missing_values_give_no_lines(neuron: Trace) -> None:
    w = torch.ones(100, requires_grad=True)
    assert _lines(trace(lambda: (w * 2).sum()), "MulBackward0") == []
    v = torch.tensor(1.0, requires_grad=True)
    bare = trace(lambda: v * 2, values="none")
    assert [substitute(bare, step) for step in bare.backward] == [[], []]


def test_arguments_that_change_the_formula_are_written() -> None:
    a = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(2.0, requires_grad=True)
    assert _lines(trace(lambda: torch.add(a, b, alpha=3)), "AddBackward0") == ["1 → a", "3 × 1 = 3 → b"]
