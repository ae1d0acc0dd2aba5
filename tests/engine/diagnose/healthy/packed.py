"""Sequences of different lengths, packed."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(0)
embedding, rnn, head = nn.Embedding(20, 8, padding_idx=0), nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 20)
optimizer = torch.optim.Adam([*embedding.parameters(), *rnn.parameters(), *head.parameters()])
lengths = torch.tensor([7, 5, 2])
for _ in range(2):
    ids = torch.randint(1, 20, (3, 7)) * (torch.arange(7) < lengths[:, None])
    packed = pack_padded_sequence(embedding(ids), lengths, batch_first=True)
    out = pad_packed_sequence(rnn(packed)[0], batch_first=True)[0]
    loss = nn.functional.cross_entropy(head(out).flatten(0, 1), ids.flatten(), ignore_index=0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
