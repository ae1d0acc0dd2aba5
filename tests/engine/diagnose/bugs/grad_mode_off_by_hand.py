"""Gradients were switched off for an evaluation and never on again."""

import torch

torch.manual_seed(0)
w = torch.randn(4, requires_grad=True)
x, y = torch.randn(16, 4), torch.randn(16)

torch.set_grad_enabled(False)
prediction = x @ w
loss = (prediction - y).square().mean()
loss.backward()
