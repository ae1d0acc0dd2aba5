"""Programs in which several mechanisms meet: second derivatives of layers, nested checkpoints, mixed number types."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from .functions import apply
from .registry import HOOKED, Program, leaf, program


@program
def second_derivative_of_convolution_and_batch_norm() -> Program:
    convolution, norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
    x = leaf(2, 2, 5, 5)

    def run() -> Any:
        score = norm(convolution(x)).relu().sum()
        (gradient,) = torch.autograd.grad(score.square(), x, create_graph=True)
        return gradient.square().sum()

    return run


@program
def second_derivative_of_activations_and_losses() -> Program:
    x, w = leaf(2, 6), leaf(6, 6)
    label = torch.tensor([0, 3])

    def run() -> Any:
        h = F.layer_norm(F.gelu(x @ w), (6,)).softmax(-1)
        h = F.elu(h) + F.silu(h) + F.softplus(h) + F.leaky_relu(h) + F.hardtanh(h) + F.logsigmoid(h) + h.tanh()
        loss = F.cross_entropy(h, label) + F.mse_loss(h, x) + F.smooth_l1_loss(h, x) + F.huber_loss(h, x)
        loss = loss + F.kl_div(h.log_softmax(-1), x.softmax(-1), reduction="batchmean")
        gradients = torch.autograd.grad(loss, (x, w), create_graph=True)
        return gradients[0].square().sum() + gradients[1].square().sum()

    return run


@program
def second_derivative_of_an_lstm_cell() -> Program:
    cell = nn.LSTMCell(3, 4)
    x = leaf(2, 3)

    def run() -> Any:
        state = cell(x, cell(x))
        (gradient,) = torch.autograd.grad((state[0] * state[1]).sum(), x, create_graph=True)
        return gradient.square().sum() + state[0].sum()

    return run


@program
def third_derivative() -> Program:
    a = leaf(3)

    def run() -> Any:
        y: Any = (a.sin() * a.exp()).sum()
        for _ in range(3):
            y = torch.autograd.grad(y, a, create_graph=True)[0].sum()
        return y

    return run


@program
def learned_step_size() -> Program:
    layer = nn.Linear(2, 1)
    step_size = torch.tensor(0.1, requires_grad=True)
    x, y = torch.randn(4, 2), torch.randn(4, 1)

    def run() -> Any:
        fast: dict[str, Tensor] = dict(layer.named_parameters())
        for _ in range(2):
            output: Any = torch.func.functional_call(layer, fast, (x,))
            gradients = torch.autograd.grad(F.mse_loss(output, y), list(fast.values()), create_graph=True)
            fast = {name: p - step_size * g for (name, p), g in zip(fast.items(), gradients, strict=True)}
        output = torch.func.functional_call(layer, fast, (x,))
        return F.mse_loss(output, y)

    return run


@program
def ensemble_under_vmap() -> Program:
    weight, bias = leaf(3, 2, 3), leaf(3, 2)
    layer, x = nn.Linear(3, 2), torch.randn(5, 3)

    def run() -> Any:
        def one(w: Tensor, b: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(layer, {"weight": w, "bias": b}, (x,))
            return result

        return torch.func.vmap(one)(weight, bias).tanh().sum()

    return run


@program
def forward_over_reverse() -> Program:
    a, v = leaf(4), torch.randn(4)

    def run() -> Any:
        def energy(z: Tensor) -> Tensor:
            return (z.exp() * z).sum()

        both: Any = torch.func.jvp(torch.func.grad(energy), (a,), (v,))
        return (both[0] * both[1]).sum()

    return run


@program
def checkpoint_in_a_checkpoint() -> Program:
    first, inner, last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    x = torch.randn(2, 4)

    def inside(h: Tensor) -> Any:
        return checkpoint(lambda part: inner(part).tanh(), h, use_reentrant=False) * 2

    def outside(h: Tensor) -> Any:
        return last(inside(first(h).relu())).sigmoid()

    def run() -> Any:
        result: Any = checkpoint(outside, x, use_reentrant=False)
        return result.sum()

    return run


@program
def checkpoint_that_keeps_some_results() -> Program:
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
    x = torch.randn(2, 4)

    def policy(_context: Any, operator: Any, *_args: Any, **_kwargs: Any) -> CheckpointPolicy:
        is_kept = operator is torch.ops.aten.addmm.default
        return CheckpointPolicy.MUST_SAVE if is_kept else CheckpointPolicy.PREFER_RECOMPUTE

    contexts = functools.partial(create_selective_checkpoint_contexts, policy)

    def run() -> Any:
        result: Any = checkpoint(model, x, use_reentrant=False, context_fn=contexts)
        return result.square().sum()

    return run


class _Power(torch.autograd.Function):
    """Saves its own result, so that its backward can be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        result: Tensor = grad_outputs[0] * ctx.saved_tensors[0]
        return result


@program
def custom_function_differentiated_twice() -> Program:
    a = leaf(3)

    def run() -> Any:
        y = apply(_Power, apply(_Power, a * 0.1))
        (gradient,) = torch.autograd.grad(y.sum(), a, create_graph=True)
        return (gradient * y).sum()

    return run


class _ThreeWays(torch.autograd.Function):
    """Some of its results may never be used, and then it is given None for their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, y * 3, x + y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        first, second, _ = grad_outputs
        return None if first is None else first * 2, None if second is None else second * 3


@program
def custom_function_that_is_given_none() -> Program:
    a, b = leaf(3), leaf(3)

    def run() -> Any:
        x, _, _ = apply(_ThreeWays, a.sin(), b.sin())
        return x.sum() + (b * 2).sum() + a.sum()

    return run


class _TwoViews(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        return x.view(-1), x[0]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        result = grad_outputs[0].view(2, 3).clone()
        result[0] += grad_outputs[1]
        return result


@program
def custom_function_that_returns_views() -> Program:
    a = leaf(2, 3)

    def run() -> Any:
        flat, row = apply(_TwoViews, a * 2)
        return (flat * flat).sum() + row.exp().sum()

    return run


class _Tripled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0] * 3


@program
def custom_function_that_writes_into_a_view() -> Program:
    a = leaf(4)

    def run() -> Any:
        whole = a * 2
        part = whole[1:3]
        apply(_Tripled, part)
        return (whole * whole).sum() + part.sum()

    return run


@program
def autocast_around_layers() -> Program:
    net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2))
    x = torch.randn(5, 4)

    def run() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            once, twice = net(x), net(x * 2)
        return (once.float() * twice.float()).sum()

    return run


@program
def five_number_types() -> Program:
    half = torch.randn(4, dtype=torch.float16, requires_grad=True)
    double = torch.randn(4, dtype=torch.float64, requires_grad=True)
    wave = torch.randn(4, dtype=torch.complex128, requires_grad=True)

    def run() -> Any:
        mixed = (half.float() * double).to(torch.bfloat16) * 2
        return mixed.float().sum() + (wave * double).abs().float().sum() + (wave.conj() * wave).real.sum().float()

    return run


@program
def square_matrix_written_through_its_transpose() -> Program:
    a = leaf(3, 3)

    def run() -> Any:
        x = a * 2
        x.t().mul_(torch.arange(9.0).view(3, 3))
        x.mT[0] += 1
        x.diagonal().mul_(2)
        return (x**2).sum()

    return run


@program
def lstm_with_projections_both_ways() -> Program:
    model = nn.LSTM(3, 5, num_layers=2, bidirectional=True, proj_size=2, batch_first=True)
    x = torch.randn(2, 4, 3)

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # oneDNN does without projections, and says so
            output, (hidden, cell) = model(x)
        return output.square().sum() + hidden.sum() + cell.sin().sum()

    return run


@program
def masked_attention_over_other_sizes() -> Program:
    model = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True, add_bias_kv=True, kdim=6, vdim=5)
    query, key, value = torch.randn(2, 3, 8), torch.randn(2, 4, 6), torch.randn(2, 4, 5)
    mask = torch.tensor([[False, False, False, True], [False, False, True, True]])

    def run() -> Any:
        output, weights = model(query, key, value, key_padding_mask=mask)
        return output.square().sum() + (weights * weights).sum()

    return run


@program
def parametrised_weights() -> Program:
    parametrise = torch.nn.utils.parametrizations
    first: Any = parametrise.weight_norm(nn.Linear(4, 3))
    second: Any = parametrise.spectral_norm(nn.Linear(3, 3))
    third: Any = parametrise.orthogonal(nn.Linear(3, 3))
    x = torch.randn(2, 4)
    return lambda: third(second(first(x)).tanh()).square().sum()


@program
def hooks_of_every_kind_on_modules() -> Program:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    x = torch.randn(2, 3)

    def before(_module: Any, gradients: Any) -> Any:
        return (gradients[0] * 3,)

    def after(_module: Any, grad_inputs: Any, _grad_outputs: Any) -> Any:
        return (grad_inputs[0] * 0.5,)

    first.register_forward_pre_hook(lambda _module, args: (args[0] * 2,))
    first.register_forward_hook(lambda _module, _args, output: output + 1)
    second.register_full_backward_pre_hook(before)
    second.register_full_backward_hook(after)
    return lambda: second(first(x).tanh()).sum()


@program
def several_hooks_on_one_tensor() -> Program:
    a = leaf(3)

    def run() -> Any:
        b = a * 2
        b.register_hook(lambda grad: grad * 2)
        b.register_hook(lambda grad: grad + 1)
        b.register_hook(lambda grad: 100 * grad).remove()
        return (b.sin() * b).sum()

    return run


HOOKED["several_hooks_on_one_tensor"] = {"b"}


@program
def distributions() -> Program:
    mean, spread = leaf(3), leaf(3)

    def run() -> Any:
        kinds: Any = torch.distributions
        normal = kinds.Normal(mean, spread.exp())
        drawn = normal.rsample()
        gamma = kinds.Gamma(spread.exp() + 1, mean.exp()).rsample()
        shares = kinds.Dirichlet(spread.exp() + 1).rsample()
        choice = kinds.Categorical(logits=mean)
        return normal.log_prob(drawn).sum() + gamma.sum() + shares.square().sum() + choice.log_prob(choice.sample())

    return run
