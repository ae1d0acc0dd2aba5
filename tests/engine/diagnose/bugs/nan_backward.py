"""A distance by hand: the slope of the root at zero is infinite, and the first pair of points is the same."""

import torch
from torch import nn

torch.manual_seed(0)
encoder = nn.Linear(3, 2)
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
first = torch.randn(8, 3)
second = first.clone()
second[1:] += 1.0

for _ in range(3):
    difference = encoder(first) - encoder(second)
    distance = difference.square().sum(dim=1).sqrt()
    loss = distance.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
