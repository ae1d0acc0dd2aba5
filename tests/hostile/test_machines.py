"""Hostile machines: a GPU that is lost, a suspended computer, a PyTorch that never starts, tensors beyond memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from engine import trace
from engine.capture.tensors import Keeper
from engine.graph.structure import fingerprint
from engine.session import supervisor as supervisor_module
from engine.session.events import Event, Exited, Responsive, Unresponsive
from engine.session.messages import CheckNode, FetchValues, NodeChecked, TraceReady, ValuesReady
from engine.session.supervisor import Supervisor
from engine.storage.trace_file import loads
from tests.engine.session.watch import Watch, watched

from .scripts import Script, _nothing_left_behind, script, watch

__all__ = ["_nothing_left_behind", "script", "watch"]

# 11: a GPU error that comes late

_LOST = """
import os, torch
from pathlib import Path
w = torch.ones(3, requires_grad=True)
def loss():
    here = Path(__file__).with_name("pids")
    with here.open("a") as file: file.write(f"{os.getpid()}\\n")
    if len(here.read_text().split()) in (2, 3):
        raise RuntimeError("CUDA error: device-side assert triggered\\nCUDA kernel errors might be reported later")
    return (w * 2).sum()
"""


def test_a_script_that_loses_its_gpu_is_told_what_that_means(watch: Watch, script: Script) -> None:
    outcome = watch.run(script("raise RuntimeError('CUDA error: device-side assert triggered')\n"))
    assert outcome.kind == "failed"
    assert "CUDA_LAUNCH_BLOCKING=1" in outcome.message
    assert "new process" in outcome.message
    outcome = watch.run(script("raise RuntimeError('CUDA error: out of memory')\n"))
    assert "CUDA_LAUNCH_BLOCKING" not in outcome.message


@pytest.mark.parametrize("kind", ["fetch", "check"])
def test_a_worker_whose_gpu_is_lost_is_not_used_again(watch: Watch, script: Script, kind: str) -> None:
    path = script(_LOST)
    target = f"{path}:loss"
    assert watch.run(target).kind == "finished"
    body = watch.wait(TraceReady)[1]
    structure = fingerprint(loads(body))
    node = next(step.node.id for step in loads(body).backward if step.node.kind == "op")

    def ask() -> str:
        start = len(watch.events)
        if kind == "fetch":
            watch.supervisor.fetch(FetchValues(target=target, node=node, structure=structure))
            message = watch.wait(ValuesReady, start=start)[0].message
        else:
            watch.supervisor.check(CheckNode(target=target, node=node, structure=structure))
            message = watch.wait(NodeChecked, start=start)[0].message
        watch.wait(Exited, start=start)
        return message

    for _ in range(2):
        message = ask()
        assert "CUDA error: device-side assert" in message
    assert ask() == ""
    pids = path.with_name("pids").read_text().split()
    assert len({*pids[1:4]}) == 3  # each of the two was the last of its worker


# 67: a computer that slept


class _Clock:
    """A clock that stands except while somebody waits."""

    def __init__(self, waits_s: list[float], on_wait: Callable[[int], None]) -> None:
        self.now_s = 1000.0
        self._waits_s = waits_s
        self._on_wait = on_wait
        self._count = 0

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, _timeout_s: float) -> bool:
        if self._count == len(self._waits_s):
            return True
        self.now_s += self._waits_s[self._count]
        self._on_wait(self._count)
        self._count += 1
        return False


def _monitored(waits_s: list[float], monkeypatch: pytest.MonkeyPatch, heard_at: set[int]) -> list[Event]:
    """What a supervisor tells of a worker that is heard in these of its waits."""
    told: list[Event] = []
    supervisor = Supervisor(lambda event, _: told.append(event), heartbeat_timeout_s=6.0, keep_spare=False)
    session = supervisor_module._Session()
    session.is_ready = True
    worker: Any = SimpleNamespace(last_heard_s=1000.0)
    session.worker = worker

    def on_wait(count: int) -> None:
        if count in heard_at:
            worker.last_heard_s = clock.now_s

    clock = _Clock(waits_s, on_wait)
    monkeypatch.setattr(supervisor_module, "time", clock)
    monkeypatch.setattr(supervisor, "_closing", clock)
    supervisor._active = session
    supervisor._monitor_silence()
    return told


def test_a_computer_that_slept_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = [0.5, 0.5, 8 * 3600.0, 0.5, 0.5, 0.5]
    assert _monitored(slept, monkeypatch, heard_at={0, 1, 4}) == []


def test_silence_after_a_sleep_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _monitored([0.5, 3600.0] + [0.5] * 40, monkeypatch, heard_at={0})
    assert [type(event) for event in told] == [Unresponsive]
    assert not [event for event in told if isinstance(event, Responsive)]
    assert 6.0 < told[0].seconds < 8.0  # type: ignore[union-attr] # as asserted above


def test_another_time_of_day_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() - 400 * 86_400)
    with watched(tmp_path / "runs", keep_spare=False) as watch:
        assert watch.run("demo:neuron").kind == "finished"
        assert watch.of(Unresponsive) == []


# 32: a PyTorch that never starts


def test_workers_that_die_at_once_are_not_started_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("import os\nos._exit(5)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started: list[None] = []
    start = Supervisor._start

    def counted(self: Supervisor) -> supervisor_module._Session:
        started.append(None)
        return start(self)

    monkeypatch.setattr(Supervisor, "_start", counted)
    with watched(tmp_path / "runs") as watch:
        for count in (1, 2):
            outcome = watch.run("demo:neuron")
            assert outcome.kind == "start_failed"
            assert "import torch" in outcome.message  # what to try
            time.sleep(0.5)  # a loop would have begun by now
            assert len(started) == count


# 25, 55: tensors


def test_long_chains_of_views_are_bounded() -> None:
    base = torch.zeros(6, requires_grad=True)

    def loss() -> torch.Tensor:
        x = base * 1
        for _ in range(3000):
            x = x.view(2, 3).view(6)
        return x.sum()

    recorded = trace(loss)
    assert len(recorded.backward) > 6000
    assert recorded.grad(recorded.leaves()[0]).tolist() == [1.0] * 6  # type: ignore[union-attr] # the only leaf has one


def test_a_tensor_of_ten_gigabytes_is_statistics_only() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    huge = torch.ones(1).expand(10 << 28)  # as many elements as ten gigabytes have, over four bytes
    keeper = Keeper()
    info = keeper.describe(huge)
    keeper.finish()
    assert info.array is None
    assert info.note
    if info.summary is not None:
        assert (info.summary.min, info.summary.max) == (1.0, 1.0)
    assert process.memory_info().rss - before < 200 << 20
