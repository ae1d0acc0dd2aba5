"""Q-learning: the targets come from a copy that no optimizer trains, under no_grad."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(policy)
optimizer = torch.optim.Adam(policy.parameters())

for _ in range(3):
    state, following, reward = torch.randn(32, 4), torch.randn(32, 4), torch.randn(32)
    action = torch.randint(2, (32, 1))
    with torch.no_grad():
        goal = reward + 0.9 * target(following).max(dim=1).values
    chosen = policy(state).gather(1, action).squeeze(1)
    loss = nn.functional.smooth_l1_loss(chosen, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
