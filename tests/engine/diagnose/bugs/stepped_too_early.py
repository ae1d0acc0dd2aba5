"""Two losses share the layer, and the optimizer changes its weight between their backward passes."""

import torch
from torch import nn

torch.manual_seed(0)
body, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
x, y = torch.randn(16, 4), torch.randn(16, 1)

hidden = torch.tanh(body(x))
output = head(hidden)
first_loss = (output - y).square().mean()
second_loss = output.abs().mean()
first_loss.backward(retain_graph=True)
optimizer.step()
second_loss.backward()
