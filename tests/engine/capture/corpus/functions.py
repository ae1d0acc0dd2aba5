"""Programs with custom autograd Functions, checkpoints and hooks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from .registry import HOOKED, Program, leaf, program


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * 3 * x * x


def cube(x: Tensor) -> Any:
    return _Cube.apply(x)  # type: ignore[no-untyped-call]  # torch is not annotated here


@program
def custom_function() -> Program:
    a, b = leaf(3), leaf(3)
    return lambda: (cube(a * b) + cube(b)).sum()


@program
def custom_function_returning_input() -> Program:
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            return grad_outputs[0] * 2

    a = leaf(3)
    return lambda: Same.apply(a * 1).sum()  # type: ignore[no-untyped-call]  # torch is not annotated here


@program
def checkpointed() -> Program:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    x = torch.randn(2, 3, requires_grad=True)

    def run() -> Any:
        result: Tensor = checkpoint(model, x, use_reentrant=False)
        return result.sum()

    return run


@program
def user_hooks() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 3
        b.register_hook(lambda grad: grad * 10)
        return b.sin().sum()

    return run


HOOKED["user_hooks"] = {"b"}


def apply(function: Any, *args: Any) -> Any:
    """`function.apply`, which torch does not annotate."""
    return function.apply(*args)


class _SortedAndScaled(torch.autograd.Function):
    """Several outputs, one of which has no gradient, an argument that is no tensor, and a backward run only once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Any:
        values, order = x.sort()
        ctx.mark_non_differentiable(order)
        ctx.save_for_backward(order, x)
        ctx.factor = factor
        return values * factor, order, x.exp()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        order, x = ctx.saved_tensors
        return torch.zeros_like(x).scatter(0, order, grad_outputs[0] * ctx.factor) + grad_outputs[2] * x.exp(), None


@program
def custom_function_with_several_outputs() -> Program:
    a = leaf(4)

    def run() -> Any:
        values, order, powers = apply(_SortedAndScaled, a * 2, 3.0)
        return (values * powers).sum() + a[order].cumsum(0).sum()

    return run


@program
def custom_function_with_an_unused_output() -> Program:
    a = leaf(4)

    def run() -> Any:
        _, _, powers = apply(_SortedAndScaled, a * 2, 3.0)
        return powers.sum()

    return run


@program
def custom_function_in_place() -> Program:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            return grad_outputs[0] * 2

    a = leaf(3)

    def run() -> Any:
        x = a * 3
        y = apply(Double, x)
        return (x * y).sum()

    return run


@program
def custom_function_inside_another() -> Program:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            ctx.save_for_backward(x)
            return cube(cube(x))

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            (x,) = ctx.saved_tensors
            return grad_outputs[0] * 9 * x**8

    a = leaf(3)
    return lambda: apply(Twice, a * 0.5).sum()


@program
def custom_function_with_setup_context() -> Program:
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(x: Tensor, factor: Tensor) -> Tensor:
            return x * factor

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.set_materialize_grads(False)

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            x, factor = ctx.saved_tensors
            return grad_outputs[0] * factor, (grad_outputs[0] * x).sum()

    a, factor = leaf(3), torch.tensor(2.0, requires_grad=True)
    return lambda: apply(Scaled, a, factor).sigmoid().sum()


@program
def straight_through_estimator() -> Program:
    a = leaf(6)
    return lambda: ((a.round() - a).detach() + a).square().sum()


@program
def gradient_reversal() -> Program:
    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.view_as(x)

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            return -grad_outputs[0]

    features, domain = nn.Linear(3, 4), nn.Linear(4, 1)
    x = torch.randn(5, 3)

    def run() -> Any:
        h = torch.tanh(features(x))
        return domain(apply(Reverse, h)).square().mean() + h.mean()

    return run


@program
def checkpoint_in_a_model() -> Program:
    blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(3)])
    x = torch.randn(2, 4)

    def run() -> Any:
        h: Any = x
        for block in blocks:
            h = h + checkpoint(block, h, use_reentrant=False)
        return h.square().sum()

    return run


@program
def scripted() -> Program:
    source = "def gate(x, y):\n    return torch.relu(x) * 2 + torch.sigmoid(y) * x\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would like torch.compile to be used
        gate = torch.jit.CompilationUnit(source).gate
    a, b = leaf(3), leaf(3)
    return lambda: gate(a, b).sum()


@program
def saved_tensors_on_hooks() -> Program:
    a, b = leaf(3, 3), leaf(3, 3)

    def run() -> Any:
        with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
            h = a @ b
        return h.sin().sum()

    return run


@program
def retained_gradient() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 3
        b.retain_grad()
        b.mul_(2)
        return (b.sin() + b).sum()

    return run


@program
def hook_on_a_leaf() -> Program:
    a, b = leaf(3), leaf(3)
    a.register_hook(lambda grad: grad.clamp(-0.1, 0.1))
    return lambda: (a * b).exp().sum()


HOOKED["hook_on_a_leaf"] = {"a"}


@program
def hook_in_place_after_a_sum() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 2
        b.register_hook(lambda grad: grad.neg())
        return (b.sin() * b.cos()).sum()

    return run


HOOKED["hook_in_place_after_a_sum"] = {"b"}


@program
def module_with_full_backward_hook() -> Program:
    layer = nn.Linear(3, 3)
    layer.register_full_backward_hook(lambda *given: (given[1][0] * 2,))
    x = leaf(2, 3)
    return lambda: layer(x * 1).tanh().sum()


@program
def custom_function_through_numpy() -> Program:
    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.from_numpy(np.sin(x.detach().numpy()))

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            return grad_outputs[0] * ctx.saved_tensors[0].cos()

    a = leaf(3)

    def run() -> Any:
        wave = apply(Sine, a * 2)
        return (wave * 3).sum()

    return run


@program
def custom_function_that_differentiates_in_its_forward() -> Program:
    class Energy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                energy = (inner**2).sum()
                (gradient,) = torch.autograd.grad(energy, inner)
            ctx.save_for_backward(gradient)
            return energy.detach()

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            return grad_outputs[0] * ctx.saved_tensors[0]

    a = leaf(3)
    return lambda: apply(Energy, a * 2) * 3


@program
def subclass_of_tensor() -> Program:
    class Marked(Tensor):
        pass

    a = leaf(3)
    return lambda: (a.as_subclass(Marked) * 2).sum().as_subclass(Tensor)


@program
def hooks_on_autograd_nodes() -> Program:
    a = leaf(3)

    def run() -> Any:
        x = a.exp()
        assert x.grad_fn is not None
        x.grad_fn.register_prehook(lambda grads: (grads[0] * 2,))
        x.grad_fn.register_hook(lambda grads, _outputs: (grads[0] * 3,))
        y = x.sin() * x
        y.register_hook(lambda grad: grad + 1)
        return y.sum()

    return run


HOOKED["hooks_on_autograd_nodes"] = {"x", "y"}


@program
def hook_after_accumulation() -> Program:
    a = leaf(3)

    def halve(parameter: Tensor) -> None:
        assert parameter.grad is not None
        parameter.grad.mul_(0.5)

    a.register_post_accumulate_grad_hook(halve)
    return lambda: (a * a).sum()


HOOKED["hook_after_accumulation"] = {"a"}


@program
def offloaded_to_the_cpu() -> Program:
    a = leaf(3, 3)

    def run() -> Any:
        with torch.autograd.graph.save_on_cpu():
            y = (a @ a).sin()
        return y.sum()

    return run
