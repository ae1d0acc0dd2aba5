"""How much longer the first trace after `import torch` takes than later ones, and what it imports."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MOST_S = 0.3

_PROGRAM = """
import json, sys, time
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))
x, y = torch.randn(2048, 64), torch.randint(10, (2048,))  # large enough for statistics to be compiled
loss = lambda: nn.functional.cross_entropy(model(x), y)
def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
plain = [timed(lambda: loss().backward()) for _ in range(5)] if {is_warm} else []
sys.path.insert(0, {root!r})
def imported():
    from engine import trace
known = set(sys.modules)
importing = timed(imported)
from engine import trace
ours = set(sys.modules) - known
traces = [timed(lambda: trace(loss)) for _ in range(6)]
new = sorted(name for name in set(sys.modules) - known - ours if "." not in name or name.startswith("torch."))
print(json.dumps(dict(plain=plain, importing=importing, traces=traces, new=new)))
"""


@pytest.mark.parametrize("is_warm", [False, True], ids=["torch_unused", "after_plain_steps"])
def test_first_trace(benchmark: Any, is_warm: bool) -> None:
    code = _PROGRAM.format(root=str(ROOT), is_warm=is_warm)
    runs = []
    for _ in range(5):
        finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        runs.append(json.loads(finished.stdout.splitlines()[-1]))
    extra_s = statistics.median(run["traces"][0] - statistics.median(run["traces"][1:]) for run in runs)
    importing_s = statistics.median(run["importing"] for run in runs)
    plain = [run["plain"][0] - statistics.median(run["plain"][1:]) for run in runs if run["plain"]]
    compared = f" (the first plain step: {statistics.median(plain) * 1e3:.0f} ms more)" if plain else ""
    print(
        f"\nfirst trace: {extra_s * 1e3:.0f} ms more than later ones{compared}, {extra_s / MOST_S:.2f} of the limit;"
        f" importing the engine: {importing_s * 1e3:.0f} ms; together {(extra_s + importing_s) / MOST_S:.2f} of it;"
        f" the trace itself imports {', '.join(runs[0]['new']) or 'nothing'}"
    )
    benchmark.extra_info.update(extra_s=extra_s, importing_s=importing_s)
    benchmark.pedantic(lambda: None, rounds=1)
