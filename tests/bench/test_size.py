"""How large a real trace of ten thousand nodes is, in memory and as a file, and how long it takes to save and load."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine import trace
from engine.storage.trace_file import dumps, loads

NODES = 10_000
MOST_BYTES_IN_MEMORY = 2048
MOST_BYTES_IN_FILE = 300


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.up = nn.Linear(4, 8)
        self.down = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.up(self.norm(x)))
        result: torch.Tensor = x + self.down(hidden)
        return result


def _network() -> Callable[[], torch.Tensor]:
    """About 13 nodes a block, 6 of them parameters."""
    torch.manual_seed(0)
    model = nn.Sequential(*(_Block() for _ in range(NODES // 13)))
    x = torch.randn(2, 4)
    return lambda: torch.as_tensor(model(x)).sum()


def _loop() -> Callable[[], torch.Tensor]:
    """Operations alone: a recurrence whose every step saves what it multiplies."""
    x, w = torch.randn(8, requires_grad=True), torch.randn(8, requires_grad=True)

    def run() -> torch.Tensor:
        state = x
        for _ in range(NODES // 3):
            state = torch.tanh(state * w + 0.1)
        return state.sum()

    return run


def _growth(make: Callable[[], Any]) -> tuple[Any, int]:
    """What `make` returns, and the bytes that Python's allocator holds for it."""
    gc.collect()
    tracemalloc.start()
    result = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return result, size


@pytest.mark.parametrize("make_program", [_network, _loop], ids=["network", "loop"])
def test_size_of_a_trace(benchmark: Any, make_program: Callable[[], Callable[[], torch.Tensor]]) -> None:
    program = make_program()
    trace(lambda: torch.zeros(2, requires_grad=True).sum())  # what is imported once belongs to no trace
    recorded, in_memory = _growth(lambda: trace(program, values="none"))
    count = len(recorded.graph.nodes)
    assert 0.7 * NODES < count < 1.5 * NODES
    data = dumps(recorded)
    _, loaded = _growth(lambda: loads(data))
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        loads(dumps(recorded))
        seconds.append(time.perf_counter() - started)
    per_10k_s = statistics.median(seconds) * 10_000 / count
    print(
        f"\n{count:,} nodes without values: {in_memory / count:.0f} bytes a node in memory"
        f" ({in_memory / count / MOST_BYTES_IN_MEMORY:.2f} of the limit), {loaded / count:.0f} after loading,"
        f" {len(data) / count:.0f} in the file ({len(data) / count / MOST_BYTES_IN_FILE:.2f} of the limit);"
        f" saved and loaded in {per_10k_s:.2f} s per 10k nodes"
    )
    benchmark.extra_info.update(memory=in_memory / count, file=len(data) / count, seconds_per_10k=per_10k_s)
    benchmark.pedantic(lambda: None, rounds=1)
