"""A second head is built and trained, but the forward pass never calls it."""

import torch
from torch import Tensor, nn


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.mean = nn.Linear(8, 1)
        self.spread = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.body(x))
        result: Tensor = self.mean(hidden)
        return result


torch.manual_seed(0)
model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.randn(16, 4), torch.randn(16, 1)

for _ in range(3):
    prediction = model(x)
    loss = nn.functional.mse_loss(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
