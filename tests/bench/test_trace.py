"""What recording costs: time and peak memory of a traced step against a plain forward and backward pass.

Each ratio is the median over pairs that ran one after the other in the same process.
"""

from __future__ import annotations

import gc
import importlib.util
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import trace

ROOT = Path(__file__).parents[2]
GPT2 = ROOT / "resources" / "samples" / "gpt2.py"

pytestmark = pytest.mark.benchmark(group="trace")


def load_gpt2() -> Any:
    spec = importlib.util.spec_from_file_location("gpt2_sample", GPT2)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpt2_sample"] = module
    spec.loader.exec_module(module)
    return module


def gpt2_step() -> tuple[Callable[[], torch.Tensor], nn.Module]:
    sample = load_gpt2()
    torch.manual_seed(0)
    model = sample.build(sample.GPTConfig())
    text = torch.randint(50257, (1, 65))

    def loss() -> torch.Tensor:
        logits = model(text[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())

    return loss, model


def mlp_step() -> tuple[Callable[[], torch.Tensor], nn.Module]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y = torch.randn(32, 64), torch.randint(10, (32,))
    return lambda: nn.functional.cross_entropy(model(x), y), model


def _seconds(run: Callable[[], object], model: nn.Module) -> float:
    model.zero_grad()
    gc.collect()
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


@pytest.mark.parametrize(("name", "pairs"), [("gpt2", 7), ("mlp", 60)])
def test_time_of_a_traced_step(benchmark: Any, name: str, pairs: int) -> None:
    loss, model = gpt2_step() if name == "gpt2" else mlp_step()

    def plain() -> None:
        torch.autograd.backward(loss())

    def summaries() -> None:
        trace(loss)

    def structure() -> None:
        trace(loss, values="none")

    for run in (plain, summaries, structure, plain):
        _seconds(run, model)
    times = [[_seconds(run, model) for run in (plain, summaries, structure)] for _ in range(pairs)]
    with_summaries = statistics.median(row[1] / row[0] for row in times)
    with_structure = statistics.median(row[2] / row[0] for row in times)
    base = statistics.median(row[0] for row in times)
    print(f"\n{name}: plain {base * 1e3:.2f} ms; summaries {with_summaries:.2f}×; structure only {with_structure:.2f}×")
    benchmark.extra_info.update(plain_s=base, summaries=with_summaries, structure=with_structure)
    benchmark.pedantic(summaries, rounds=3)


_MEMORY = """
import sys, resource, torch
sys.path[:0] = [{root!r}]
from tests.bench.test_trace import gpt2_step
from engine import trace
loss, model = gpt2_step()
if {is_traced}:
    kept = trace(loss)
else:
    loss().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak_kib(is_traced: bool) -> int:
    code = _MEMORY.format(root=str(ROOT), is_traced=is_traced)
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(finished.stdout.split()[-1])


def test_peak_memory_of_a_traced_gpt2_step(benchmark: Any) -> None:
    assert resource.RUSAGE_SELF == 0
    plain, traced = _peak_kib(is_traced=False), _peak_kib(is_traced=True)
    print(f"\ngpt2: peak memory plain {plain / 2**20:.2f} GiB, traced {traced / 2**20:.2f} GiB, {traced / plain:.2f}×")
    benchmark.extra_info.update(ratio=traced / plain)
    benchmark.pedantic(lambda: None, rounds=1)
