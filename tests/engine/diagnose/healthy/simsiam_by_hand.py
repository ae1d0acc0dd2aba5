"""SimSiam without an optimizer: the weights are updated by hand, so nobody says what is to be trained."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, predictor = nn.Linear(8, 8), nn.Linear(8, 8)
x = torch.randn(16, 8)
for _ in range(2):
    z1, z2 = encoder(x + 0.1 * torch.randn_like(x)), encoder(x + 0.1 * torch.randn_like(x))
    loss = -nn.functional.cosine_similarity(predictor(z1), z2.detach()).mean()
    for module in (encoder, predictor):
        module.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in [*encoder.parameters(), *predictor.parameters()]:
            if parameter.grad is not None:
                parameter.sub_(0.05 * parameter.grad)
