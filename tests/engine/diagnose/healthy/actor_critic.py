"""A policy and a value network, each with an optimizer; the advantage is detached."""

import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
of_policy, of_critic = torch.optim.Adam(policy.parameters()), torch.optim.Adam(critic.parameters())

for _ in range(3):
    state, reward = torch.randn(64, 4), torch.randn(64)
    log_probability = torch.log_softmax(policy(state), dim=1)
    action = log_probability.detach().exp().multinomial(1)
    value = critic(state).squeeze(1)
    advantage = (reward - value).detach()
    loss = -(log_probability.gather(1, action).squeeze(1) * advantage).mean()
    of_policy.zero_grad()
    loss.backward()
    of_policy.step()
    value_loss = (value - reward).square().mean()
    of_critic.zero_grad()
    value_loss.backward()
    of_critic.step()
