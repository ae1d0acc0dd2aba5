"""A straight-through estimator: rounded forwards, the identity backwards."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(8, 4), nn.Linear(4, 8)
x = torch.randn(16, 8)
for _ in range(2):
    soft = torch.sigmoid(encoder(x))
    hard = soft + (soft.round() - soft).detach()
    loss = nn.functional.mse_loss(decoder(hard), x)
    encoder.zero_grad()
    decoder.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in [*encoder.parameters(), *decoder.parameters()]:
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
