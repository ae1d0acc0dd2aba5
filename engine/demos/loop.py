"""The training loop: a 2-4-1 net learns XOR in 1000 steps."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])

# 1. initialise the parameters
model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

for step in range(1000):
    # 2. forward: what does the net say?
    logits = model(X)
    # 3. the loss: how wrong is that?
    loss = F.binary_cross_entropy_with_logits(logits, Y)
    # 4. backward: which way does each parameter push the loss?
    optimizer.zero_grad()
    loss.backward()
    # 5. update: one small step the other way
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step:4d}  loss {loss.item():.6f}")

print(f"after 1000 steps: loss {F.binary_cross_entropy_with_logits(model(X), Y).item():.6f}")
