"""Double Q-learning with a target network that is copied now and then."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(policy).requires_grad_(False)
optimizer = torch.optim.RMSprop(policy.parameters())
for step in range(3):
    state, following, reward, done = torch.randn(32, 4), torch.randn(32, 4), torch.randn(32), torch.rand(32) < 0.1
    action = torch.randint(2, (32,))
    best = policy(following).argmax(dim=1, keepdim=True)
    goal = reward + 0.9 * target(following).gather(1, best).squeeze(1) * ~done
    loss = nn.functional.huber_loss(policy(state)[torch.arange(32), action], goal.detach())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(policy.parameters(), 1.0)
    optimizer.step()
    if step % 2:
        target.load_state_dict(policy.state_dict())
