"""PPO: the old probabilities are detached, the ratio is clipped."""

import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters())
state, advantage = torch.randn(64, 4), torch.randn(64)
with torch.no_grad():
    old = torch.distributions.Categorical(logits=policy(state))
    action = old.sample()
    old_log = old.log_prob(action)
for _ in range(3):
    log = torch.distributions.Categorical(logits=policy(state)).log_prob(action)
    ratio = (log - old_log).exp()
    loss = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (old_log - log.detach()).mean() > 0.5:
        break
