"""Whole values on demand: from the inspector's link over the worker's answer back into the trace that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.model import TensorInfo
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.events import Event, Exited
from engine.session.messages import FetchValues, ValuesReady
from engine.session.outcome import Outcome
from engine.session.snapshot import digests
from gui.document import Document
from gui.opening import classify
from gui.panels.inspector import InspectorPanel
from gui.settings import Settings
from gui.theme import ThemeManager
from gui.widgets.notification import Notification
from gui.workspace import Workspace
from tests.engine.traces import W, X, small_trace

FINISHED = Outcome(kind="finished", message="The program finished.", exit_code=0)


class _FakeSupervisor:
    """Notes what it is asked for; the test speaks for the worker."""

    made: list[_FakeSupervisor]

    def __init__(self, on_event: Callable[[Event, bytes], None], **_options: object) -> None:
        self.on_event = on_event
        self.requests: list[FetchValues] = []
        self.is_closed = False
        self.made.append(self)

    def run(self, *_arguments: object, **_options: object) -> None:
        pass

    def stop(self) -> None:
        pass

    def fetch(self, request: FetchValues) -> None:
        self.requests.append(request)

    def close(self) -> None:
        self.is_closed = True

    def answer(self, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], **fields: object) -> None:
        request = self.requests[-1]
        ready = ValuesReady(
            node=request.node,
            output=request.output,
            is_gradient=request.is_gradient,
            shape=array.shape,
            dtype=array.dtype.str,
            **fields,  # type: ignore[arg-type]  # the message's own fields
        )
        self.on_event(ready, array.tobytes())
        self.on_event(Exited(outcome=FINISHED), b"")


@pytest.fixture
def workspace(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    _FakeSupervisor.made = []
    monkeypatch.setattr("gui.bridge.Supervisor", _FakeSupervisor)
    workspace = Workspace(Document(), Settings())
    yield workspace
    workspace.shut_down()
    assert all(supervisor.is_closed for supervisor in _FakeSupervisor.made)


def _large_trace() -> Trace:
    """The neuron with a weight and an input that are too large to be kept."""
    trace = small_trace()
    for place in (W, X):
        trace.graph.nodes[place].outputs[0] = TensorInfo(
            shape=(2, 3), dtype="float32", note="only statistics were kept: 6 elements"
        )
    step = trace.step_of(W)
    assert step is not None
    step.grad_outputs[0] = TensorInfo(shape=(2, 3), dtype="float32", note="only statistics were kept: 6 elements")
    return trace


def _open(workspace: Workspace, trace: Trace) -> None:
    workspace.run(classify("demo:neuron"))
    workspace.bridge.trace_received.emit(trace, None, "result")


def _panel(workspace: Workspace, qtbot: QtBot) -> InspectorPanel:
    panel = InspectorPanel(workspace.document, ThemeManager(workspace))
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    return panel


def test_a_value_and_a_gradient_are_fetched_from_the_inspector(workspace: Workspace, qtbot: QtBot) -> None:
    trace = _large_trace()
    _open(workspace, trace)
    panel, document = _panel(workspace, qtbot), workspace.document
    document.move_to_end()
    document.select(W)
    value_link, gradient_link = panel.value.value.fetch_link, panel.value.gradient.fetch_link
    assert not value_link.isHidden()
    assert not gradient_link.isHidden()
    assert value_link.whole_text == "Fetch whole values"
    QTest.mouseClick(gradient_link, Qt.MouseButton.LeftButton)
    assert not gradient_link.isEnabled()
    assert gradient_link.whole_text == "Fetching: the program runs again…"
    assert value_link.isEnabled()
    QTest.mouseClick(value_link, Qt.MouseButton.LeftButton)

    fetching = _FakeSupervisor.made[-1]
    expected = FetchValues(
        target="demo:neuron",
        sources=digests(trace.sources),
        node=W,
        is_gradient=True,
        structure=fingerprint(trace),
    )
    assert fetching.requests == [expected], "one at a time"
    gradient = np.arange(6, dtype=np.float32).reshape(2, 3)
    fetching.answer(gradient)
    qtbot.waitUntil(lambda: len(fetching.requests) == 2)
    np.testing.assert_array_equal(trace.grad(W), gradient)
    assert gradient_link.isHidden()
    assert panel.value.gradient.tensor.note == ""
    fetching.answer(-gradient)
    qtbot.waitUntil(lambda: trace.value(W) is not None)
    np.testing.assert_array_equal(trace.value(W), -gradient)
    assert value_link.isHidden()
    assert _FakeSupervisor.made[-1] is fetching, "the worker keeps the program"


def test_why_values_do_not_come_is_a_notification(workspace: Workspace, qtbot: QtBot) -> None:
    told: list[Notification] = []
    workspace.notified.connect(told.append)
    trace = _large_trace()
    _open(workspace, trace)
    document = workspace.document
    document.request_values(W, 0, is_gradient=False)
    fetching = _FakeSupervisor.made[-1]
    fetching.answer(np.zeros(0), message="The program did something else when it ran again.")
    qtbot.waitUntil(lambda: len(told) == 1)
    assert (told[0].message, told[0].level) == ("The program did something else when it ran again.", "warning")
    assert not document.is_awaiting(W, 0, is_gradient=False)

    document.request_values(W, 0, is_gradient=False)
    qtbot.waitUntil(lambda: len(fetching.requests) == 2)
    fetching.answer(np.zeros((5, 5), np.float32))
    qtbot.waitUntil(lambda: len(told) == 2)
    assert "do not fit the trace" in told[1].message
    assert trace.value(W) is None

    document.request_values(X, 0, is_gradient=False)
    qtbot.waitUntil(lambda: len(fetching.requests) == 3)
    crashed = Outcome(kind="crashed", message="The program crashed: segmentation fault.", exit_code=-11)
    fetching.on_event(Exited(outcome=crashed), b"")
    qtbot.waitUntil(lambda: len(told) == 3)
    assert told[2].message == "The values could not be fetched: The program crashed: segmentation fault."


def test_another_trace_ends_what_is_under_way(workspace: Workspace, qtbot: QtBot) -> None:
    first, second = _large_trace(), _large_trace()
    _open(workspace, first)
    workspace.document.request_values(W, 0, is_gradient=False)
    fetching = _FakeSupervisor.made[-1]
    workspace.bridge.trace_received.emit(second, None, "result")
    qtbot.waitUntil(lambda: fetching.is_closed)
    fetching.answer(np.ones((2, 3), np.float32))
    qtbot.wait(50)
    assert first.value(W) is None
    assert second.value(W) is None
    workspace.document.request_values(W, 0, is_gradient=False)
    assert _FakeSupervisor.made[-1] is not fetching


@pytest.mark.parametrize(("step", "reason"), [(3, "paused"), (0, "first"), (None, "failed")])
def test_only_a_callable_can_be_run_again(workspace: Workspace, qtbot: QtBot, step: int | None, reason: str) -> None:
    workspace.run(classify("demo:neuron"))
    workspace.bridge.trace_received.emit(_large_trace(), step, reason)
    panel = _panel(workspace, qtbot)
    workspace.document.select(W)
    assert panel.value.value.fetch_link.isHidden()
    workspace.document.request_values(W, 0, is_gradient=False)
    assert len(_FakeSupervisor.made) == 1


def test_what_has_no_values_is_not_offered(workspace: Workspace, qtbot: QtBot) -> None:
    trace = _large_trace()
    trace.graph.nodes[W].outputs[0].note = "no values: the tensor is on the meta device, which stores none"
    _open(workspace, trace)
    panel = _panel(workspace, qtbot)
    workspace.document.select(W)
    assert panel.value.value.fetch_link.isHidden()


@pytest.mark.end2end
def test_a_real_worker_fetches_a_real_value(qapp: object, qtbot: QtBot, tmp_path: Path) -> None:
    program = tmp_path / "wide.py"
    program.write_text(
        "import torch\n\ndef loss():\n    x = torch.ones(300, 300, requires_grad=True)\n    return (x * 2).sum()\n"
    )
    workspace = Workspace(Document(), Settings())
    try:
        workspace.run(classify(f"{program}:loss"))
        document = workspace.document
        qtbot.waitUntil(lambda: document.trace is not None, timeout=60_000)
        assert document.trace is not None
        product = next(node for node in document.trace.graph.nodes if node.label == "mul")
        assert product.outputs[0].array is None
        with qtbot.waitSignal(document.values_changed, timeout=60_000):
            document.request_values(product.id, 0, is_gradient=False)
        value = document.trace.value(product)
        assert value is not None
        np.testing.assert_array_equal(value, np.full((300, 300), 2.0, np.float32))
    finally:
        workspace.shut_down()
