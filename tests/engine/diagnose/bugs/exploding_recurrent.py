"""One large matrix is applied at every step of a sequence."""

import torch
from torch import nn

torch.manual_seed(0)
recurrent = nn.Parameter(torch.randn(16, 16))
optimizer = torch.optim.SGD([recurrent], lr=0.1)
for _ in range(2):
    state = torch.randn(4, 16)
    for _ in range(25):
        state = torch.relu(state @ recurrent)
    loss = state.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
