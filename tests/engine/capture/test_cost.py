"""What operations cost: torch's own flop counter and saved-tensor hooks are the oracles."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine import Trace, trace
from engine.graph.model import SavedTensor, saved_bytes

ROOT = Path(__file__).parents[3]


def _products() -> torch.Tensor:
    a, b = torch.randn(5, 7, requires_grad=True), torch.randn(3, 7, 4)
    products: torch.Tensor = torch.baddbmm(torch.zeros(3, 5, 4), a.expand(3, 5, 7), b).sum() + (a @ b[0]).sum()
    return products


def _convolutions() -> torch.Tensor:
    x = torch.randn(2, 4, 9, 9, requires_grad=True)
    strided = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)(x)
    return torch.as_tensor(nn.ConvTranspose2d(6, 2, 3, stride=2, bias=False)(strided)).sum()


def _lstm() -> torch.Tensor:
    output, _ = nn.LSTM(4, 5, num_layers=2, batch_first=True)(torch.randn(2, 3, 4))
    return torch.as_tensor(output).sum()


@pytest.mark.parametrize("program", [_products, _convolutions, _lstm])
def test_flops_are_those_of_torchs_counter(program: Callable[[], torch.Tensor]) -> None:
    torch.manual_seed(0)
    recorded = trace(program)
    with FlopCounterMode(display=False) as counter:
        program()
    assert sum(node.flops or 0 for node in recorded.graph.nodes) == counter.get_total_flops()
    uncounted = [node for node in recorded.graph.nodes if node.label == "sum" or node.kind != "op"]
    assert all(node.flops is None for node in uncounted)


@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
def test_attention_on_the_cpu_counts_like_its_products(heads: tuple[int, int]) -> None:
    query = torch.randn(2, heads[0], 16, 8, requires_grad=True)
    key = torch.randn(2, heads[1], 12, 8)

    def attend() -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(query, key, key, enable_gqa=heads[0] != heads[1]).sum()

    def by_hand() -> torch.Tensor:
        keys = key.repeat_interleave(heads[0] // heads[1], 1)
        return (torch.softmax(query @ keys.mT, -1) @ keys).sum()

    with FlopCounterMode(display=False) as counter:
        by_hand()
    assert sum(node.flops or 0 for node in trace(attend).graph.nodes) == counter.get_total_flops()


def _held_by_autograd(program: Callable[[], torch.Tensor]) -> int:
    """Bytes of all storages that autograd saves for backward: a hook sees every saved tensor."""
    held: dict[int, int] = {}
    kept = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = program()
    del result
    return sum(held.values())


def test_memory_that_nodes_share_is_counted_once() -> None:
    first, second = nn.Linear(6, 8), nn.Linear(8, 2)
    x = torch.randn(3, 6)

    def program() -> torch.Tensor:
        return torch.as_tensor(second(torch.relu(first(x)))).pow(2).sum()

    nodes = trace(program).graph.nodes
    assert saved_bytes(tensor for node in nodes for tensor in node.saved) == _held_by_autograd(program)
    relu = next(node for node in nodes if node.label == "relu")
    assert relu.saved_bytes == 3 * 8 * 4
    assert sum(node.saved_bytes for node in nodes) > _held_by_autograd(program), "relu and linear share the activation"


def test_a_node_that_saves_one_tensor_twice_holds_it_once() -> None:
    x = torch.randn(10, requires_grad=True)
    square = next(node for node in trace(lambda: (x * x).sum()).graph.nodes if node.label == "mul")
    assert [tensor.nbytes for tensor in square.saved] == [40, 40]
    assert square.saved_bytes == 40


def test_parts_of_one_storage() -> None:
    x = torch.randn(4, 6, requires_grad=True)

    def gate() -> torch.Tensor:
        whole = x * 1.0
        left, right = whole.chunk(2, dim=1)
        return (left * right).sum()

    product = [node for node in trace(gate).graph.nodes if node.label == "mul"][-1]
    assert product.saved_bytes == 4 * 6 * 4, "two halves of every row: the whole storage, not more"
    view = x.detach()[1:2].expand(5, 6).requires_grad_()
    broadcast = next(node for node in trace(lambda: (view * view).sum()).graph.nodes if node.label == "mul")
    assert broadcast.saved_bytes == 6 * 4, "an expanded tensor has the memory of one row"


def test_saved_tensors_without_known_memory() -> None:
    saved = [
        SavedTensor(name="self", shape=(2,), dtype="float32", nbytes=8, source=(1, 0)),
        SavedTensor(name="other", shape=(2,), dtype="float32", nbytes=8, source=(1, 0)),
        SavedTensor(name="mask", shape=(2,), dtype="bool", nbytes=2),
        SavedTensor(name="result", shape=(2,), dtype="float32", nbytes=8, span=(0, 8, 16)),
    ]
    assert saved_bytes(saved) == 8 + 2 + 8


class _Slow(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        time.sleep(0.05)
        return gradient * 2


def _steps(recorded: Trace) -> dict[str, float]:
    return {step.node.grad_fn or "": step.seconds for step in recorded.backward}


def test_a_slow_vjp_is_the_one_that_takes_the_time() -> None:
    x = torch.randn(3, requires_grad=True)
    trace(lambda: (x.sin() * 3).sum())  # the engine's threads are up
    slow: Callable[[torch.Tensor], torch.Tensor] = _Slow.apply
    recorded = trace(lambda: slow(x.sin()).exp().sum())
    seconds = _steps(recorded)
    assert seconds.pop("_SlowBackward") >= 0.05
    assert all(other > 0 for other in seconds.values())
    assert sum(seconds.values()) + 0.05 <= recorded.timing.backward


def test_counting_flops_loads_no_compiler() -> None:
    code = (
        "import sys, torch; from engine import trace\n"
        "t = trace(torch.nn.Linear(2, 3), torch.randn(4, 2))\n"
        "assert sum(n.flops or 0 for n in t.graph.nodes) == 48\n"
        "print('torch._dynamo' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"
