"""torch.autograd.backward on two losses of one network at once, and a vector of losses by its sum."""

import torch
from torch import nn

torch.manual_seed(0)
body, left, right = nn.Linear(4, 16), nn.Linear(16, 1), nn.Linear(16, 3)
parameters = [*body.parameters(), *left.parameters(), *right.parameters()]
optimizer = torch.optim.Adam(parameters)
for _ in range(2):
    x = torch.randn(16, 4)
    hidden = torch.relu(body(x))
    first = nn.functional.mse_loss(left(hidden), x.sum(dim=1, keepdim=True))
    second = nn.functional.cross_entropy(right(hidden), torch.randint(0, 3, (16,)), reduction="none")
    optimizer.zero_grad()
    torch.autograd.backward([first, second.sum()])
    optimizer.step()
