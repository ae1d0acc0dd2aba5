"""The Jacobian of a small node by its rule equals torch's own."""

from __future__ import annotations

import numpy as np
import torch

from engine import trace
from engine.rules.jacobian import jacobian


def test_it_equals_torchs() -> None:
    a = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)

    def program() -> torch.Tensor:
        return torch.softmax(a @ b, dim=1).sum()

    recorded = trace(program, values="all")
    for grad_fn, function, arguments in (
        ("MmBackward0", torch.mm, (a, b)),
        ("SoftmaxBackward0", lambda x: torch.softmax(x, dim=1), (a @ b,)),
    ):
        step = next(step for step in recorded.backward if step.node.grad_fn == grad_fn)
        whole = torch.autograd.functional.jacobian(function, arguments)
        for edge, expected in zip(recorded.graph.incoming(step.node), whole, strict=True):
            found = jacobian(recorded, step, edge)
            assert found is not None
            np.testing.assert_allclose(found, expected.reshape(found.shape).numpy(), rtol=1e-12, atol=1e-12)


def test_a_large_one_is_left_out() -> None:
    a = torch.randn(100, requires_grad=True)
    recorded = trace(lambda: (a * a).sum(), values="all")
    step = next(step for step in recorded.backward if step.node.grad_fn == "MulBackward0")
    assert jacobian(recorded, step, recorded.graph.incoming(step.node)[0]) is None
