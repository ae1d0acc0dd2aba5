"""A variational autoencoder by torch.distributions, and a policy that samples its actions."""

import torch
from torch import distributions, nn

torch.manual_seed(0)
encoder, decoder, policy = nn.Linear(8, 4), nn.Linear(2, 8), nn.Linear(2, 3)
x, reward = torch.randn(16, 8), torch.randn(16)
for _ in range(2):
    mean, spread = encoder(x).chunk(2, dim=1)
    posterior = distributions.Normal(mean, nn.functional.softplus(spread) + 1e-3)
    z = posterior.rsample()
    action = distributions.Categorical(logits=policy(z))
    chosen = action.sample()
    loss = (decoder(z) - x).square().mean() - (action.log_prob(chosen) * reward).mean()
    loss = loss + distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0)).mean()
    for module in (encoder, decoder, policy):
        module.zero_grad()
    loss.backward()
    with torch.no_grad():
        for module in (encoder, decoder, policy):
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter.sub_(0.01 * parameter.grad)
