"""Two recurrent networks one after the other, with a hidden state that is detached between the chunks of a sequence."""

import torch
from torch import nn

torch.manual_seed(0)
lstm, gru, head = nn.LSTM(4, 8, 2, dropout=0.1), nn.GRU(8, 8), nn.Linear(8, 1)
optimizer = torch.optim.Adam([*lstm.parameters(), *gru.parameters(), *head.parameters()])
state, memory = (torch.zeros(2, 5, 8), torch.zeros(2, 5, 8)), torch.zeros(1, 5, 8)
for _ in range(3):
    state, memory = (state[0].detach(), state[1].detach()), memory.detach()
    out, state = lstm(torch.randn(6, 5, 4), state)
    out, memory = gru(out, memory)
    loss = nn.functional.l1_loss(head(out), torch.randn(6, 5, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
