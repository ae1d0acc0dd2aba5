"""Embeddings whose rows are kept below a norm, by the module and by the function."""

import torch
from torch import nn

torch.manual_seed(0)
embedding, bag = nn.Embedding(20, 8, max_norm=1.0), nn.EmbeddingBag(20, 8, max_norm=1.0, mode="sum")
table, head = nn.Parameter(torch.randn(20, 8)), nn.Linear(8, 1)
ids = torch.randint(0, 20, (16,))
for _ in range(2):
    x = embedding(ids) + nn.functional.embedding(ids, table, max_norm=0.5) + bag(ids.view(16, 1))
    loss = head(x).square().mean()
    loss.backward()
    with torch.no_grad():
        for parameter in (*embedding.parameters(), *bag.parameters(), table, *head.parameters()):
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
            parameter.grad = None
