"""Programs that change tensors in place, through views and otherwise."""

from __future__ import annotations

from typing import Any

import torch

from .registry import Program, leaf, program


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
def several_views_of_one_base_written() -> Program:
    a, b = leaf(4, 4), leaf(2)

    def run() -> Any:
        x = a.clone()
        corner = x[:2, :2]
        row = corner[0]
        row.mul_(b)
        corner.diagonal().add_(b)
        x[2:].view(-1).narrow(0, 1, 2).copy_(b)
        return (x.sin() * corner.sum()).sum() + row.prod()

    return run


@program
def augmented_assignment() -> Program:
    a, b = leaf(3), leaf(3)

    def run() -> Any:
        x = a.exp()
        y = x * 2
        y += b
        y -= x
        y = y * y.detach()
        y /= 3
        return y.sum()

    return run


@program
def output_buffers() -> Program:
    a, b = leaf(3), torch.randn(3)

    def run() -> Any:
        with torch.no_grad():
            scale = torch.empty(3)
            torch.mul(b, 2, out=scale)
        return (a * scale).sum()

    return run


@program
def index_put_accumulate() -> Program:
    a, b = leaf(4, 3), leaf(5, 3)
    rows = torch.tensor([0, 2, 2, 1, 0])

    def run() -> Any:
        x = a * 1
        x.index_put_((rows,), b, accumulate=True)
        x[rows[:2], 1] = b[:2, 0] * 2
        return x.square().sum()

    return run


@program
def masked_writes() -> Program:
    a, b = leaf(5), leaf(5)

    def run() -> Any:
        x = a + b
        x[x > 0] = 0.5
        x.masked_fill_(b > 1, 2.0)
        return (x * b.masked_scatter(a > 0, a)).sum()

    return run


@program
def batch_statistics_updated_by_hand() -> Program:
    w = leaf(3)
    running = torch.zeros(3)
    x = torch.randn(4, 3)

    def run() -> Any:
        h = x * w
        with torch.no_grad():
            running.mul_(0.9).add_(h.mean(0), alpha=0.1)
        return ((h - running) ** 2).sum()

    return run


@program
def leaf_stepped_in_between() -> Program:
    w = leaf(3)

    def run() -> Any:
        loss = (w * w).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w.sub_(0.1 * gradient)
        return w.exp().sum()

    return run


@program
def numpy_round_trip() -> Program:
    a = leaf(4)

    def run() -> Any:
        x = a * 2
        outside = torch.from_numpy(x.detach().numpy())
        count = int((outside > 0).sum().item())
        return (x * outside).sum() * (count + 1)

    return run


@program
def scatter_family() -> Program:
    a, b = leaf(3, 4), leaf(3, 4)
    index = torch.tensor([[0, 1, 2, 0], [2, 1, 0, 1], [1, 1, 2, 2]])

    def run() -> Any:
        x = torch.zeros(3, 4).scatter(0, index, a)
        y = torch.zeros(3, 4).scatter_add(1, index, b)
        z = torch.zeros(3, 4).scatter_reduce(0, index, a * b, "amax", include_self=False)
        return (x * y + z).sum()

    return run


@program
def unshared_and_reset_data() -> Program:
    w = leaf(3)

    def run() -> Any:
        w.data = w.data * 0.5
        x = w * 2
        x.detach_()
        table = torch.zeros(2).resize_(3).fill_(1.5)
        return (w * x * table).sum()

    return run


@program
def several_tensors_at_once() -> Program:
    a, b = leaf(3), leaf(2)

    def run() -> Any:
        first, second = torch._foreach_mul([a, b], 2.0)
        return first.sum() + second.exp().sum()

    return run


@program
def embedding_renormalised_in_place() -> Program:
    table = torch.nn.Embedding(5, 3, max_norm=1.0)
    return lambda: table(torch.tensor([1, 2, 1])).square().sum()


@program
def base_changed_between_two_views() -> Program:
    a = leaf(4, 3)

    def run() -> Any:
        x = a * 2
        x[0].fill_(100)
        flat = x.view(-1)
        y = a * 3
        y.data.mul_(5)
        return flat.sum() + (y.detach() * a).sum() + y.t().sum()

    return run


@program
def running_statistics_read_afterwards() -> Program:
    norm = torch.nn.BatchNorm1d(3, affine=False)
    shared = torch.nn.InstanceNorm1d(3, track_running_stats=True)
    a = leaf(4, 3, 5)

    def run() -> Any:
        y = norm(a) * shared(a)
        assert norm.running_mean is not None
        return (y * norm.running_mean[:, None]).sum() + norm(y).square().sum()

    return run


@program
def parts_of_plain_memory_written_and_read() -> Program:
    a = leaf(2)

    def run() -> Any:
        table, others = torch.ones(4), [torch.ones(2), torch.full((2,), 3.0)]
        first, second = table.chunk(2)
        first.mul_(5)
        torch._foreach_mul_(others, 2.0)
        return (a * second).sum() + (a * first * others[0] * others[1]).sum()

    return run


@program
def real_parts_of_complex_numbers_written() -> Program:
    a = torch.randn(3, dtype=torch.complex64, requires_grad=True)

    def run() -> Any:
        z = a * 2
        torch.view_as_real(z)[..., 0].mul_(3)
        z.imag.add_(1)
        return z.abs().square().sum()

    return run
