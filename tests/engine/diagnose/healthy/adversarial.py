"""Two networks, each with its own optimizer; the generator's samples are detached for the discriminator."""

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2))
discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 1))
of_generator = torch.optim.Adam(generator.parameters())
of_discriminator = torch.optim.Adam(discriminator.parameters())
loss_of = nn.BCEWithLogitsLoss()

for _ in range(3):
    real, fake = torch.randn(32, 2) + 2, generator(torch.randn(32, 2))
    judged_real, judged_fake = discriminator(real), discriminator(fake.detach())
    loss = loss_of(judged_real, torch.ones(32, 1)) + loss_of(judged_fake, torch.zeros(32, 1))
    of_discriminator.zero_grad()
    loss.backward()
    of_discriminator.step()
    of_generator.zero_grad()
    loss_of(discriminator(fake), torch.ones(32, 1)).backward()
    of_generator.step()
