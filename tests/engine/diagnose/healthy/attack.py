"""The input itself gets a gradient, and moves by it; the model is trained on the moved input."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, label = torch.randn(32, 4, requires_grad=True), torch.randint(3, (32,))

nn.functional.cross_entropy(model(x), label).backward()
assert x.grad is not None
moved = x.detach() + 0.1 * x.grad.sign()
optimizer.zero_grad()
nn.functional.cross_entropy(model(moved), label).backward()
optimizer.step()
