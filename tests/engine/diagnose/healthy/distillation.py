"""A student learns from a large teacher in evaluation mode."""

import torch
from torch import nn

torch.manual_seed(0)
teacher = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 3)).eval()
student = nn.Linear(4, 3)
optimizer = torch.optim.Adam(student.parameters())
for _ in range(2):
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    with torch.inference_mode():
        soft = teacher(x).div(2.0).softmax(dim=1)
    logits = student(x)
    loss = nn.functional.kl_div(logits.div(2.0).log_softmax(dim=1), soft.clone(), reduction="batchmean")
    loss = loss + nn.functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
