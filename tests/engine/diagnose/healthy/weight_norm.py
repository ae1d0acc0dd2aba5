"""A network under weight normalisation and an orthogonal one, with clipped gradients."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, weight_norm

torch.manual_seed(0)
net = nn.Sequential(weight_norm(nn.Linear(4, 8)), nn.Tanh(), orthogonal(nn.Linear(8, 8)), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
x, y = torch.randn(16, 4), torch.randn(16, 1)
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
