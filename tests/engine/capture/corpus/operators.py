"""Programs around single operators that are easily recorded wrong."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from .functions import apply
from .registry import Program, leaf, program


@program
def multi_output_ops() -> Program:
    a = leaf(6, 4)

    def run() -> Any:
        p, q, r = a.split(2)
        first, second = torch.unbind(q)
        values, _indices = torch.topk(r, 2, dim=1)
        largest, where = a.max(dim=0)
        return (p * 2).sum() + (first * second).sum() + values.prod() + largest.sum() + a.gather(0, where[None]).sum()

    return run


@program
def concatenation() -> Program:
    a, b = leaf(2, 3), leaf(2, 3)
    return lambda: torch.cat([a, b, a], 1).square().sum() + torch.stack([a, b]).prod(0).sum()


@program
def integer_indexing() -> Program:
    a = leaf(5, 3)

    def run() -> Any:
        order = a.sum(1).argsort()
        return (a[order[:3]] * (a[:3] > 0)).sum() + a[a.abs().argmax() // 3].sum()

    return run


@program
def half_precision() -> Program:
    a = torch.randn(4, 4, dtype=torch.bfloat16, requires_grad=True)
    return lambda: (a @ a).float().sum()


@program
def autocast() -> Program:
    layer = nn.Linear(4, 4)
    x = torch.randn(2, 4)

    def run() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return layer(x).float().sum()

    return run


@program
def complex_fft() -> Program:
    a = leaf(8)
    return lambda: torch.fft.rfft(a).abs().square().sum()


@program
def non_scalar_root() -> Program:
    a = leaf(2, 3)
    return lambda: a.exp() * 2


@program
def leaf_as_root() -> Program:
    a = torch.tensor(3.0, requires_grad=True)
    return lambda: a


@program
def value_dependent_flow() -> Program:
    a = leaf(4)

    def run() -> Any:
        x = a
        while x.norm() > 0.5:
            x = x * 0.5
        return x.sum() if x[0].item() > 0 else x.prod()

    return run


@program
def einsum() -> Program:
    a, b, c = leaf(2, 3, 4), leaf(2, 4, 5), leaf(5)
    return lambda: torch.einsum("bij,bjk,k->bi", a, b, c).square().sum()


@program
def running_sums_and_products() -> Program:
    a = leaf(3, 4)
    return lambda: (a.cumsum(0) * a.cumprod(1) + a.logcumsumexp(1) + a.cummax(0).values).sum()


@program
def ties() -> Program:
    a = torch.tensor([1.0, 2.0, 2.0, 2.0], requires_grad=True)
    b = torch.tensor([1.0, 1.0, 2.0, 3.0], requires_grad=True)

    def run() -> Any:
        limited = a.clamp(1.0, 2.0) + torch.where(a > b, a, b) + torch.maximum(a, b) + torch.minimum(a, b)
        return limited.sum() + a.max() + a.amax() + a.max(0).values + a.abs().min() + a.median() + F.relu(a - 2).sum()

    return run


@program
def sorting_and_selecting() -> Program:
    a = leaf(4, 3)

    def run() -> Any:
        ordered = a.sort(0, descending=True).values
        return (ordered * a.flip(0)).sum() + a.kthvalue(2, 0).values.sum() + a.take_along_dim(a.argsort(1), 1).prod()

    return run


@program
def strided_views() -> Program:
    a = leaf(24)

    def run() -> Any:
        windows = a.unfold(0, 4, 2)
        odd = a.as_strided((3, 2), (5, 3), 1)
        return (windows * windows.flip(1)).sum() + odd.sin().sum() + a.view(2, 3, 4).diagonal(0, 1, 2).prod()

    return run


@program
def broadcasting() -> Program:
    a, b, c = leaf(3, 1), leaf(1, 4), torch.tensor(0.5, requires_grad=True)
    return lambda: ((a + b) ** 2 * c / (b.abs() + 1)).mean() + torch.lerp(a, a * 2, c).sum()


@program
def lists_of_tensors() -> Program:
    a = leaf(6, 4)

    def run() -> Any:
        first, *rest = a.chunk(3)
        left, right = torch.tensor_split(first, 2, dim=1)
        stacked = torch.stack([left.sum(), *(part.mean() for part in rest), right.prod()])
        return torch.block_diag(stacked[None], first).square().sum() + torch.meshgrid(stacked, indexing="ij")[0].sum()

    return run


@program
def complex_numbers() -> Program:
    z = torch.randn(4, dtype=torch.complex64, requires_grad=True)

    def run() -> Any:
        w = torch.polar(z.abs(), z.angle() * 2) + z.conj() * z
        return (torch.view_as_real(w) ** 2).sum() + w.imag.sum()

    return run


@program
def spectral_convolution() -> Program:
    x, weight = leaf(2, 8), torch.randn(5, dtype=torch.complex64, requires_grad=True)
    return lambda: torch.fft.irfft(torch.fft.rfft(x) * weight, n=8).square().sum()


@program
def channels_last() -> Program:
    layer = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(2, 2, 5, 5).to(memory_format=torch.channels_last)
    return lambda: layer(x).relu().mean()


@program
def float64_and_mixed_precision() -> Program:
    a, b = torch.randn(3, dtype=torch.float64, requires_grad=True), leaf(3)
    return lambda: (a * b + b.half().float() * a.float()).sum()


@program
def empty_tensors() -> Program:
    a = leaf(0, 3)
    b = leaf(3)
    return lambda: (torch.cat([a, b[None]]) * b).sum() + a.sum()


@program
def non_finite_values() -> Program:
    a = torch.tensor([0.0, 1.0, -1.0], requires_grad=True)
    return lambda: (a.log() + a.sqrt() + 1 / a).sum()


@program
def a_long_chain() -> Program:
    a = leaf(2)

    def run() -> Any:
        x = a
        for _ in range(300):
            x = x * 1.01
        return x.sum()

    return run


@program
def one_tensor_many_consumers() -> Program:
    a = leaf(2)

    def run() -> Any:
        x = a.exp()
        return torch.stack([x * k for k in range(100)]).sum()

    return run


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @staticmethod
    def backward(_ctx: Any, *gradients: torch.Tensor) -> Any:
        return gradients[0] * 2


@program
def product_beside_a_function() -> Program:
    """The derivative of a product has another last digit under a dispatch mode, so none may be on."""
    a, b = leaf(2, 3, 4, 5), leaf(2, 3, 4, 5)

    def run() -> Any:
        doubled: Any = apply(_Doubled, a)
        return doubled.prod(-1).sum() + b.prod(-1).sum()

    return run


@program
def product_beside_a_rebased_view() -> Program:
    a = leaf(2, 3, 4, 5)

    def run() -> Any:
        buffer = torch.zeros(4, 5)
        part = buffer[:2]
        part.copy_(a[0, 0, :2])
        return part.sum() + buffer.sum() + a.prod(-1).sum()

    return run


@program
def product_in_a_checkpoint() -> Program:
    a = leaf(2, 3, 4, 5)

    def run() -> Any:
        inner: Any = checkpoint(lambda h: h.prod(-1), a, use_reentrant=False)
        return inner.sum()

    return run


@program
def triangular_factors() -> Program:
    """The permutation comes first and has no gradient."""
    a = leaf(3, 3)

    def run() -> Any:
        _, lower, upper = torch.linalg.lu(a)
        return (lower * 2).sum() + upper.sin().sum()

    return run
