"""Small programs for the checks; each function builds one anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Built = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def neuron() -> Built:
    w = torch.tensor(2.2, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    x = torch.tensor(1.1)

    def run(y: torch.Tensor) -> torch.Tensor:
        z = x * w + b
        return F.binary_cross_entropy(torch.sigmoid(z), y)

    return run, (torch.tensor(1.0),), {}


def classifier() -> Built:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Dropout(0.3), nn.LayerNorm(20), nn.Linear(20, 3))

    def run(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(model(x), target)

    return run, (torch.randn(4, 5), torch.randint(0, 3, (4,))), {}


class WrongSquare(torch.autograd.Function):
    """A square whose author forgot the factor 2."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return x * grads[0]


def wrong_function() -> Built:
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    def run() -> torch.Tensor:
        result: torch.Tensor = WrongSquare.apply(w * 1.5)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return result.sum()

    return run, (), {}


def at_a_kink() -> Built:
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    return (lambda: torch.relu(w * 1.0).sum()), (), {}


def complex_valued() -> Built:
    w = torch.tensor([1.0 + 2.0j], requires_grad=True)
    return (lambda: (w * w).abs().sum()), (), {}


def counting() -> Built:
    w = torch.tensor(1.0, requires_grad=True)
    calls = []

    def run() -> torch.Tensor:
        calls.append(1)
        return w * float(len(calls))

    return run, (), {}


def large() -> Built:
    torch.manual_seed(0)
    w = torch.randn(30, 20, requires_grad=True)
    return (lambda x: torch.tanh(x @ w).pow(2).mean()), (torch.randn(2, 30),), {}


def writing_in_place() -> Built:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    out = torch.zeros(4)

    def run() -> torch.Tensor:
        y = out.clone()
        y[1:3] = w * w
        y.mul_(3.0)
        return y.sum()

    return run, (), {}
