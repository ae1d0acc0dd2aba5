"""Programs that differentiate inside: torch.func, autograd.grad, gradients of gradients."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .registry import Program, leaf, program


@program
def double_backward() -> Program:
    a = leaf(3)

    def run() -> Any:
        y = (a**3).sum()
        (g,) = torch.autograd.grad(y, a, create_graph=True)
        return (g * g).sum()

    return run


@program
def vmap() -> Program:
    a = leaf(4, 3)
    return lambda: torch.func.vmap(lambda row: (row * row).sum())(a).sum()


@program
def gradient_penalty() -> Program:
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    real, fake = torch.randn(5, 3), torch.randn(5, 3)

    def run() -> Any:
        mixed = (0.3 * real + 0.7 * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        return critic(fake).mean() - critic(real).mean() + ((gradient.norm(dim=1) - 1) ** 2).mean()

    return run


@program
def meta_learning_inner_step() -> Program:
    w, b = leaf(2, 3), leaf(2)
    x, y = torch.randn(4, 3), torch.randn(4, 2)

    def run() -> Any:
        fast = [w, b]
        for _ in range(2):
            inner = F.mse_loss(F.linear(x, *fast), y)
            gradients = torch.autograd.grad(inner, fast, create_graph=True)
            fast = [p - 0.1 * g for p, g in zip(fast, gradients, strict=True)]
        return F.mse_loss(F.linear(x + 1, *fast), y)

    return run


@program
def gradient_without_a_graph() -> Program:
    a = leaf(3)

    def run() -> Any:
        (gradient,) = torch.autograd.grad((a**3).sum(), a)
        return (gradient * a).sum()

    return run


@program
def backward_of_something_else() -> Program:
    a, b = leaf(3), leaf(3)

    def run() -> Any:
        (b.exp() * 2).sum().backward()
        assert b.grad is not None
        return (a * b.grad).sum()

    return run


@program
def hessian_vector_product() -> Program:
    a = leaf(3)
    v = torch.randn(3)

    def run() -> Any:
        (first,) = torch.autograd.grad((a**4).sum(), a, create_graph=True)
        (second,) = torch.autograd.grad((first * v).sum(), a, create_graph=True)
        return (second * second).sum()

    return run


@program
def func_grad() -> Program:
    a = leaf(3)
    return lambda: (torch.func.grad(lambda z: (z**3).sum())(a) * a).sum()


@program
def func_jacobian_and_vjp() -> Program:
    a = leaf(3)

    def run() -> Any:
        jacobian = torch.func.jacrev(lambda z: z.sin() * z.sum())(a)
        pulled: Any = torch.func.vjp(lambda z: z.exp(), a)
        value, pull_back = pulled
        return jacobian.square().sum() + (value * pull_back(torch.ones(3))[0]).sum()

    return run


@program
def per_sample_gradients() -> Program:
    w = leaf(2, 3)
    x, y = torch.randn(4, 3), torch.randn(4, 2)

    def run() -> Any:
        def loss(weight: Tensor, row: Tensor, target: Tensor) -> Tensor:
            return F.mse_loss(row @ weight.t(), target)

        gradients: Tensor = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(w, x, y)
        return gradients.square().sum()

    return run


@program
def functional_call() -> Program:
    layer = nn.Linear(3, 2)
    scale = torch.tensor(1.5, requires_grad=True)
    x = torch.randn(4, 3)

    def run() -> Any:
        scaled = {name: parameter * scale for name, parameter in layer.named_parameters()}
        result: Any = torch.func.functional_call(layer, scaled, (x,))
        return result.square().sum()

    return run


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # at its first use torch scripts a part of forward mode
    torch.func.jvp(torch.sin, (torch.ones(1),), (torch.ones(1),))


@program
def hessian() -> Program:
    a = leaf(3)

    def run() -> Any:
        curvature: Any = torch.func.hessian(lambda z: (z**3).sum() * z[0])(a)
        return curvature.sum()

    return run


@program
def forward_mode() -> Program:
    a = leaf(3)

    def run() -> Any:
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(a, torch.ones(3))
            tangent = torch.autograd.forward_ad.unpack_dual(dual.sin()).tangent
            assert tangent is not None
            return tangent.square().sum()

    return run


@program
def graph_from_before() -> Program:
    a, b = leaf(3), leaf(3)

    def run() -> Any:
        with torch.utils._python_dispatch._disable_current_modes():  # as if it had been computed earlier
            earlier = (a * 2).exp() * a
        return (earlier * b).sum()

    return run
