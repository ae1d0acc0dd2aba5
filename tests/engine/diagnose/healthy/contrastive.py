"""A contrastive loss with a temperature that is learnt, and a bank of old keys."""

import torch
from torch import nn

torch.manual_seed(0)
images, texts = nn.Linear(8, 16), nn.Linear(6, 16)
temperature = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.Adam([*images.parameters(), *texts.parameters(), temperature])
bank = torch.zeros(0, 16)
for _ in range(3):
    a = nn.functional.normalize(images(torch.randn(16, 8)), dim=1)
    b = nn.functional.normalize(texts(torch.randn(16, 6)), dim=1)
    logits = a @ torch.cat([b, bank]).T * temperature.exp().clamp(max=100)
    loss = nn.functional.cross_entropy(logits, torch.arange(16)) + nn.functional.cross_entropy(
        b @ a.T, torch.arange(16)
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    bank = torch.cat([bank, b.detach()])[-32:]
