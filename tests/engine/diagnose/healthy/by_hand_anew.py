"""Each step makes new leaves from the old ones."""

import torch

torch.manual_seed(0)
first, second = torch.randn(4, 8, requires_grad=True), torch.randn(8, 1, requires_grad=True)
for _ in range(5):
    inputs = torch.randn(8, 4)
    loss = ((inputs @ first).tanh() @ second - inputs[:, :1]).pow(2).mean()
    loss.backward()
    assert first.grad is not None
    assert second.grad is not None
    first = (first - 0.1 * first.grad).detach().requires_grad_()
    second = (second - 0.1 * second.grad).detach().requires_grad_()
