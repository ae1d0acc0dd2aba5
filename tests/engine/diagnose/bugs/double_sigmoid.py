"""The network ends in a sigmoid, and the loss takes logits."""

import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
for _ in range(3):
    inputs = torch.randn(16, 4)
    loss = criterion(network(inputs).squeeze(1), (inputs.sum(1) > 0).float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
