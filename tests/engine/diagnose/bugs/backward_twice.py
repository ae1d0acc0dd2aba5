"""backward() is called a second time on the same loss, whose saved tensors are gone."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 1)
x, y = torch.randn(16, 4), torch.randn(16, 1)

loss = (model(x) - y).square().mean()
loss.backward()
loss.backward()
