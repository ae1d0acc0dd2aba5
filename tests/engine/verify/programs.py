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


def double(grad: torch.Tensor) -> torch.Tensor:
    return grad * 2


def hooked_leaf() -> Built:
    w, v = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
    w.register_hook(double)

    def run() -> torch.Tensor:
        v.register_hook(lambda grad: grad * 3)
        return (w * v).exp().sum()

    return run, (), {}


def hooked_result() -> Built:
    w, v = torch.tensor([0.1, 0.2], requires_grad=True), torch.tensor([0.3, 0.4], requires_grad=True)

    def run() -> torch.Tensor:
        h = w.sin()
        h.register_hook(double)
        return (h * v).exp().sum()

    return run, (), {}


def hooked_module(kind: str) -> Callable[[], Built]:
    """Two layers; the second has a backward hook that only looks, or changes what it hands on or receives."""

    def build() -> Built:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
        if kind == "looks":
            model[2].register_full_backward_hook(lambda _module, _given, _arrived: None)
        elif kind == "hands on":
            model[2].register_full_backward_hook(lambda _module, given, _arrived: tuple(map(double, given)))
        else:
            model[2].register_full_backward_pre_hook(lambda _module, arrived: tuple(map(double, arrived)))
        x = torch.randn(4, 3)
        return lambda: model(x).square().sum(), (), {}

    return build


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


def complex_among_real() -> Built:
    torch.manual_seed(0)
    signal, response = torch.randn(4, requires_grad=True), torch.randn(3, dtype=torch.cfloat, requires_grad=True)
    return (lambda: (torch.fft.rfft(signal) * response).abs().pow(2).sum()), (), {}


def model_made_inside() -> Built:
    def run() -> torch.Tensor:
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        return F.cross_entropy(model(torch.randn(5, 3)), torch.tensor([0, 1, 1, 0, 1]))

    return run, (), {}


def _square(x: torch.Tensor, factor: float) -> torch.Tensor:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            (x,) = ctx.saved_tensors
            return factor * x * grads[0]

    result: torch.Tensor = Square.apply(x)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return result.sum()


def function_of_a_leaf_made_inside() -> Built:
    return (lambda: _square(torch.tensor([1.0, 2.0], requires_grad=True), 2.0)), (), {}


def wrong_function_inside() -> Built:
    return (lambda: _square(torch.tensor([1.0, 2.0], requires_grad=True), 1.0)), (), {}


def transposed_leaf() -> Built:
    w = torch.randn(4, 3).t().requires_grad_()
    return (lambda: (w * torch.arange(3.0)[:, None]).sin().sum()), (), {}


def sparse_rows() -> Built:
    def run() -> torch.Tensor:
        result: torch.Tensor = nn.Embedding(5, 3, sparse=True)(torch.tensor([1, 2, 1])).sin().sum()
        return result

    return run, (), {}


def leaf_filled_inside() -> Built:
    def run() -> torch.Tensor:
        w = torch.zeros(3, requires_grad=True)
        w.detach().add_(torch.arange(3.0))
        return (w * w).sum()

    return run, (), {}


def infinite_result() -> Built:
    return (lambda: torch.tensor([0.0, 1.0], requires_grad=True).log().sum()), (), {}


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
