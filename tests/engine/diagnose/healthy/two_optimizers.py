"""Two optimizers over parts of one network, stepped after one backward pass."""

import torch
from torch import nn

torch.manual_seed(0)
body, head = nn.Sequential(nn.Linear(4, 16), nn.ReLU()), nn.Linear(16, 1)
slow, fast = torch.optim.SGD(body.parameters(), lr=0.01), torch.optim.Adam(head.parameters(), lr=0.1)
for _ in range(3):
    x = torch.randn(16, 4)
    losses = (head(body(x)).squeeze(1) - x.prod(dim=1)).square()
    slow.zero_grad()
    fast.zero_grad()
    losses.sum().backward()
    slow.step()
    fast.step()
