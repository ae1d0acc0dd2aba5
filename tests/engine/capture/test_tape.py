"""Where tensors come from: which of its values a leaf shows that the program makes itself."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.capture.tracing import record


@pytest.mark.parametrize("keep", ["all", "step"])
def test_a_leaf_that_the_program_makes_has_the_value_that_was_read(keep: Literal["all", "step"]) -> None:
    """Its memory is met before it is initialised, and may hold anything until then."""
    first = nn.Linear(2, 3)
    initial: list[Tensor] = []

    def run() -> Tensor:
        h = first(torch.ones(1, 2))
        second = nn.Linear(3, 2)
        nn.init.constant_(second.weight, 0.5)
        second.bias.data.normal_().mul_(3.0)
        initial.append(second.bias.detach().clone())
        result: Tensor = second(h).sum()
        with torch.no_grad():
            second.bias.add_(1.0)  # after it was read: the leaf's value is the one before
        return result

    recorded = record(run, values="all", keep=keep)
    weight, bias = (next(leaf for leaf in recorded.leaves() if leaf.outputs[0].shape == s) for s in ((2, 3), (2,)))
    np.testing.assert_array_equal(np.asarray(recorded.value(weight)), np.full((2, 3), 0.5, np.float32))
    np.testing.assert_array_equal(np.asarray(recorded.value(bias)), initial[0].numpy())


def test_outputs_that_the_program_lets_go_require_a_gradient_too() -> None:
    w = torch.randn(4, 2, requires_grad=True)

    def run() -> Tensor:
        largest: Tensor = w.topk(1, dim=0)[0]
        second: Tensor = w.split([1, 3])[1]
        return second.sum() + largest.sum() + torch.var_mean(w, 0)[0].sum() + w.max(0)[0].sum()

    recorded = record(run)
    found = {node.label: [info.requires_grad for info in node.outputs] for node in recorded.graph.nodes}
    assert found["split_with_sizes"] == [True, True]
    assert found["var_mean"] == [True, True]
    assert found["max"] == found["topk"] == [True, False]
