"""Blocks that are computed again in the backward pass."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)
first, second, head = nn.Linear(4, 16), nn.Linear(16, 16), nn.Linear(16, 1)
for _ in range(2):
    x = torch.randn(8, 4)
    hidden = checkpoint(lambda value: torch.tanh(first(value)), x, use_reentrant=False)
    hidden = checkpoint(lambda value: torch.tanh(second(value)), hidden, use_reentrant=True)
    loss = head(hidden).square().mean()
    for module in (first, second, head):
        module.zero_grad()
    loss.backward()
    with torch.no_grad():
        for module in (first, second, head):
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)
