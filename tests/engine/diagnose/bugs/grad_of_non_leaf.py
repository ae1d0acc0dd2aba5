"""The gradient of a hidden activation is read, and it is always None: only leaves keep theirs."""

import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")  # and so the only hint is never seen

torch.manual_seed(0)
first, second = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
x, y = torch.randn(16, 4), torch.randn(16, 1)

for _ in range(3):
    hidden = torch.tanh(first(x))
    loss = (second(hidden) - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    saliency = hidden.grad
    optimizer.step()
