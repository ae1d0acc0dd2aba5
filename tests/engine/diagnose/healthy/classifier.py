"""An ordinary classifier with a validation pass, clipping and a schedule."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
optimizer = torch.optim.AdamW(model.parameters())
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
x, label = torch.randn(64, 4), torch.randint(3, (64,))

for _ in range(3):
    loss = nn.functional.cross_entropy(model(x), label)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x).argmax(dim=1) == label).float().mean()
    model.train()
