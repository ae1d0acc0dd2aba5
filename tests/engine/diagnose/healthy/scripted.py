"""A scripted function and a scripted module, called often enough to be optimised."""

import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(0)


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.inner(x)) * torch.tanh(x) + x


gate, head = torch.jit.script(Gate()), nn.Linear(4, 1)
for _ in range(3):
    hidden = gate(torch.randn(8, 4))
for _ in range(2):
    hidden = gate(gate(torch.randn(8, 4)))
    loss = head(hidden).square().mean()
    loss.backward()
    with torch.no_grad():
        for parameter in [*gate.parameters(), *head.parameters()]:
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
            parameter.grad = None
