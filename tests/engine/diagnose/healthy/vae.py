"""A variational autoencoder."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = (
    nn.Sequential(nn.Linear(8, 16), nn.ReLU()),
    nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8)),
)
to_mean, to_log_variance = nn.Linear(16, 2), nn.Linear(16, 2)
model = nn.ModuleList([encoder, decoder, to_mean, to_log_variance])
optimizer = torch.optim.Adam(model.parameters())
for _ in range(2):
    x = torch.rand(32, 8)
    hidden = encoder(x)
    mean, log_variance = to_mean(hidden), to_log_variance(hidden)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
    reconstruction = nn.functional.binary_cross_entropy_with_logits(decoder(z), x)
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).mean()
    loss = reconstruction + divergence
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
