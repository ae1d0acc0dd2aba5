"""Gradient descent by hand, with .grad emptied."""

import torch

torch.manual_seed(0)
w = torch.randn(4, requires_grad=True)
x, y = torch.randn(16, 4), torch.randn(16)

for _ in range(3):
    hidden = x @ w
    hidden.retain_grad()
    loss = (hidden - y).square().mean()
    loss.backward()
    assert hidden.grad is not None
    assert w.grad is not None
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad = None
