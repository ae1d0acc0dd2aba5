"""A frozen backbone in evaluation mode, and a head that is trained."""

import torch
from torch import nn

torch.manual_seed(0)
backbone = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
backbone.eval().requires_grad_(False)
model = nn.Sequential(backbone, nn.Linear(8, 3))
optimizer = torch.optim.Adam(filter(lambda parameter: parameter.requires_grad, model.parameters()))
for _ in range(2):
    loss = nn.functional.cross_entropy(model(torch.randn(8, 1, 8, 8)), torch.randint(0, 3, (8,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
