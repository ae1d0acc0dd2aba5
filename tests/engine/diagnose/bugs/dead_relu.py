"""A large negative bias switches most of the hidden units off for good."""

import torch
from torch import nn

torch.manual_seed(0)
hidden = nn.Linear(4, 16)
nn.init.constant_(hidden.bias, -5.0)
model = nn.Sequential(hidden, nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 4), torch.randn(32, 1)

for _ in range(3):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
