"""A vector-quantised autoencoder: detach() on purpose, in three places."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(8, 4), nn.Linear(4, 8)
codes = nn.Parameter(torch.randn(16, 4))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), codes])

for _ in range(3):
    x = torch.randn(32, 8)
    z = encoder(x)
    nearest = codes[torch.cdist(z, codes).argmin(dim=1)]
    passed = z + (nearest - z).detach()
    loss = (decoder(passed) - x).square().mean()
    loss = loss + (nearest - z.detach()).square().mean() + 0.25 * (z - nearest.detach()).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
