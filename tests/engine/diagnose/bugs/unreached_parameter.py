"""An auxiliary loss is computed and then forgotten: what its head learns from never reaches the sum."""

import torch
from torch import nn

torch.manual_seed(0)
body = nn.Linear(4, 8)
head = nn.Linear(8, 1)
auxiliary = nn.Linear(8, 1)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters(), *auxiliary.parameters()], lr=0.1)
x, y = torch.randn(16, 4), torch.randn(16, 1)

for _ in range(3):
    hidden = torch.tanh(body(x))
    main_loss = (head(hidden) - y).square().mean()
    auxiliary_loss = auxiliary(hidden).square().mean()
    loss = main_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
