"""BYOL: an online network predicts what a slow copy of it says about another view."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
online = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
predictor = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
target = copy.deepcopy(online)
for parameter in target.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()])


def distance(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    return 2 - 2 * nn.functional.cosine_similarity(p, z.detach(), dim=1).mean()


for _ in range(2):
    x = torch.randn(16, 8)
    first, second = x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)
    loss = distance(predictor(online(first)), target(second)) + distance(predictor(online(second)), target(first))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
            slow.lerp_(fast, 0.01)
