"""Small versions of the architectures that people train."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .registry import Program, leaf, program


@program
def transformer() -> Program:
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.1, batch_first=True)
    source, target = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
    return lambda: model(source, target).square().mean()


@program
def scatter_graph_conv() -> Program:
    x, w = leaf(4, 3), leaf(3, 2)
    sources, targets = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 2, 3, 0, 2])
    return lambda: torch.zeros(4, 2).index_add(0, targets, (x @ w)[sources]).relu().sum()


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


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.norm(self.first(x)))
        h = self.second(h)
        h += x
        result: Tensor = self.relu(h)
        return result


@program
def resnet() -> Program:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        _Residual(4),
        _Residual(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    x, y = torch.randn(2, 3, 6, 6), torch.tensor([0, 2])
    return lambda: F.cross_entropy(model(x), y)


class _UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Any:
        skip = F.relu(self.down(x))
        h = F.relu(self.middle(F.max_pool2d(skip, 2)))
        return self.out(torch.cat([skip, self.up(h)], 1))


@program
def u_net() -> Program:
    model = _UNet()
    x = torch.randn(1, 1, 8, 8)
    return lambda: F.binary_cross_entropy_with_logits(model(x), (x > 0).float())


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(mixed.transpose(1, 2).reshape(batch, length, width))
        result: Tensor = x + self.mlp(self.norms[1](x))
        return result


@program
def gpt() -> Program:
    table, positions, blocks = nn.Embedding(11, 8), nn.Embedding(5, 8), nn.Sequential(_Block(8, 2), _Block(8, 2))
    ids = torch.tensor([[1, 4, 2, 9, 3], [5, 5, 0, 1, 7]])

    def run() -> Any:
        h = table(ids) + positions(torch.arange(5))
        logits = blocks(h) @ table.weight.t()
        return F.cross_entropy(logits[:, :-1].reshape(-1, 11), ids[:, 1:].reshape(-1))

    return run


@program
def encoder_decoder() -> Program:
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    decoder = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    source, target = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    return lambda: decoder(target, encoder(source), tgt_mask=mask).square().mean()


@program
def variational_autoencoder() -> Program:
    encoder, decoder = nn.Linear(6, 4), nn.Linear(2, 6)
    x = torch.rand(5, 6)

    def run() -> Any:
        mean, log_variance = encoder(x).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum") + divergence

    return run


@program
def recurrent_attention() -> Program:
    cell, query = nn.GRUCell(4, 4), nn.Linear(4, 4, bias=False)
    memory = torch.randn(2, 5, 4)

    def run() -> Any:
        h = torch.zeros(2, 4)
        for _ in range(3):
            weights = (memory @ query(h)[..., None]).softmax(1)
            h = cell((memory * weights).sum(1), h)
        return h.square().sum()

    return run


@program
def message_passing() -> Program:
    message, update = nn.Linear(6, 3), nn.Linear(6, 3)
    x = torch.randn(4, 3)
    edges = torch.tensor([[0, 1, 2, 3, 1], [1, 2, 3, 0, 0]])

    def run() -> Any:
        h = x
        for _ in range(2):
            sent = message(torch.cat([h[edges[0]], h[edges[1]]], 1)).relu()
            received = torch.zeros(4, 3).scatter_add(0, edges[1][:, None].expand(-1, 3), sent)
            h = update(torch.cat([h, received], 1))
        return h.square().mean()

    return run


@program
def hypernetwork() -> Program:
    maker = nn.Linear(2, 4 * 3 + 4)
    context, x = torch.randn(2), torch.randn(5, 3)

    def run() -> Any:
        made = maker(context)
        return F.linear(x, made[:12].view(4, 3), made[12:]).tanh().square().sum()

    return run


@program
def recursive_tree() -> Program:
    compose, table = nn.Linear(6, 3), nn.Embedding(5, 3)

    def encode(tree: Any) -> Any:
        if isinstance(tree, int):
            return table(torch.tensor(tree))
        left, right = (encode(child) for child in tree)
        return torch.tanh(compose(torch.cat([left, right])))

    return lambda: encode(((0, 1), (2, (3, 4)))).square().sum()


@program
def state_space_scan() -> Program:
    decay, inlet, outlet = leaf(4), leaf(4, 2), leaf(2, 4)
    x = torch.randn(6, 2)

    def run() -> Any:
        state, outputs = torch.zeros(4), []
        for row in x:
            state = torch.sigmoid(decay) * state + inlet @ row
            outputs.append(outlet @ state)
        return torch.stack(outputs).square().mean()

    return run
