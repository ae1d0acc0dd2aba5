"""Quantile regression: three quantiles by the pinball loss."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters())
quantiles = torch.tensor([0.1, 0.5, 0.9])
for _ in range(2):
    x = torch.randn(64, 3)
    error = x.sum(dim=1, keepdim=True) + torch.randn(64, 1) - net(x)
    loss = torch.maximum(quantiles * error, (quantiles - 1) * error).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
