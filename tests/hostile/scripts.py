"""What the tests of hostile scripts share: a warm supervisor, a way to write scripts, a small training."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine.session.watch import TIMEOUT_S, Watch, watched

Script = Callable[[str], Path]

TRAIN = """
import torch
w = torch.ones(3, requires_grad=True)
def step(k):
    (w * k).sum().backward()
    print("step", k, flush=True)
"""


@pytest.fixture
def _nothing_left_behind() -> None:
    """Tests here share warm workers, which outlive them; `watched` proves at the end that nothing is left."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watched(tmp_path_factory.mktemp("runs"), stop_timeouts_s=(0.7, 0.7)) as made:
        yield made


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def write(text: str) -> Path:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:  # of a parent that is not ours to reap for
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False
