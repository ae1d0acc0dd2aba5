"""gui.bridge: events from other threads become signals, in order and joined."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from engine.session.events import Exited, Output
from engine.session.messages import Failed, LossPoints, Started, TraceReady, TrainingChanged
from engine.session.outcome import Outcome
from engine.storage.trace_file import dumps
from gui import bridge as module
from gui.background import Background
from gui.bridge import SessionBridge, decode_losses, join_outputs
from tests.engine.traces import small_trace


@pytest.fixture
def bridge(qapp: object) -> Iterator[SessionBridge]:
    background = Background()
    bridge = SessionBridge(background)
    yield bridge
    bridge.close()
    background.shut_down()


def _points(first: int, count: int) -> tuple[LossPoints, bytes]:
    steps = np.arange(first, first + count, dtype="<i8")
    return LossPoints(count=count, steps_per_second=9.0), steps.tobytes() + (steps * 0.5).astype("<f8").tobytes()


def test_points_of_a_frame_come_joined_and_in_order(bridge: SessionBridge, qtbot: QtBot) -> None:
    received: list[tuple[np.ndarray, np.ndarray]] = []
    bridge.loss_received.connect(lambda steps, values: received.append((steps, values)))
    events = [_points(10 * k, 10) for k in range(50)]

    def send() -> None:
        for event in events:
            bridge._take(*event)

    thread = threading.Thread(target=send)
    thread.start()
    qtbot.waitUntil(lambda: sum(len(steps) for steps, _ in received) == 500)
    thread.join()
    assert len(received) < 50
    np.testing.assert_array_equal(np.concatenate([steps for steps, _ in received]), np.arange(500))
    np.testing.assert_array_equal(np.concatenate([values for _, values in received]), np.arange(500) * 0.5)


def test_what_follows_a_trace_waits_for_it(bridge: SessionBridge, qtbot: QtBot) -> None:
    order: list[object] = []
    bridge.started.connect(lambda message: order.append(("started", message.title)))
    bridge.trace_received.connect(lambda trace, step, reason: order.append((type(trace), step, reason)))
    bridge.training_changed.connect(lambda message: order.append(message.state))
    bridge.failed.connect(lambda message: order.append(message.message))
    bridge.exited.connect(lambda outcome: order.append(outcome.kind))
    bridge._take(Started(target="a.py", title="a.py"), b"")
    bridge._take(TraceReady(step=4, reason="paused"), dumps(small_trace()))
    bridge._take(TrainingChanged(state="paused", step=4), b"")
    bridge._take(Failed(message="it broke"), b"")
    bridge._take(Exited(outcome=Outcome(kind="failed", message="it broke")), b"")
    qtbot.waitUntil(lambda: len(order) == 5)
    assert order == [("started", "a.py"), (Trace, 4, "paused"), "paused", "it broke", "failed"]


def test_damaged_trace_is_told_and_holds_nothing_up(bridge: SessionBridge, qtbot: QtBot) -> None:
    told: list[str] = []
    bridge.decode_failed.connect(told.append)
    bridge.exited.connect(lambda outcome: told.append(outcome.kind))
    bridge._take(TraceReady(), dumps(small_trace())[:100])
    bridge._take(Exited(outcome=Outcome(kind="finished", message="")), b"")
    qtbot.waitUntil(lambda: len(told) == 2)
    assert "cannot be read" in told[0]
    assert told[1] == "finished"


def test_short_body_gives_the_whole_points() -> None:
    steps, values = decode_losses(3, struct.pack("<2q2d", 1, 2, 0.5, 0.25))
    assert steps.tolist() == [1, 2]
    assert values.tolist() == [0.5, 0.25]


def test_output_is_joined_by_stream_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = [Output(stream="stdout", text="a"), Output(stream="stdout", text="b"), Output(stream="stderr", text="c")]
    assert join_outputs(outputs) == [("stdout", "ab"), ("stderr", "c")]
    monkeypatch.setattr(module, "MAX_OUTPUT_PER_FRAME", 10)
    ((stream, text),) = join_outputs([Output(stream="stdout", text="x" * 50 + "the end")])
    assert stream == "stdout"
    assert text.endswith("xxxthe end")
    assert "47 characters" in text


def test_closed_bridge_is_silent(qapp: object, qtbot: QtBot) -> None:
    background = Background()
    bridge = SessionBridge(background)
    heard: list[object] = []
    bridge.loss_received.connect(lambda *_: heard.append(1))
    bridge._take(*_points(0, 3))
    bridge.close()
    bridge._take(*_points(3, 3))
    background.shut_down()
    qtbot.wait(50)
    assert heard == []


def test_run_is_over_only_when_its_last_event_was_heard(bridge: SessionBridge, qtbot: QtBot) -> None:
    order: list[object] = []
    bridge.trace_received.connect(lambda *_: order.append(bridge.is_running))
    bridge.exited.connect(lambda _: order.append(bridge.is_running))
    bridge._is_running = True
    bridge._take(TraceReady(), dumps(small_trace()))
    bridge._take(Exited(outcome=Outcome(kind="finished", message="")), b"")
    assert bridge.is_running  # whatever the supervisor's threads know already
    qtbot.waitUntil(lambda: len(order) == 2)
    assert order == [True, False]
