"""The longest time for which the window does not answer, by what is done in it: GPT-2 and ten thousand nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import trace

from .gpt2 import gpt2_step
from .large import ten_thousand_nodes

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.benchmark(group="stalls")


@pytest.mark.parametrize("name", ["gpt2", "10 000 nodes"])
def test_longest_blocks(benchmark: Any, name: str, tmp_path: Path) -> None:
    file = tmp_path / "bench.retrograd"
    (trace(gpt2_step()[0]) if name == "gpt2" else ten_thousand_nodes()).save(file)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench.stalls", str(file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    print(f"\n{name}:\n{finished.stdout}")
    assert "opened again" in finished.stdout
    benchmark.pedantic(lambda: None, rounds=1)
