"""Truncated back-propagation through time: the state is detached between the steps."""

import torch
from torch import nn

torch.manual_seed(0)
cell, head = nn.GRUCell(2, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.1)
state = torch.zeros(8, 8)

for _ in range(3):
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    state = cell(x, state.detach())
    loss = (head(state) - y).square().mean()
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
