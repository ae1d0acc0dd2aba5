"""What the tests of findings look at a trace with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from engine import Trace, trace
from engine.diagnose import Finding, diagnose


def kinds(recorded: Trace) -> list[str]:
    return [finding.kind for finding in diagnose(recorded)]


def only(recorded: Trace, kind: str) -> Finding:
    (finding,) = [finding for finding in diagnose(recorded) if finding.kind == kind]
    return finding


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def deep(activation: Callable[[], nn.Module], depth: int, gain: float) -> Trace:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(16, 16)
        nn.init.normal_(linear.weight, std=gain / 4)
        layers += [linear, activation()]
    model = nn.Sequential(*layers)
    return trace(lambda x: model(x).square().mean(), torch.randn(8, 16))
