"""A transformer with dropout, a causal mask and padding, warmed up by a scheduler."""

import torch
from torch import nn

torch.manual_seed(0)
token, place, head = nn.Embedding(20, 16), nn.Embedding(8, 16), nn.Linear(16, 20)
model = nn.Transformer(16, 4, 2, 2, 32, dropout=0.1, batch_first=True)
parts = nn.ModuleList([token, place, head, model])
optimizer = torch.optim.AdamW(parts.parameters(), lr=1e-3)
warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
mask = nn.Transformer.generate_square_subsequent_mask(8)
for _ in range(2):
    ids = torch.randint(1, 20, (4, 8))
    padding = torch.arange(8)[None, :] >= torch.tensor([8, 7, 5, 6])[:, None]
    x = token(ids) + place(torch.arange(8))
    out = model(x, x, tgt_mask=mask, src_key_padding_mask=padding, memory_key_padding_mask=padding)
    loss = nn.functional.cross_entropy(head(out[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), label_smoothing=0.1)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    warm.step()
