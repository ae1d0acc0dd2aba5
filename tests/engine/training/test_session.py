"""A training in this process: steps, recordings, holding, and scripts that do odd things."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from engine.graph.trace import Trace
from engine.session.messages import (
    HoldAt,
    Message,
    Observed,
    Pause,
    Resume,
    SendTrace,
    StepOnce,
    ToWorker,
    TraceReady,
    TrainingChanged,
)
from engine.storage.trace_file import loads
from engine.training.controls import Controls
from engine.training.session import TrainingSession


class Window:
    """Takes what a session sends; `react` may answer, as the window's thread would."""

    def __init__(self, react: Callable[[Message], None] = lambda message: None) -> None:
        self.messages: list[Message] = []
        self.traces: list[tuple[int | None, str, Trace]] = []
        self._react = react

    def send(self, message: Message, body: Any) -> None:
        self.messages.append(message)
        if isinstance(message, TraceReady):
            self.traces.append((message.step, message.reason, loads(body())))
        self._react(message)

    @property
    def recorded(self) -> list[tuple[int | None, str]]:
        return [(step, reason) for step, reason, _ in self.traces]

    @property
    def states(self) -> list[tuple[str, int]]:
        return [(m.state, m.step) for m in self.messages if isinstance(m, TrainingChanged)]


def train(session: TrainingSession, steps: int) -> None:
    w = torch.tensor([1.0, 1.0], requires_grad=True)
    with session:
        for k in range(steps):
            (w * k).sum().backward()


def test_the_first_step_is_recorded_and_the_others_run_free() -> None:
    window = Window()
    train(TrainingSession(window.send, Controls(), target="t"), 10)
    assert window.recorded == [(0, "first")]
    assert window.states == [("finished", 9)]
    assert window.traces[0][2].target == "t"


def test_pause_step_and_resume() -> None:
    controls = Controls()
    answers: Iterator[ToWorker] = iter([StepOnce(), SendTrace(), Resume()])

    def react(message: Message) -> None:
        if isinstance(message, TraceReady) and message.reason == "first":
            controls.apply(Pause())
        is_held = isinstance(message, TrainingChanged) and message.state == "paused"
        if is_held or (isinstance(message, TraceReady) and message.reason == "requested"):
            controls.apply(next(answers))

    window = Window(react)
    train(TrainingSession(window.send, controls), 10)
    assert window.recorded == [(0, "first"), (1, "paused"), (2, "paused"), (2, "requested")]
    assert window.states == [("paused", 1), ("running", 1), ("paused", 2), ("running", 2), ("finished", 9)]
    assert [trace.loss for _, _, trace in window.traces] == [0.0, 2.0, 4.0, 4.0]
    step_one = window.traces[1][2]
    assert step_one.step == 1
    assert [node.op for node in step_one.graph.nodes if node.kind == "op"] == ["aten.mul.Tensor", "aten.sum.default"]


@pytest.mark.parametrize("wanted", [0, 1, 5])
def test_pause_at_holds_at_that_step(wanted: int) -> None:
    controls = Controls(wanted)

    def react(message: Message) -> None:
        if isinstance(message, TrainingChanged) and message.state == "paused":
            controls.apply(Resume())

    window = Window(react)
    train(TrainingSession(window.send, controls), 8)
    assert window.recorded[-1] == (wanted, "paused")
    assert window.states[0] == ("paused", wanted)


@pytest.mark.parametrize(("wanted", "held"), [(5, 5), (2, 2), (1, 2)])
def test_a_held_training_runs_on_to_a_step(wanted: int, held: int) -> None:
    """Held at step 1, it goes on; to a step that is over it comes no more, and holds at the next one."""
    controls = Controls(1)
    answers: Iterator[ToWorker] = iter([HoldAt(step=wanted), Resume()])

    def react(message: Message) -> None:
        if isinstance(message, TrainingChanged) and message.state == "paused":
            controls.apply(next(answers))

    window = Window(react)
    train(TrainingSession(window.send, controls), 8)
    assert window.recorded == [(0, "first"), (1, "paused"), (held, "paused")]
    assert window.states == [("paused", 1), ("running", 1), ("paused", held), ("running", held), ("finished", 7)]


def test_a_running_training_is_held_at_a_step_and_does_not_keep_pace_until_then() -> None:
    controls = Controls()

    def react(message: Message) -> None:
        if isinstance(message, TraceReady) and message.reason == "first":
            controls.apply(HoldAt(step=200))
        if isinstance(message, TrainingChanged) and message.state == "paused":
            controls.abandon()

    window = Window(react)
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        train(TrainingSession(window.send, controls, steps_per_second=4.0), 300)
    assert time.monotonic() - began_s < 20, "50 seconds at its pace"
    assert window.recorded == [(0, "first"), (200, "paused")]


def test_a_window_that_is_gone_ends_the_training_after_its_step() -> None:
    controls = Controls()
    window = Window(lambda message: controls.abandon())
    session = TrainingSession(window.send, controls)
    with pytest.raises(KeyboardInterrupt):
        train(session, 1000)
    assert session.steps < 5


def test_a_backward_that_fails_and_is_caught_is_no_step() -> None:
    window = Window()
    session = TrainingSession(window.send, Controls())
    w = torch.ones(2, requires_grad=True)
    with session:
        h = w.exp()
        h.add_(1)
        with pytest.raises(RuntimeError, match="inplace"):
            h.sum().backward()
        w.sum().backward()
        (w * 2).sum().backward()
        w.sum().backward()
    assert session.steps == 3
    assert window.recorded == [(1, "first")]


def test_a_training_in_another_thread_is_watched_and_recorded_there() -> None:
    window = Window()
    session = TrainingSession(window.send, Controls())

    def work() -> None:
        w = torch.ones(2, requires_grad=True)
        for k in range(4):
            (w * k).sum().backward()

    with session:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert session.steps == 4
    assert window.recorded == [(1, "first")]


def test_leaves_of_a_later_step_are_where_the_step_uses_them() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    x = torch.randn(4, 2)
    controls = Controls(2)

    def react(message: Message) -> None:
        if isinstance(message, TrainingChanged) and message.state == "paused":
            controls.apply(Resume())

    window = Window(react)
    with TrainingSession(window.send, controls, target="t"):
        for _ in range(4):
            loss = model(x).sum()
            loss.backward()
            accuracy = (loss > 0).sum() + model.weight.sum()
        del accuracy
    traces = {step: trace for step, _, trace in window.traces}
    for step in (0, 2):
        leaves = {node.name: node for node in traces[step].leaves()}
        assert set(leaves) == {"weight", "bias"}
        for leaf in leaves.values():
            readers = [traces[step].graph.nodes[edge.target] for edge in traces[step].graph.outgoing(leaf)]
            assert leaf.source in [reader.source for reader in readers]


def observed(window: Window) -> list[str]:
    return [seen.kind for message in window.messages if isinstance(message, Observed) for seen in message.observations]


def test_what_follows_the_first_step_is_told_after_its_trace() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    window = Window()
    with TrainingSession(window.send, Controls(), target="t"):
        for _ in range(5):
            hidden = w * 2
            hidden.sum().backward()
            optimizer.step()
    kinds = [type(message).__name__ for message in window.messages]
    assert kinds.index("TraceReady") < kinds.index("Observed")
    assert observed(window) == ["update", "grad-kept"]
    (kept,) = [message for message in window.messages if isinstance(message, Observed)][-1].observations
    trace = window.traces[0][2]
    assert [trace.graph.nodes[node].name for node in kept.nodes] == ["w"]
    assert not any(seen.kind == "grad-kept" for seen in trace.observations)


def test_a_held_back_trace_has_everything_and_nothing_is_told_twice() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    window = Window()
    with TrainingSession(window.send, Controls(), target="t", follow=True):
        for _ in range(5):
            (w * 2).sum().backward()
            optimizer.step()
    assert observed(window) == []
    assert [seen.kind for seen in window.traces[0][2].observations].count("grad-kept") == 1


def test_a_healthy_training_tells_its_update_alone() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    window = Window()
    with TrainingSession(window.send, Controls(), target="t"):
        for _ in range(12):
            optimizer.zero_grad()
            (w * 2).sum().backward()
            optimizer.step()
    assert observed(window) == ["update"]
