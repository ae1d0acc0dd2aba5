"""The update makes a new tensor under no_grad, which requires no gradient any more."""

import torch

torch.manual_seed(0)
weight = torch.randn(3, requires_grad=True)
for _ in range(4):
    loss = (weight - 1).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        weight = weight - 0.1 * weight.grad  # type: ignore[operator]  # None is what goes wrong
