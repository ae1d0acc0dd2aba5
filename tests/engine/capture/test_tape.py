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
