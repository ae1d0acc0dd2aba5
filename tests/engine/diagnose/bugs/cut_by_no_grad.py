"""The encoder runs under no_grad, left over from an evaluation."""

import torch
from torch import nn

torch.manual_seed(0)
encoder = nn.Linear(4, 8)
head = nn.Linear(8, 1)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
x, y = torch.randn(16, 4), torch.randn(16, 1)

for _ in range(3):
    with torch.no_grad():
        features = torch.tanh(encoder(x))
    prediction = head(features)
    loss = (prediction - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
