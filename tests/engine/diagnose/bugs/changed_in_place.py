"""exp() saves its result for the backward pass, and the next line changes that result in place."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(16, 4), torch.rand(16, 3)

for _ in range(3):
    scores = model(x)
    weights = scores.exp()
    weights += 1e-6
    loss = (weights / weights.sum(dim=1, keepdim=True) - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
