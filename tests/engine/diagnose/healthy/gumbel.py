"""Choices by the Gumbel softmax, hard ones too."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(8, 6), nn.Linear(6, 8)
x = torch.randn(16, 8)
for _ in range(2):
    logits = encoder(x)
    choice = nn.functional.gumbel_softmax(logits, tau=0.7, hard=True) + nn.functional.gumbel_softmax(logits)
    loss = nn.functional.mse_loss(decoder(choice), x)
    encoder.zero_grad()
    decoder.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in [*encoder.parameters(), *decoder.parameters()]:
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
