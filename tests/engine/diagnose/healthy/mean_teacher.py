"""A student and its teacher, which is a moving average of it and runs under no_grad."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
student = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))
teacher = copy.deepcopy(student)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
for _ in range(3):
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    logits = student(x)
    with torch.no_grad():
        soft = teacher(x + 0.1 * torch.randn_like(x)).softmax(dim=1)
    loss = nn.functional.cross_entropy(logits, y) + nn.functional.mse_loss(logits.softmax(dim=1), soft)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.mul_(0.99).add_(fast, alpha=0.01)
