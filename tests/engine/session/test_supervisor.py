"""A real worker: runs, pauses, steps, stops, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.session.events import Exited, Output, Responsive, Unresponsive
from engine.session.journal import read_losses
from engine.session.messages import Finished, LossPoints, Ready, Started, TraceReady, TrainingChanged

from .watch import Watch, watched

TRAINING = """
import sys, time, torch
torch.manual_seed(0)
layer = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.125)
for step in range(int(sys.argv[1])):
    loss = layer(torch.ones(2, 3)).square().mean() + step
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    time.sleep(float(sys.argv[2]))
print("trained")
"""


@pytest.fixture
def _nothing_left_behind() -> None:
    """Tests here share warm workers, which outlive them; `watched` proves at the end that nothing is left."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watched(tmp_path_factory.mktemp("runs")) as made:
        yield made


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripts") / "train.py"
    path.write_text(TRAINING)
    return path


def test_a_demo_is_traced_and_its_worker_is_used_again(watch: Watch) -> None:
    watch.supervisor.run("demo:neuron")
    assert watch.outcome().kind == "finished"
    assert watch.trace("result").loss == pytest.approx(0.0851879)
    started = watch.of(Started)[0]
    assert "torch.sigmoid(z)" in "".join(started.sources.values())

    assert watch.run("demo:simplenet").kind == "finished"
    assert watch.trace("result").loss == pytest.approx(0.828994)
    assert [ready.seconds for ready in watch.of(Ready)] == []  # no second worker had to start


def test_a_training_runs_to_its_end_with_every_loss(watch: Watch, training: Path) -> None:
    outcome = watch.run(training, "50", "0")
    assert (outcome.kind, outcome.exit_code) == ("finished", 0)
    assert watch.output == "trained\n"
    assert watch.steps == list(range(50))
    assert watch.of(LossPoints)[-1].learning_rate == 0.125
    assert watch.trace("first").step == 0
    assert watch.of(TrainingChanged)[-1] == TrainingChanged(state="finished", step=49)
    assert isinstance(watch.events[-1][0], Exited)
    assert outcome.journal is not None
    journal = read_losses(outcome.journal)
    assert journal.run is not None
    assert journal.run.arguments == ("50", "0")
    np.testing.assert_array_equal(journal.steps, np.arange(50))
    assert outcome.log is not None
    assert Path(outcome.log).read_text() == "trained\n"


def test_a_training_is_held_stepped_and_goes_on(watch: Watch, training: Path) -> None:
    watch.start(training, "60", "0.01")
    watch.wait(TraceReady)
    watch.supervisor.pause()
    paused = watch.wait(TraceReady, lambda event: event.reason == "paused")[0]
    held = watch.wait(TrainingChanged, lambda event: event.state == "paused")[0]
    assert paused.step == held.step
    assert paused.loss == pytest.approx(held.step, abs=3)
    assert held.step in watch.steps
    trace = watch.trace("paused")
    assert trace.step == held.step
    assert trace.loss == pytest.approx(paused.loss)
    assert len(trace.backward) > 3

    for expected in (held.step + 1, held.step + 2):
        seen = len(watch.events)
        watch.supervisor.step_once()
        stepped = watch.wait(TraceReady, start=seen)[0]
        assert (stepped.step, stepped.reason) == (expected, "paused")
        watch.wait(TrainingChanged, lambda event: event.state == "paused", start=seen)

    watch.supervisor.send_trace()
    assert watch.wait(TraceReady, lambda event: event.reason == "requested")[0].step == held.step + 2
    watch.supervisor.resume()
    assert watch.outcome().kind == "finished"
    assert watch.steps == list(range(60))


def test_a_training_pauses_where_it_was_told_to_and_stops_when_held(watch: Watch, training: Path) -> None:
    watch.start(training, "1000000", "0", pause_at=7)
    assert watch.wait(TraceReady, lambda event: event.reason == "paused")[0].step == 7
    watch.wait(TrainingChanged, lambda event: event.state == "paused")
    assert watch.steps == list(range(8))
    watch.supervisor.stop()
    watch.supervisor.stop()  # once more does nothing
    outcome = watch.outcome()
    assert outcome.kind == "stopped"
    assert outcome.message == "The program was stopped."
    assert watch.of(Finished)  # it was told politely, and could answer


def test_a_running_training_sends_the_trace_of_its_next_step(watch: Watch, training: Path) -> None:
    watch.start(training, "1000000", "0.001")
    watch.wait(TraceReady, lambda event: event.reason == "first")
    watch.supervisor.send_trace()
    requested = watch.wait(TraceReady, lambda event: event.reason == "requested")[0]
    assert requested.step is not None
    assert requested.step > 0
    assert not [event for event in watch.of(TrainingChanged) if event.state == "paused"]

    # A new run ends the one that is there, and nothing more is told about that.
    watch.start("demo:neuron")
    assert watch.outcome().kind == "finished"
    assert watch.of(LossPoints) == []
    assert len(watch.of(Exited)) == 1


def test_without_a_run_there_is_nothing_to_command(watch: Watch) -> None:
    assert not watch.supervisor.is_running
    seen = len(watch.events)
    for command in ("pause", "resume", "step_once", "send_trace", "stop"):
        getattr(watch.supervisor, command)()
    assert not [event for event, _ in watch.events[seen:] if not isinstance(event, Ready)]


def test_a_worker_that_hangs_is_reported_and_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "hang.py"
    script.write_text("import os, time\nprint(os.getpid())\nwhile True: time.sleep(0.01)\n")
    with watched(tmp_path / "runs", keep_spare=False, heartbeat_timeout_s=1.6, stop_timeouts_s=(1.0, 1.0)) as watch:
        watch.start(script)
        pid = int(watch.wait(Output)[0].text)
        os.kill(pid, signal.SIGSTOP)
        assert watch.wait(Unresponsive)[0].seconds > 1.6
        os.kill(pid, 0)  # nobody killed it
        os.kill(pid, signal.SIGCONT)
        watch.wait(Responsive)
        assert watch.supervisor.is_running
        os.kill(pid, signal.SIGSTOP)
        watch.supervisor.stop()  # a stopped process hears neither interrupt nor termination
        assert watch.outcome().kind == "stopped"


def test_a_torch_that_cannot_be_imported_is_told_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: file too short')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with watched(tmp_path / "runs") as watch:
        outcome = watch.run("demo:neuron")
        assert outcome.kind == "start_failed"
        assert "file too short" in outcome.message
        assert not watch.supervisor.is_running


def test_a_closed_supervisor_starts_nothing(tmp_path: Path) -> None:
    with watched(tmp_path / "runs") as watch:
        watch.supervisor.prepare()
        watch.supervisor.close()
        watch.supervisor.prepare()
        with pytest.raises(RuntimeError, match="closed"):
            watch.supervisor.run("demo:neuron")


def test_where_no_folder_can_be_made_the_run_goes_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with watched(tmp_path / "file" / "runs", keep_spare=False) as watch:
        outcome = watch.run("demo:neuron")
        assert (outcome.kind, outcome.log, outcome.journal) == ("finished", None, None)
