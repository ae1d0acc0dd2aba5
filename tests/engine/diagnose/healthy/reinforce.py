"""REINFORCE with a baseline that is a value network: both are trained by one optimizer, the advantage is detached."""

import torch
from torch import nn

torch.manual_seed(0)
policy, critic = nn.Linear(4, 2), nn.Linear(4, 1)
optimizer = torch.optim.Adam([*policy.parameters(), *critic.parameters()])
for _ in range(2):
    state, reward = torch.randn(64, 4), torch.randn(64)
    distribution = torch.distributions.Categorical(logits=policy(state))
    action = distribution.sample()
    value = critic(state).squeeze(-1)
    advantage = (reward - value).detach()
    advantage = (advantage - advantage.mean()) / advantage.std()
    loss = -(distribution.log_prob(action) * advantage).mean() - 0.01 * distribution.entropy().mean()
    loss = loss + 0.5 * nn.functional.mse_loss(value, reward)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
