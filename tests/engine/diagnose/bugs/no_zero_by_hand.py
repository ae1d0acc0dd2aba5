"""Gradient descent by hand that never empties .grad."""

import torch

torch.manual_seed(0)
w = torch.randn(4, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x, y = torch.randn(16, 4), torch.randn(16)

for _ in range(3):
    prediction = x @ w + b
    loss = (prediction - y).square().mean()
    loss.backward()
    assert w.grad is not None
    assert b.grad is not None
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
