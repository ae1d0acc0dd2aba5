"""The same programs plain, traced, and under the peers: time and peak memory against a plain forward and backward pass.

The peers come with `pip install -e .[peers]`; those that are missing are skipped. Every tool is measured in processes
of its own, its time against plain steps that run right before each use of it. While time is measured, the allocator
keeps what a step lets go of: asking the system for fresh memory takes longer than the tools do, and never equally long.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .peers import PROGRAMS, TOOLS

ROOT = Path(__file__).parents[2]
PAIRS = {"gpt2": 5, "resnet50x1": 7, "resnet50": 5, "resnet50x4": 5, "resnet50x8, 64²": 7, "mlp": 40}

pytestmark = [pytest.mark.benchmark(group="peers"), pytest.mark.timeout(900)]


KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": f"{8 << 30}", "MALLOC_TRIM_THRESHOLD_": f"{16 << 30}"}


def _measure(what: str, *arguments: str) -> Any:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.peers", what, *arguments]
    environment = os.environ | (KEPT_MEMORY if what == "time" else {})
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def plain_growth() -> dict[str, int]:
    """Growth of the peak memory by one plain step of each program, in KiB."""
    return {program: _measure("memory", program, "plain") for program in PROGRAMS}


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "plain"])
@pytest.mark.parametrize("program", list(PROGRAMS))
def test_peer(benchmark: Any, plain_growth: dict[str, int], program: str, tool: str) -> None:
    package = re.split("[, ]", tool, maxsplit=1)[0]
    if package != "retrograd":
        pytest.importorskip(package)
    pairs = _measure("time", program, tool, str(PAIRS[program]))
    ratio = statistics.median(used / plain for plain, used in pairs)
    plain_s = statistics.median(plain for plain, _ in pairs)
    # On a busy machine the longer of the two is interrupted more often: the best times say what the work itself takes.
    best = min(used for _, used in pairs) / min(plain for plain, _ in pairs)
    growth = _measure("memory", program, tool)
    # A step of the MLP is smaller than what the allocator asks for at once, so its memory says nothing.
    memory = (
        "" if program == "mlp" else f"; peak memory +{growth / 1024:.0f} MiB, {growth / plain_growth[program]:.2f}×"
    )
    print(
        f"\n{program:<16} {tool:<32} {ratio:6.2f}× of a plain step of {plain_s * 1e3:.1f} ms,"
        f" best times {best:.2f}×{memory}"
    )
    benchmark.extra_info.update(time=ratio, best=best, growth_kib=growth)
    benchmark.pedantic(lambda: None, rounds=1)
