"""A small net, 10-5-1: two linear layers, a ReLU, a sigmoid, and the binary cross-entropy of one sample."""

import torch
from torch import Tensor, nn


class SimpleNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(10, 5)
        self.fc2 = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.fc1(x))
        return torch.sigmoid(self.fc2(h))


def example() -> tuple[object, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    model = SimpleNet()
    criterion = nn.BCELoss()

    def loss_of(inputs: Tensor, labels: Tensor) -> Tensor:
        outputs = model(inputs)
        loss: Tensor = criterion(outputs, labels)
        return loss

    inputs = torch.randn(1, 10)
    labels = torch.ones(1, 1)
    return loss_of, (inputs, labels)
