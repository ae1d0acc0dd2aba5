"""Weights from a plain normal distribution: every layer makes the signal, and the gradient, larger."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(*[layer for _ in range(12) for layer in (nn.Linear(64, 64), nn.ReLU())], nn.Linear(64, 1))
for module in model:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 64), torch.randn(32, 1)

for _ in range(3):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
