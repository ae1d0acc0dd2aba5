"""From the supervisor's threads to the window's: events become signals, many at once per frame, traces ready-made."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from engine.graph.trace import Trace
from engine.session.events import Event, Exited, Output, Responsive, Unresponsive
from engine.session.messages import (
    CheckNode,
    EditsRefused,
    Failed,
    FetchTile,
    FetchValues,
    Finished,
    LossPoints,
    NodeChecked,
    Observed,
    Ready,
    RunEdited,
    Started,
    TileReady,
    TraceReady,
    TrainingChanged,
    ValuesReady,
)
from engine.session.supervisor import Supervisor
from gui.background import Background

FRAME_MS = 16
MAX_OUTPUT_PER_FRAME = 750_000
"""Characters of a stream that are handed on at once; of more, the first are left out (the log on disk has them all)."""

_Item = tuple[Event, bytes | bytearray]


class SessionBridge(QObject):
    """The window's side of one supervisor. Every signal is emitted on the thread of this object.

    Losses and output are handed on at once. The other events keep their order: while a trace is being decoded (in the
    background), those that came after it wait.
    """

    ready = Signal(object)
    """`Ready`: torch is imported."""
    started = Signal(object)
    """`Started`: the program begins."""
    trace_received = Signal(object, object, str)
    """The `Trace`, its training step (or None) and the reason, as in `TraceReady`."""
    observed = Signal(object)
    """`Observed`: what the program did after the backward pass of a step whose trace was received."""
    values_received = Signal(object, object)
    """`ValuesReady`, and the array, or None where its message says why there is none."""
    tile_received = Signal(object, object)
    """`TileReady` and its body."""
    edits_refused = Signal(object)
    """`EditsRefused`: a program was not run with edits, or raised."""
    node_checked = Signal(object)
    """`NodeChecked`."""
    loss_received = Signal(object, object)
    """Steps (int64 array) and losses (float64 array)."""
    rate_changed = Signal(float, object)
    """Training steps per second, and the learning rate or None."""
    training_changed = Signal(object)
    """`TrainingChanged`."""
    output_received = Signal(str, str)
    """The stream's name and a text."""
    failed = Signal(object)
    """`Failed`: the program raised."""
    finished = Signal(object)
    """`Finished`: the program is over."""
    exited = Signal(object)
    """The run's `Outcome`: the last signal of every run."""
    unresponsive = Signal(float)
    responsive = Signal()
    decode_failed = Signal(str)
    """A trace came that cannot be read; a sentence."""
    _woken = Signal()

    def __init__(
        self,
        background: Background,
        *,
        runs_folder: Path | None = None,
        keep_spare: bool = True,
        interval_ms: int = FRAME_MS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._lock = threading.Lock()
        self._incoming: deque[_Item] = deque()
        self._is_awake = False
        self._is_closed = False
        self._is_running = False
        self._ordered: deque[_Item] = deque()
        self._is_decoding = False
        self._run_number = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)
        self.supervisor = Supervisor(self._take, runs_folder=runs_folder, keep_spare=keep_spare)

    @property
    def is_running(self) -> bool:
        """Whether a program runs: from `run` to the `exited` signal, which is the last that is heard of it."""
        return self._is_running

    def prepare(self) -> None:
        """Warm a worker up, so that the next run starts at once."""
        self.supervisor.prepare()

    def run(self, target: str, arguments: tuple[str, ...] = (), pause_at: int | None = None) -> None:
        """Run a target; nothing more is heard of a run before. Raises OSError where no process can be started."""
        self._forget()
        self._is_running = False
        self.supervisor.run(target, arguments, pause_at=pause_at)
        self._is_running = True

    def fetch(self, request: FetchValues | FetchTile) -> None:
        """Have values fetched; `values_received` or `tile_received` follows, then `exited`. Raises like `run`."""
        self._forget()
        self.supervisor.fetch(request)
        self._is_running = True

    def check(self, request: CheckNode) -> None:
        """Have a node checked by another run; `node_checked` follows, then `exited`. Raises like `run`."""
        self._forget()
        self.supervisor.check(request)
        self._is_running = True

    def run_edited(self, request: RunEdited) -> None:
        """Run a program with edits; `trace_received` or `edits_refused` follows, then `exited`. Raises like `run`."""
        self._forget()
        self.supervisor.run_edited(request)
        self._is_running = True

    def stop(self) -> None:
        """End the program; `exited` follows within a few seconds, whatever it does."""
        self.supervisor.stop()

    def close(self) -> None:
        """End the program, every worker and every thread. No signal follows."""
        self._is_closed = True
        self._is_running = False
        self.supervisor.close()
        self.detach()

    def detach(self) -> Supervisor:
        """Hear nothing more, and give the supervisor to the caller, who closes it (which may take seconds)."""
        self._is_closed = True
        self._is_running = False
        self._forget()
        self._timer.stop()
        return self.supervisor

    def _forget(self) -> None:
        self._run_number += 1
        self._ordered.clear()
        self._is_decoding = False
        with self._lock:
            self._incoming.clear()

    # On the supervisor's threads

    def _take(self, event: Event, body: bytes | bytearray) -> None:
        with self._lock:
            self._incoming.append((event, body))
            wake, self._is_awake = not self._is_awake, True
        if wake and not self._is_closed:
            with contextlib.suppress(RuntimeError):  # this object is deleted while the program ends
                self._woken.emit()

    # On the window's thread

    def _on_woken(self) -> None:
        if not self._is_closed and not self._timer.isActive():
            self._timer.start()

    def _on_timer_timeout(self) -> None:
        with self._lock:
            items = list(self._incoming)
            self._incoming.clear()
            self._is_awake = False
        losses = [(event, body) for event, body in items if isinstance(event, LossPoints)]
        outputs = [event for event, _ in items if isinstance(event, Output)]
        self._ordered.extend(item for item in items if not isinstance(item[0], LossPoints | Output))
        # The start goes first: the losses and the output after it belong to this run.
        if self._ordered and isinstance(self._ordered[0][0], Ready | Started):
            self._hand_on()
        self._hand_on_losses(losses)
        for stream, text in join_outputs(outputs):
            self.output_received.emit(stream, text)
        self._hand_on()

    def _hand_on_losses(self, items: list[tuple[LossPoints, bytes | bytearray]]) -> None:
        if not items:
            return
        parts = [decode_losses(event.count, body) for event, body in items]
        self.loss_received.emit(
            np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        )
        last = items[-1][0]
        self.rate_changed.emit(last.steps_per_second, last.learning_rate)

    def _hand_on(self) -> None:
        while self._ordered and not self._is_decoding and not self._is_closed:
            event, body = self._ordered.popleft()
            if isinstance(event, TraceReady):
                self._decode(event, body)
            elif isinstance(event, ValuesReady):
                self.values_received.emit(event, decode_values(event, body))
            elif isinstance(event, TileReady):
                self.tile_received.emit(event, bytes(body))
            else:
                self._emit(event)

    def _emit(self, event: Event) -> None:
        if isinstance(event, Ready):
            self.ready.emit(event)
        elif isinstance(event, Started):
            self.started.emit(event)
        elif isinstance(event, TrainingChanged):
            self.training_changed.emit(event)
        elif isinstance(event, Observed):
            self.observed.emit(event)
        elif isinstance(event, NodeChecked):
            self.node_checked.emit(event)
        elif isinstance(event, Failed):
            self.failed.emit(event)
        elif isinstance(event, EditsRefused):
            self.edits_refused.emit(event)
        elif isinstance(event, Finished):
            self.finished.emit(event)
        elif isinstance(event, Exited):
            self._is_running = False
            self.exited.emit(event.outcome)
        elif isinstance(event, Unresponsive):
            self.unresponsive.emit(event.seconds)
        elif isinstance(event, Responsive):
            self.responsive.emit()

    def _decode(self, event: TraceReady, body: bytes | bytearray) -> None:
        self._is_decoding = True
        number = self._run_number

        def job() -> Trace:
            from engine.storage.trace_file import loads
            from gui.reading import prepared

            return prepared(loads(bytes(body)))

        def then(trace: Any) -> None:
            if number == self._run_number:
                self._is_decoding = False
                self.trace_received.emit(trace, event.step, event.reason)
                self._hand_on()

        def failed(error: Exception) -> None:
            if number == self._run_number:
                self._is_decoding = False
                self.decode_failed.emit(f"The program sent a trace that cannot be read: {error}")
                self._hand_on()

        self._background.run(job, then, failed)


def decode_losses(count: int, body: bytes | bytearray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Steps and losses from the body of a `LossPoints`; of a short body, the points that are whole."""
    count = max(0, min(count, len(body) // 16))
    steps = np.frombuffer(body, "<i8", count).astype(np.int64)
    values = np.frombuffer(body, "<f8", count, offset=8 * count).astype(np.float64)
    return steps, values


def decode_values(event: ValuesReady, body: bytes | bytearray) -> npt.NDArray[Any] | None:
    """The array in the body of a `ValuesReady`; None where there is none, or it does not fit what the event says."""
    if event.message:
        return None
    try:
        return np.frombuffer(bytearray(body), np.dtype(event.dtype)).reshape(event.shape)
    except (TypeError, ValueError):  # no dtype of NumPy's, or another number of bytes
        return None


def join_outputs(outputs: list[Output]) -> list[tuple[str, str]]:
    """Neighbouring texts of one stream as one; the beginning is left out, and said so, where they are too long."""
    joined: list[tuple[str, list[str]]] = []
    for output in outputs:
        if joined and joined[-1][0] == output.stream:
            joined[-1][1].append(output.text)
        else:
            joined.append((output.stream, [output.text]))
    result: list[tuple[str, str]] = []
    room = MAX_OUTPUT_PER_FRAME
    for stream, parts in reversed(joined):
        text = "".join(parts)
        if room <= 0:
            break
        if len(text) > room:
            text = f"[… {len(text) - room:,} characters are only in the log …]\n{text[-room:]}"
        room -= len(text)
        result.append((stream, text))
    return result[::-1]
