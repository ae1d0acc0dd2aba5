"""The optimizer was given the body alone, so the head stays as it was."""

import torch
from torch import nn

torch.manual_seed(0)
body, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.Adam(body.parameters())
x, y = torch.randn(16, 4), torch.randn(16, 1)

for _ in range(3):
    hidden = torch.tanh(body(x))
    loss = (head(hidden) - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
