"""A single neuron: one input, one weight, one bias, a sigmoid, and the loss against one label."""

import torch
import torch.nn.functional as F
from torch import Tensor


def neuron(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    z = x * w + b
    a = torch.sigmoid(z)
    L = F.binary_cross_entropy(a, y)
    return L


def example() -> tuple[object, tuple[Tensor, ...]]:
    x = torch.tensor(1.1)
    y = torch.tensor(1.0)
    w = torch.tensor(2.2, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    return neuron, (x, y, w, b)
