"""Programs and tools that the comparison with peers runs; as a script, one measurement in a process of its own.

    python -m tests.bench.peers time PROGRAM TOOL PAIRS     seconds of plain steps and of the tool, one after the other
    python -m tests.bench.peers memory PROGRAM TOOL         growth of the peak memory by one use, in KiB

Some peers leave torch's functions wrapped, so no two tools are measured in one process.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn

from .gpt2 import load_gpt2

Inputs = tuple[torch.Tensor, ...]


class GPT2Loss(nn.Module):
    """The sample's GPT-2 with 124 million parameters, on 64 tokens."""

    def __init__(self) -> None:
        super().__init__()
        sample = load_gpt2()
        self.model = sample.build(sample.GPTConfig())

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        logits = self.model(text[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())


class Bottleneck(nn.Module):
    """A residual block: 1 × 1, 3 × 3 and 1 × 1 convolutions, each with a batch norm, around a shortcut."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = 4 * width
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outside, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outside)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
            if stride != 1 or inside != outside
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = torch.relu(self.norm2(self.conv2(y)))
        return torch.relu(self.norm3(self.conv3(y)) + self.shortcut(x))


class ResNet50Loss(nn.Module):
    """The layers of ResNet-50: 3, 4, 6 and 3 bottlenecks."""

    def __init__(self) -> None:
        super().__init__()
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        blocks: list[nn.Module] = []
        inside = 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for index in range(count):
                blocks.append(Bottleneck(inside, width, stride if index == 0 else 1))
                inside = 4 * width
        self.body = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 1000))

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(self.body(images), labels)


class MLPLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(self.body(x), labels)


def _gpt2() -> tuple[nn.Module, Inputs]:
    return GPT2Loss(), (torch.randint(50257, (1, 65)),)


def _resnet50(images: int, pixels: int = 224) -> tuple[nn.Module, Inputs]:
    return ResNet50Loss(), (torch.randn(images, 3, pixels, pixels), torch.randint(1000, (images,)))


def _mlp() -> tuple[nn.Module, Inputs]:
    return MLPLoss(), (torch.randn(32, 64), torch.randint(10, (32,)))


PROGRAMS: dict[str, Callable[[], tuple[nn.Module, Inputs]]] = {
    "gpt2": _gpt2,
    "resnet50x1": partial(_resnet50, 1),
    "resnet50": partial(_resnet50, 2),
    "resnet50x4": partial(_resnet50, 4),
    "resnet50x8, 64²": partial(_resnet50, 8, 64),
    "mlp": _mlp,
}


def _plain(model: nn.Module, inputs: Inputs) -> Any:
    loss = model(*inputs)
    loss.backward()
    return loss


def _retrograd(model: nn.Module, inputs: Inputs) -> Any:
    from engine import trace

    return trace(model, *inputs)


def _retrograd_structure(model: nn.Module, inputs: Inputs) -> Any:
    from engine import trace

    return trace(model, *inputs, values="none")


def _torchlens_values(model: nn.Module, inputs: Inputs) -> Any:
    return import_module("torchlens").trace(model, list(inputs))


def _torchlens_gradients(model: nn.Module, inputs: Inputs) -> Any:
    torchlens = import_module("torchlens")
    options = import_module("torchlens.options")
    log = torchlens.trace(model, list(inputs), capture=options.CaptureOptions(save_grads=True, backward_ready=True))
    log.log_backward(log[log.output_layers[0]].out)
    assert log.num_saved_grad_layers > 0
    return log


def _torchview(model: nn.Module, inputs: Inputs) -> Any:
    return import_module("torchview").draw_graph(model, input_data=list(inputs), expand_nested=True, depth=50)


def _torchviz(model: nn.Module, inputs: Inputs) -> Any:
    return import_module("torchviz").make_dot(model(*inputs), params=dict(model.named_parameters()))


TOOLS: dict[str, Callable[[nn.Module, Inputs], Any]] = {
    "plain": _plain,
    "retrograd": _retrograd,
    "retrograd, structure": _retrograd_structure,
    "torchlens, values": _torchlens_values,
    "torchlens, values and gradients": _torchlens_gradients,
    "torchview (forward)": _torchview,
    "torchviz (forward)": _torchviz,
}


def _seconds(run: Callable[[nn.Module, Inputs], Any], model: nn.Module, inputs: Inputs) -> float:
    model.zero_grad()
    gc.collect()
    started = time.perf_counter()
    kept = run(model, inputs)
    seconds = time.perf_counter() - started
    del kept
    return seconds


def _pairs(run: Callable[[nn.Module, Inputs], Any], program: str, count: int) -> list[tuple[float, float]]:
    model, inputs = PROGRAMS[program]()
    for warm in (_plain, run, _plain):
        _seconds(warm, model, inputs)
    return [(_seconds(_plain, model, inputs), _seconds(run, model, inputs)) for _ in range(count)]


def _growth(run: Callable[[nn.Module, Inputs], Any], program: str) -> int:
    tiny, few = _mlp()
    run(tiny, few)  # what the tool itself needs is not counted
    model, inputs = PROGRAMS[program]()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = run(model, inputs)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del kept
    return after - before


def main(arguments: list[str]) -> None:
    """Measure once and print the result as JSON on the last line."""
    what, program, tool, *rest = arguments
    torch.manual_seed(0)
    result = _pairs(TOOLS[tool], program, int(rest[0])) if what == "time" else _growth(TOOLS[tool], program)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
