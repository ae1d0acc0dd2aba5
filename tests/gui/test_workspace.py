"""gui.workspace: what the session tells becomes the document, the busy line and notifications."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.session.messages import Failed, Started, TrainingChanged
from engine.session.outcome import Outcome
from gui.document import Document
from gui.opening import Target, classify
from gui.settings import Settings
from gui.widgets.notification import Notification
from gui.workspace import Workspace
from tests.engine.traces import small_trace


class _Told:
    """Everything that a workspace announced."""

    def __init__(self, workspace: Workspace) -> None:
        self.notifications: list[Notification] = []
        self.busy: list[str] = []
        self.settled: list[str] = []
        self.asked: list[Target] = []
        self.replaced = 0
        workspace.notified.connect(self.notifications.append)
        workspace.busy_changed.connect(self.busy.append)
        workspace.settled.connect(self.settled.append)
        workspace.consent_needed.connect(lambda target, _: self.asked.append(target))
        workspace.replaced.connect(self._on_workspace_replaced)

    def _on_workspace_replaced(self) -> None:
        self.replaced += 1


@pytest.fixture
def workspace(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose supervisor only notes what it is asked to run."""
    workspace = Workspace(Document(), Settings())
    runs: list[tuple[str, tuple[str, ...], int | None]] = []
    monkeypatch.setattr(
        workspace.bridge.supervisor,
        "run",
        lambda target, arguments, pause_at=None: runs.append((target, arguments, pause_at)),
    )
    monkeypatch.setattr(workspace, "_runs", runs, raising=False)
    yield workspace
    workspace.shut_down()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text("import torch\n")
    return path


def _runs(workspace: Workspace) -> list[tuple[str, tuple[str, ...], int | None]]:
    runs: list[tuple[str, tuple[str, ...], int | None]] = workspace._runs  # type: ignore[attr-defined] # set by the fixture
    return runs


def test_demo_runs_at_once(workspace: Workspace) -> None:
    told = _Told(workspace)
    workspace.open("demo:neuron")
    assert _runs(workspace) == [("demo:neuron", (), None)]
    assert workspace.title == "The single neuron"
    assert "Starting" in told.busy[-1]
    workspace.bridge.started.emit(Started(target="demo:neuron", title="Neuron", sources={"neuron.py": "z = 1"}))
    assert workspace.document.sources == {"neuron.py": "z = 1"}
    assert told.busy[-1] == "Running Neuron…"
    workspace.bridge.trace_received.emit(small_trace(), None, "result")
    assert workspace.document.length == 6
    assert workspace.busy == ""


def test_script_runs_only_after_consent_and_is_then_remembered(workspace: Workspace, script: Path) -> None:
    told = _Told(workspace)
    workspace.open(str(script), ["--fast"])
    assert [target.path for target in told.asked] == [script]
    assert _runs(workspace) == []
    workspace.settings.trust(script)
    workspace.open(str(script), ["--fast"])
    assert _runs(workspace) == [(str(script), ("--fast",), None)]
    workspace.run_again()
    assert _runs(workspace)[1] == _runs(workspace)[0]


def test_the_line_at_which_a_training_failed_later_is_known_until_it_runs_again(
    workspace: Workspace, script: Path
) -> None:
    bridge, text = workspace.bridge, "import torch\n"
    started = Started(target=str(script), title=script.name, sources={str(script): text})
    workspace.run(classify(str(script)))
    bridge.started.emit(started)
    bridge.trace_received.emit(small_trace(), 0, "first")
    assert workspace.document.fault is None
    ran = workspace.document.sources
    bridge.failed.emit(Failed(message="It broke.", file=str(script), line=7))
    assert workspace.document.fault == (str(script), 7)
    assert workspace.document.sources == ran, "the text that ran, not the one on disk"
    bridge.exited.emit(Outcome(kind="failed", message="It broke."))
    workspace.run_again()
    bridge.started.emit(started)
    assert workspace.document.fault is None


def test_failure_says_what_where_and_offers_another_run(workspace: Workspace, script: Path) -> None:
    told = _Told(workspace)
    workspace.run(classify(str(script)))
    workspace.bridge.failed.emit(Failed(message="It broke.", traceback="Traceback", file=str(script), line=7))
    (shown,) = told.notifications
    assert (shown.message, shown.where, shown.details, shown.level) == (
        "It broke.",
        "train.py, line 7",
        "Traceback",
        "error",
    )
    assert [title for title, _ in shown.buttons] == ["Run again"]
    workspace.bridge.exited.emit(Outcome(kind="failed", message="It broke."))
    assert len(told.notifications) == 1  # said once
    shown.buttons[0][1]()
    assert len(_runs(workspace)) == 2
    assert told.replaced == 2


@pytest.mark.parametrize("kind", ["crashed", "killed", "lost", "start_failed"])
def test_bad_end_is_told(workspace: Workspace, script: Path, kind: str) -> None:
    told = _Told(workspace)
    workspace.run(classify(str(script)))
    workspace.bridge.exited.emit(Outcome(kind=kind, message="Gone.", stack="stack"))  # type: ignore[arg-type] # parametrised
    assert [(shown.message, shown.details) for shown in told.notifications] == [("Gone.", "stack")]
    assert workspace.busy == ""


def test_program_without_a_backward_pass_is_explained(workspace: Workspace, script: Path) -> None:
    told = _Told(workspace)
    workspace.run(classify(str(script)))
    workspace.bridge.exited.emit(Outcome(kind="finished", message="The program ran to its end.", exit_code=0))
    assert "never called backward()" in told.notifications[0].message


def test_training_state_and_hold(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(workspace), "is_running", property(lambda self: True))
    workspace.run(classify("demo:loop"))
    assert not workspace.is_training
    workspace.bridge.training_changed.emit(TrainingChanged(state="running", step=3))
    assert workspace.is_training
    assert not workspace.is_held
    workspace.bridge.training_changed.emit(TrainingChanged(state="paused", step=4))
    assert workspace.is_held
    workspace.bridge.training_changed.emit(TrainingChanged(state="finished", step=9))
    assert not workspace.is_training


def test_unrecorded_step_is_recorded_by_another_run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _Told(workspace)
    workspace.run(classify("demo:loop"))
    workspace.record_step(140)
    assert _runs(workspace)[-1] == ("demo:loop", (), 140)
    monkeypatch.setattr(type(workspace), "is_training", property(lambda self: True))
    workspace.record_step(20)
    assert len(_runs(workspace)) == 2  # a training that runs is not ended unasked
    ((title, run),) = told.notifications[-1].buttons
    assert "step 20" in title
    run()
    assert _runs(workspace)[-1] == ("demo:loop", (), 20)


def test_what_a_closed_run_still_says_changes_nothing(workspace: Workspace) -> None:
    workspace.run(classify("demo:neuron"))
    workspace.close_target()
    told = _Told(workspace)
    bridge = workspace.bridge
    bridge.started.emit(Started(target="demo:neuron", title="Neuron", sources={"a.py": ""}))
    bridge.trace_received.emit(small_trace(), None, "result")
    bridge.failed.emit(Failed(message="late"))
    bridge.exited.emit(Outcome(kind="crashed", message="late"))
    assert workspace.document.trace is None
    assert workspace.document.sources == {}
    assert told.notifications == []
    assert workspace.target is None


def test_a_graph_is_never_shown_under_the_name_of_another_program(workspace: Workspace, script: Path) -> None:
    told = _Told(workspace)
    workspace.open("demo:neuron")
    workspace.bridge.started.emit(Started(target="demo:neuron", title="Neuron", sources={"neuron.py": "z = 1"}))
    workspace.bridge.trace_received.emit(small_trace(), None, "result")
    workspace.run_again()
    assert workspace.document.trace is not None  # of the same program the last one stays until there is another
    workspace.run(classify(str(script)))
    assert workspace.title == "train.py"
    assert workspace.document.trace is None
    assert workspace.document.sources == {}
    workspace.bridge.failed.emit(Failed(message="SyntaxError"))
    assert workspace.document.trace is None
    assert told.replaced == 3


def test_the_text_of_a_program_that_cannot_even_run_is_shown(workspace: Workspace, script: Path) -> None:
    script.write_text("x = (\n")
    workspace.run(classify(str(script)))
    workspace.bridge.failed.emit(Failed(message="SyntaxError at train.py, line 1: …", file=str(script), line=1))
    assert workspace.document.sources == {str(script): "x = (\n"}
    assert workspace.document.fault == (str(script), 1)


def test_silence_is_told_and_taken_back(workspace: Workspace) -> None:
    told = _Told(workspace)
    workspace.run(classify("demo:loop"))
    workspace.bridge.unresponsive.emit(8.0)
    assert told.notifications[-1].key == "unresponsive"
    assert [title for title, _ in told.notifications[-1].buttons] == ["Stop it"]
    workspace.bridge.responsive.emit()
    assert told.settled[-1] == "unresponsive"


def test_trace_file_is_read_in_the_background_and_can_be_given_up(
    workspace: Workspace, trace_file: Path, qtbot: QtBot
) -> None:
    workspace.open(str(trace_file))
    assert "Reading" in workspace.busy
    workspace.stop()
    assert workspace.busy == ""
    qtbot.wait(50)
    assert workspace.document.trace is None
    workspace.open(str(trace_file))
    qtbot.waitUntil(lambda: workspace.document.trace is not None)


def test_recorded_step_on_disk_is_shown(workspace: Workspace, trace_file: Path, qtbot: QtBot) -> None:
    workspace.show_trace(str(trace_file))
    qtbot.waitUntil(lambda: workspace.document.trace is not None)
    told = _Told(workspace)
    trace = workspace.document.trace
    workspace.show_trace(str(trace_file.with_name("gone.retrograd")))
    qtbot.waitUntil(lambda: bool(told.notifications))
    assert workspace.document.trace is trace


def test_no_process_is_a_sentence(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    told = _Told(workspace)
    monkeypatch.setattr(workspace.bridge.supervisor, "run", refuse)
    workspace.open("demo:neuron")
    assert "No process can be started" in told.notifications[0].message
    assert workspace.busy == ""
