"""A cross-entropy by hand: the logarithm of a probability that a ReLU has set to zero."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.ReLU())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(32, 4)
target = (x.sum(dim=1, keepdim=True) > 0).float()

for _ in range(3):
    probability = model(x).clamp(max=1.0)
    likelihood = target * torch.log(probability) + (1 - target) * torch.log(1 - probability)
    loss = -likelihood.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
