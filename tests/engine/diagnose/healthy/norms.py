"""A network of convolutions with every kind of normalisation."""

import torch
from torch import nn

torch.manual_seed(0)


def block(norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), norm, nn.ReLU())


norms = [nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.LayerNorm([8, 6, 6])]
norms += [nn.LocalResponseNorm(3), nn.RMSNorm([8, 6, 6])]
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), *map(block, norms), nn.Flatten(), nn.Linear(8 * 36, 3))
optimizer = torch.optim.AdamW(net.parameters())
for _ in range(2):
    loss = nn.functional.cross_entropy(net(torch.randn(8, 1, 6, 6)), torch.randint(0, 3, (8,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
