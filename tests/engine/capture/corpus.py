"""Small real programs, one for each construct that a recorder of autograd can get wrong.

Each entry builds, from seed 0, a function without arguments that returns the root.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Program = Callable[[], Any]
PROGRAMS: dict[str, Callable[[], Program]] = {}


def program(build: Callable[[], Program]) -> Callable[[], Program]:
    PROGRAMS[build.__name__] = build
    return build


def leaf(*shape: int) -> Tensor:
    return torch.randn(*shape, requires_grad=True)


@program
def neuron() -> Program:
    x, y, w, b = torch.tensor(1.1), torch.tensor(1.0), torch.tensor(2.2), torch.tensor(0.0)
    w.requires_grad_()
    b.requires_grad_()
    return lambda: F.binary_cross_entropy(torch.sigmoid(x * w + b), y)


@program
def mlp() -> Program:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(5, 6), torch.tensor([0, 2, 1, 1, 0])
    return lambda: F.cross_entropy(model(x), y)


@program
def conv_with_inplace_relu_and_batch_norm() -> Program:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 2),
    )  # fmt: skip
    x = torch.randn(2, 3, 8, 8)
    return lambda: model(x).square().mean()


@program
def inplace_ops() -> Program:
    a = leaf(4)

    def run() -> Any:
        x = a * 2
        x.add_(1)
        x.mul_(2.5).sigmoid_()
        return x.sum()

    return run


@program
def inplace_on_view() -> Program:
    a, b = leaf(4, 3), leaf(3)

    def run() -> Any:
        x = a * 2
        x[1].mul_(3)
        x[2] = b
        x[:, 0].add_(b.sum())
        return (x * x).sum()

    return run


@program
def inplace_into_buffer_of_zeros() -> Program:
    a, b = leaf(3), leaf(3)

    def run() -> Any:
        x = torch.zeros(2, 3)
        x[0] = a * 2
        x[1] = b.exp()
        return x.square().sum()

    return run


@program
def views_of_views() -> Program:
    a = leaf(2, 3, 4)
    return lambda: a.transpose(0, 1)[1].unsqueeze(0).expand(3, 2, 4).reshape(6, 4).permute(1, 0).cos().sum()


@program
def view_used_after_base_was_changed() -> Program:
    a = leaf(6)

    def run() -> Any:
        base = a * 3
        view = base.view(2, 3)
        base.mul_(2)
        return view.sin().sum()

    return run


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
def lstm_fused() -> Program:
    model = nn.LSTM(3, 4, num_layers=2, batch_first=True)
    x = torch.randn(2, 5, 3)

    def run() -> Any:
        output, (hidden, cell) = model(x)
        return output.sum() + hidden.square().sum() + cell.mean()

    return run


@program
def gru_unrolled() -> Program:
    cell = nn.GRUCell(3, 4)
    x = torch.randn(6, 2, 3)

    def run() -> Any:
        h = torch.zeros(2, 4)
        for step in x:
            h = cell(step, h)
        return h.square().sum()

    return run


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
def tied_weights() -> Program:
    embedding = nn.Embedding(7, 4)
    ids = torch.tensor([1, 3, 1])
    return lambda: F.cross_entropy(embedding(ids) @ embedding.weight.t(), ids)


@program
def shared_module() -> Program:
    layer = nn.Linear(4, 4)
    x = torch.randn(2, 4)
    return lambda: layer(torch.tanh(layer(x))).sum()


@program
def attention_by_hand() -> Program:
    q, k, v = leaf(2, 3, 4), leaf(2, 3, 4), leaf(2, 3, 4)

    def run() -> Any:
        mask = torch.tril(torch.ones(3, 3)) == 0
        scores = (q @ k.transpose(-2, -1) / 2).masked_fill(mask, float("-inf"))
        return (scores.softmax(-1) @ v).square().sum()

    return run


@program
def attention_fused() -> Program:
    q, k, v = leaf(1, 2, 3, 4), leaf(1, 2, 3, 4), leaf(1, 2, 3, 4)
    return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True).square().sum()


@program
def transformer() -> Program:
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.1, batch_first=True)
    source, target = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
    return lambda: model(source, target).square().mean()


@program
def same_tensor_twice() -> Program:
    a = leaf(3)
    return lambda: (a * a + torch.addcmul(a, a, a)).sum()


@program
def fan_out_and_detach() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 2
        c = b.detach() * b
        with torch.no_grad():
            scale = b.norm()
        return (c + b.sin() * scale + b.data).sum()

    return run


@program
def integer_indexing() -> Program:
    a = leaf(5, 3)

    def run() -> Any:
        order = a.sum(1).argsort()
        return (a[order[:3]] * (a[:3] > 0)).sum() + a[a.abs().argmax() // 3].sum()

    return run


@program
def complex_fft() -> Program:
    a = leaf(8)
    return lambda: torch.fft.rfft(a).abs().square().sum()


@program
def sparse_embedding() -> Program:
    table = nn.Embedding(10, 3, sparse=True)
    return lambda: table(torch.tensor([1, 4, 1])).square().sum()


@program
def non_scalar_root() -> Program:
    a = leaf(2, 3)
    return lambda: a.exp() * 2


@program
def leaf_as_root() -> Program:
    a = torch.tensor(3.0, requires_grad=True)
    return lambda: a


@program
def concatenation() -> Program:
    a, b = leaf(2, 3), leaf(2, 3)
    return lambda: torch.cat([a, b, a], 1).square().sum() + torch.stack([a, b]).prod(0).sum()


@program
def scatter_graph_conv() -> Program:
    x, w = leaf(4, 3), leaf(3, 2)
    sources, targets = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 2, 3, 0, 2])
    return lambda: torch.zeros(4, 2).index_add(0, targets, (x @ w)[sources]).relu().sum()


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
def double_backward() -> Program:
    a = leaf(3)

    def run() -> Any:
        y = (a**3).sum()
        (g,) = torch.autograd.grad(y, a, create_graph=True)
        return (g * g).sum()

    return run


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
def vmap() -> Program:
    a = leaf(4, 3)
    return lambda: torch.func.vmap(lambda row: (row * row).sum())(a).sum()


@program
def scripted() -> Program:
    scale = leaf(3)

    class Model(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x) * 2 + x

    model = Model()
    return lambda: model(scale).sum()


@program
def user_hooks() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 3
        b.register_hook(lambda grad: grad * 10)
        return b.sin().sum()

    return run


@program
def mixture_of_experts() -> Program:
    experts = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
    gate = nn.Linear(4, 3)
    x = torch.randn(6, 4)

    def run() -> Any:
        weights, chosen = gate(x).softmax(-1).max(-1)
        out = torch.zeros_like(x)
        for index, expert in enumerate(experts):
            rows = (chosen == index).nonzero().squeeze(-1)
            out = out.index_add(0, rows, expert(x[rows]) * weights[rows, None])
        return out.square().sum()

    return run
