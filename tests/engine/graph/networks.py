"""Real networks, small enough to be recorded in tests, each once: the shapes that people draw."""

from __future__ import annotations

import runpy
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine import Trace, trace

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"


@cache
def neuron() -> Trace:
    """One sigmoid neuron with a binary cross-entropy."""
    w, b = torch.tensor(0.5, requires_grad=True), torch.tensor(0.1, requires_grad=True)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        z = x * w + b
        a = torch.sigmoid(z)
        return F.binary_cross_entropy(a, y)

    return trace(loss, torch.tensor(1.5), torch.tensor(1.0))


@cache
def perceptron(layers: int) -> Trace:
    """A sequence of linear modules and activations with a loss."""
    torch.manual_seed(0)
    model = nn.Sequential(*[part for _ in range(layers) for part in (nn.Linear(8, 8), nn.Tanh())])

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(model(x), y)

    return trace(loss, torch.randn(4, 8), torch.zeros(4, 8), values="none")


@cache
def gpt(layers: int, *, in_full: bool = False) -> Trace:
    """The sample GPT-2 with narrow layers; `in_full` with dropout, and with attention in its single operations."""
    names = runpy.run_path(str(SAMPLES / "gpt2.py"))
    torch.manual_seed(0)
    config = names["GPTConfig"](
        vocab_size=31, context_length=8, n_layers=layers, n_heads=2, emb_dim=8, drop_rate=0.1 * in_full
    )
    model = names["build"](config)

    def loss(text: Tensor) -> Tensor:
        logits = model(text[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())

    with sdpa_kernel(SDPBackend.MATH) if in_full else nullcontext():
        return trace(loss, torch.randint(31, (1, 9)), values="none")


class Bottleneck(nn.Module):
    """Three convolutions beside a shortcut, as in a ResNet-50."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU()
        self.downsample = nn.Sequential()
        if channels != 4 * width or stride != 1:
            self.downsample.append(nn.Conv2d(channels, 4 * width, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out)) + self.downsample(x)
        result: Tensor = self.relu(out)
        return result


@cache
def resnet(*blocks: int) -> Trace:
    """A convolutional network with shortcuts; (3, 4, 6, 3) blocks are those of ResNet-50."""
    torch.manual_seed(0)
    stages, channels = nn.Sequential(), 2
    for stage, count in enumerate(blocks):
        width = 2 * 2**stage
        layer = nn.Sequential()
        for block in range(count):
            layer.append(Bottleneck(channels, width, 2 if stage and not block else 1))
            channels = 4 * width
        stages.append(layer)
    stem = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(stem, stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))
    return trace(model, torch.randn(2, 3, 40, 40), values="none")


@cache
def lstm(steps: int) -> Trace:
    """An LSTM cell, called once for each part of a sequence."""
    torch.manual_seed(0)
    cell = nn.LSTMCell(3, 4)

    def unrolled(x: Tensor) -> Tensor:
        h = c = torch.zeros(2, 4)
        for part in x.unbind(1):
            h, c = cell(part, (h, c))
        return h.sum()

    return trace(unrolled, torch.randn(2, steps, 3), values="none")


class Twice(nn.Module):
    """Two convolutions with batch norm, as a U-Net has them at every size."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)))


class UNet(nn.Module):
    """Down to small images and up again, with what was there on the way down beside what comes up."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        widths = [2 * 2**k for k in range(depth + 1)]
        self.down = nn.ModuleList([Twice(1 if k == 0 else widths[k - 1], widths[k]) for k in range(depth)])
        self.mid = Twice(widths[depth - 1], widths[depth])
        self.up = nn.ModuleList([nn.ConvTranspose2d(widths[k + 1], widths[k], 2, 2) for k in range(depth)])
        self.join = nn.ModuleList([Twice(2 * widths[k], widths[k]) for k in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for part in self.down:
            x = part(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.mid(x)
        for k in range(len(kept) - 1, -1, -1):
            x = self.join[k](torch.cat([kept[k], self.up[k](x)], 1))
        return x


@cache
def unet(depth: int) -> Trace:
    """A U-Net with a loss."""
    torch.manual_seed(0)
    model = UNet(depth)

    def loss(x: Tensor) -> Tensor:
        out: Tensor = model(x)
        return out.square().mean()

    return trace(loss, torch.randn(1, 1, 2**depth * 2, 2**depth * 2), values="none")


@cache
def encoder_decoder(layers: int) -> Trace:
    """PyTorch's own transformer, with so many layers on either side."""
    torch.manual_seed(0)
    model = nn.Transformer(8, 2, layers, layers, 16, batch_first=True, dropout=0.0)

    def loss(source: Tensor, target: Tensor) -> Tensor:
        out: Tensor = model(source, target)
        return out.square().mean()

    return trace(loss, torch.randn(1, 5, 8), torch.randn(1, 4, 8), values="none")


class Experts(nn.Module):
    """Two of several small networks for each token, chosen by a gate."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.gate = nn.Linear(4, count)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)) for _ in range(count)])

    def forward(self, x: Tensor) -> Tensor:
        weight, chosen = self.gate(x).softmax(-1).topk(2, -1)
        out = torch.zeros_like(x)
        for k, expert in enumerate(self.experts):
            share = ((chosen == k) * weight).sum(-1, keepdim=True)
            out = out + share * expert(x)
        return x + out


@cache
def experts(count: int) -> Trace:
    """Two layers of a mixture of experts."""
    torch.manual_seed(0)
    model = nn.Sequential(Experts(count), Experts(count))

    def loss(x: Tensor) -> Tensor:
        out: Tensor = model(x)
        return out.square().mean()

    return trace(loss, torch.randn(5, 4), values="none")


@cache
def skipping(layers: int) -> Trace:
    """A chain of layers in which every other one adds what was there four layers before."""
    torch.manual_seed(0)
    parts = nn.ModuleList([nn.Linear(4, 4) for _ in range(layers)])

    def loss(x: Tensor) -> Tensor:
        seen = [x]
        for k, part in enumerate(parts):
            x = torch.relu(part(x))
            if k >= 4 and k % 2 == 0:
                x = x + seen[-4]
            seen.append(x)
        return x.mean()

    return trace(loss, torch.randn(3, 4), values="none")
