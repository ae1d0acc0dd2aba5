"""What is open and what runs: opens targets, runs programs, and says how it goes. No widgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from engine.errors import TargetError
from engine.graph.trace import Trace
from engine.session.messages import Failed, Observed, Started, TrainingChanged
from engine.session.outcome import Outcome
from gui import garbage
from gui.background import Background
from gui.bridge import SessionBridge
from gui.checking import NodeChecker
from gui.document import Document
from gui.editing import Editing
from gui.fetching import ValueFetcher
from gui.file_state import FileState
from gui.opening import Target, classify, place_text, reading_problem, text_of
from gui.reading import read
from gui.settings import Settings
from gui.widgets.notification import Notification

_QUIET_OUTCOMES = ("finished", "stopped", "failed")  # nothing is wrong, or `Failed` has said it already
_PARTLY = "The graph ends at the operation that failed."
RECORDED_STEPS = 8
"""So many training steps may still be told what followed them."""


class Workspace(QObject):
    """The open target, with the session that runs it if it is a program."""

    changed = Signal()
    """Another target is open, or what can be done with it changed."""
    busy_changed = Signal(str)
    """What the user waits for, in words; "" for nothing."""
    notified = Signal(object)
    """A `Notification` for the user."""
    settled = Signal(str)
    """The notification with this key is no longer true."""
    consent_needed = Signal(object, object)
    """A `Target`, and its arguments, that the user must allow to run: answer with `run`, or not at all."""
    trace_read = Signal(object, object)
    """Path of a trace file that is open now, and its `FileState` when it was read."""
    log_opened = Signal(str)
    """Path of a log of training runs to be shown."""
    replaced = Signal()
    """Something else is open, or nothing, or the program runs again: losses, output and messages of before are over."""
    training_started = Signal()
    """The program turned out to be a training, and runs."""
    run_started = Signal()
    """A program starts: losses and output that follow are its."""

    def __init__(self, document: Document, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.settings = settings
        self.background = Background(self)
        self.bridge = SessionBridge(self.background, parent=self)
        self.fetcher = ValueFetcher(document, self.background, parent=self)
        self.fetcher.notified.connect(self.notified)
        self.checker = NodeChecker(document, self.background, parent=self)
        self.editing = Editing(document, self.background, parent=self)
        self.editing.notified.connect(self.notified)
        self.editing.settled.connect(self.settled)
        self.target: Target | None = None
        self.arguments: tuple[str, ...] = ()
        self.training: TrainingChanged | None = None
        self._title = ""
        self._busy = ""
        self._has_trace = False
        self._recorded: dict[int, Trace] = {}  # the steps recorded last
        self.is_listening = False
        """False once the run is no longer what is open: its last events change nothing."""
        self._cancel_loading: Callable[[], None] | None = None
        bridge = self.bridge
        bridge.started.connect(self._on_bridge_started)
        bridge.trace_received.connect(self._on_bridge_trace_received)
        bridge.observed.connect(self._on_bridge_observed)
        bridge.loss_received.connect(self._on_bridge_loss_received)
        bridge.training_changed.connect(self._on_bridge_training_changed)
        bridge.failed.connect(self._on_bridge_failed)
        bridge.exited.connect(self._on_bridge_exited)
        bridge.unresponsive.connect(self._on_bridge_unresponsive)
        bridge.responsive.connect(self._on_bridge_responsive)
        bridge.decode_failed.connect(self._on_bridge_decode_failed)

    @property
    def title(self) -> str:
        """Of the open target; "" when nothing is open."""
        return self._title

    @property
    def busy(self) -> str:
        return self._busy

    @property
    def is_running(self) -> bool:
        return self.bridge.is_running

    @property
    def is_training(self) -> bool:
        """Whether a training runs or is held."""
        return self.is_running and self.training is not None and self.training.state != "finished"

    @property
    def is_held(self) -> bool:
        return self.is_training and self.training is not None and self.training.state == "paused"

    @property
    def is_rerunnable(self) -> bool:
        return self.target is not None and self.target.is_program

    def open(self, text: str, arguments: Sequence[str] = ()) -> None:
        """Open a target; a script that the user has not allowed yet is asked for by `consent_needed` first."""
        try:
            target = classify(text)
        except TargetError as error:
            self.notified.emit(Notification(str(error), "error"))
            return
        if target.kind == "trace":
            self._load(target)
        elif target.kind == "log":
            self._open_log(target)
        elif target.needs_consent and target.path is not None and not self.settings.is_trusted(target.path):
            self.consent_needed.emit(target, tuple(arguments))
        else:
            self.run(target, arguments)

    def run(self, target: Target, arguments: Sequence[str] = (), pause_at: int | None = None) -> None:
        """Run a program in a worker of its own; whatever ran before is ended."""
        self._drop_loading()
        is_other = self.target != target or self.arguments != tuple(arguments)
        try:
            self.bridge.run(target.text, tuple(arguments), pause_at)
        except OSError as error:
            self._fail(f"No process can be started to run {target.title}: {error}. Close other programs and try again.")
            return
        self.training = None
        self._has_trace = False
        self.is_listening = True
        self.replaced.emit()
        if is_other:  # of the same program the last graph stays until there is another
            self.document.set_trace(None)
            self.document.set_sources({})
        self._take(target, arguments)
        self.run_started.emit()
        self._set_busy(f"Starting PyTorch for {target.title}…")

    def run_again(self) -> None:
        """Run the open program once more."""
        if self.target is not None and self.target.is_program:
            self.run(self.target, self.arguments)

    def show_trace(self, trace: Trace | str) -> None:
        """Step through a recorded trace, given itself or as the path of its file; what runs goes on."""
        if isinstance(trace, Trace):
            if self.target is not None and self.target.is_program and trace.step is not None:
                self.editing.set_program(self.target.text, self.arguments)
            self.document.set_trace(trace)
            return
        self._drop_loading()
        path = Path(trace)

        def then(loaded: object) -> None:
            self._cancel_loading = None
            if isinstance(loaded, Trace):
                self.document.set_trace(loaded)

        self._cancel_loading = self.background.run(partial(read, path), then, self._loading_failed(path))

    def record_step(self, step: int) -> None:
        """Record a training step that was not: by running the program again as far as there.

        A training that still runs or is held is not ended without being asked for.
        """
        target = self.target
        if target is None or not target.is_program:
            text = f"Step {step} was not recorded, so its backward pass cannot be stepped through."
            self.notified.emit(Notification(text, "info", key="record"))
        elif self.is_training:
            text = f"Step {step} was not recorded. Running {self.title} again as far as there records it."
            button = (f"Run again to step {step}", partial(self.run, target, self.arguments, step))
            self.notified.emit(Notification(text, "info", buttons=(button,), key="record"))
        else:
            self.run(target, self.arguments, step)

    def stop(self) -> None:
        """End what runs, or give up loading."""
        if self._cancel_loading is not None:
            self._drop_loading()
            self._set_busy("")
            self.changed.emit()
        elif self.is_running:
            self._set_busy("Stopping…")
            self.bridge.stop()

    def close_target(self) -> None:
        """Close what is open, and end what runs."""
        self._drop_loading()
        self._abandon_run()
        self.target = None
        self._title = ""
        self.document.set_trace(None)
        self.document.set_sources({})
        garbage.search_all()
        self._set_busy("")
        self.replaced.emit()
        self.changed.emit()

    def shut_down(self, *, is_last: bool = True) -> None:
        """End every process and thread. Nothing is announced any more.

        Parameters
        ----------
        is_last : wait until a program has ended, which takes seconds where it will not; else it ends in the background.
        """
        self.blockSignals(True)
        self._drop_loading()
        if is_last:
            self.bridge.close()
        else:  # at the end of the process the interpreter waits for it
            threading.Thread(target=self.bridge.detach().close, name="retrograd-closing").start()
        self.fetcher.shut_down()
        self.checker.shut_down()
        self.editing.shut_down()
        self.background.shut_down()

    # Files

    def _load(self, target: Target) -> None:
        path = target.path
        if path is None:
            return
        self._drop_loading()
        self._set_busy(f"Reading {target.title}…")
        state = FileState.of(path)

        def then(trace: object) -> None:
            self._cancel_loading = None
            self._abandon_run()
            self._set_busy("")
            if isinstance(trace, Trace):
                self.replaced.emit()
                self.trace_read.emit(path, state)
                self._take(target, ())
                self.document.set_sources(trace.sources)
                self.document.set_trace(trace)
                self.changed.emit()
                if trace.error:
                    self._fail(trace.error, where=_PARTLY)

        self._cancel_loading = self.background.run(partial(read, path), then, self._loading_failed(path))
        self.changed.emit()

    def _loading_failed(self, path: Path) -> Callable[[Exception], None]:
        def failed(error: Exception) -> None:
            self._cancel_loading = None
            self._set_busy("")
            self._fail(reading_problem(path, error), where=str(path))

        return failed

    def _abandon_run(self) -> None:
        self.is_listening = False
        self.training = None
        self.bridge.stop()

    def _drop_loading(self) -> None:
        if self._cancel_loading is not None:
            self._cancel_loading()
            self._cancel_loading = None

    def _open_log(self, target: Target) -> None:
        if self.target is None:
            self._take(target, ())
        else:
            self.settings.add_recent(target.text)
        self.log_opened.emit(target.text)

    # What the session tells

    def _on_bridge_started(self, started: Started) -> None:
        if not self.is_listening:
            return
        self._title = started.title or self._title
        self._recorded.clear()
        self.document.set_trace(None)
        self.document.set_sources(started.sources)
        self._set_busy(f"Running {self._title}…")
        self.changed.emit()

    def _on_bridge_trace_received(self, trace: Trace, step: int | None, reason: str) -> None:
        if not self.is_listening:
            return
        self._has_trace = reason != "failed"  # what ran of a program that recorded no backward pass
        self._set_busy("")
        if step is not None:
            self._recorded[step] = trace
            while len(self._recorded) > RECORDED_STEPS:
                del self._recorded[next(iter(self._recorded))]
        if self.target is not None:
            self.fetcher.set_program(self.target.text, self.arguments)
            self.checker.set_program(self.target.text, self.arguments)
            self.editing.set_program(self.target.text, self.arguments)
        # A script's values are gone with it: only a callable can be run again for one of them.
        self.document.set_trace(trace, is_replayable=reason == "result" and step is None)
        self.changed.emit()

    def _on_bridge_observed(self, message: Observed) -> None:
        """The script has gone on: what it did after a recorded step belongs to that, wherever the cursor is by now."""
        trace = self._recorded.get(message.step)
        if not self.is_listening or trace is None:
            return
        count = len(trace.graph.nodes)
        known = [seen for seen in message.observations if all(0 <= node < count for node in seen.nodes)]
        if self.document.trace is trace:
            self.document.add_updates(known)
        else:
            trace.observations.extend(known)

    def _on_bridge_loss_received(self, steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        # A training that was never held says nothing of its state: its losses do, from the second one on.
        if self.is_listening and self.training is None and len(steps) and steps[-1] > 0:
            self.training = TrainingChanged(state="running", step=int(steps[-1]))
            self.training_started.emit()
            self.changed.emit()

    def _on_bridge_training_changed(self, state: TrainingChanged) -> None:
        if not self.is_listening:
            return
        self.training = state
        self.changed.emit()

    def _on_bridge_failed(self, failed: Failed) -> None:
        if not self.is_listening:
            return
        where = place_text(failed.file, failed.line, failed.message)
        if failed.file and failed.line:  # of what did not even come to run the text is shown
            self.document.set_sources(self.document.sources or text_of(failed.file), (failed.file, failed.line))
        if self.document.trace is not None and self.document.trace.error:
            where = f"{where}. {_PARTLY}".removeprefix(". ")
        self._fail(failed.message, where=where, details=failed.traceback)

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        self.settled.emit("unresponsive")
        if not self.is_listening:
            self.changed.emit()
            return
        self.training = None
        self._set_busy("")
        if outcome.kind not in _QUIET_OUTCOMES:
            self._fail(outcome.message, where=outcome.log or "", details=outcome.stack)
        elif outcome.kind == "finished" and (outcome.exit_code or not self._has_trace):
            message = outcome.message
            if not self._has_trace and "backward()" not in message:
                message += " No backward pass was recorded, because none ran: the program never called backward()."
            self.notified.emit(Notification(message, "warning", buttons=self._run_again_button(), key="run"))
        self.changed.emit()

    def _on_bridge_unresponsive(self, seconds: float) -> None:
        if not self.is_listening:
            return
        text = f"The program has not answered for {seconds:.0f} seconds. It may be busy, or hang."
        self.notified.emit(Notification(text, "warning", buttons=(("Stop it", self.stop),), key="unresponsive"))

    def _on_bridge_responsive(self) -> None:
        self.settled.emit("unresponsive")

    def _on_bridge_decode_failed(self, message: str) -> None:
        if not self.is_listening:
            return
        self._set_busy("")
        self._fail(message)

    def _fail(self, message: str, where: str = "", details: str = "") -> None:
        buttons = self._run_again_button()
        self.notified.emit(Notification(message, "error", where, details, buttons, key="run"))

    def _run_again_button(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (("Run again", self.run_again),) if self.is_rerunnable else ()

    def _take(self, target: Target, arguments: Sequence[str]) -> None:
        self.target = target
        self.arguments = tuple(arguments)
        self._title = target.title
        self.settings.add_recent(target.text)
        self.changed.emit()

    def _set_busy(self, text: str) -> None:
        if text != self._busy:
            self._busy = text
            self.busy_changed.emit(text)
