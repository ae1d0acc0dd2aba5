"""A running training: counts its steps, sends out their losses, records the steps that are asked for, holds there."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple

from torch.optim.optimizer import Optimizer

from ..graph.observation import Observation
from ..graph.trace import Trace, ValuesMode
from ..session.messages import LossPoints, Message, Observed, TraceReady, TrainingChanged
from .absence import Elsewhere, running_elsewhere
from .controls import Controls
from .feed import LossFeed, LossJournal, value_of
from .hooks import AutogradHooks, BackwardCall
from .updates import UpdateWatch
from .watch import ProgramWatch

if TYPE_CHECKING:
    from ..capture.recorder import Recorder
    from .sequel import Sequel

_HOLD_TICK_S = 0.2
_MAX_FAULTS = 3

_FOLLOW_S = 30.0

Reason = Literal["first", "paused", "requested", "result", "failed"]


class _Followed(NamedTuple):
    """The first trace, while it is not known yet what the script does after it."""

    trace: Trace
    step: int
    sequel: Sequel
    latest_s: float
    is_held_back: bool


class _Updated(NamedTuple):
    """The step recorded last, until the next backward pass begins."""

    trace: Trace
    step: int
    watch: UpdateWatch


class _Once:
    """A function that does nothing when it is called again."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function is not None:
            function()


class TrainingSession:
    """Watches a script while it runs; every `backward()` that it calls is one step, counted from 0.

    The first step is recorded from the start of the script; later ones from the end of the step before. A paused
    training is held right after its backward pass: the gradients are there, the parameters not updated yet.

    Parameters
    ----------
    send : takes each message and its body, or what makes the body; called in the training's thread and in `flush`'s.
    controls : what the window asks for.
    journal : takes every loss as soon as it is known.
    steps_per_second : the most steps in a second, for a training that is there to be watched.
    follow : send the first trace only once it is known what the script does until its next backward pass (or when the
        script ends, or half a minute has gone by), together with that. Otherwise it is sent at once, and an `Observed`
        follows where there is anything to tell.
    """

    def __init__(
        self,
        send: Callable[[Message, bytes | Callable[[], bytes]], None],
        controls: Controls,
        *,
        values: ValuesMode = "summary",
        target: str = "",
        sources: dict[str, str] | None = None,
        journal: LossJournal | None = None,
        steps_per_second: float | None = None,
        follow: bool = False,
    ) -> None:
        self.steps = 0
        self.used_autograd_grad = False
        self.elsewhere: Elsewhere | None = None
        """The first backward pass that was not recorded since it ran in another thread."""
        self._send = send
        self._controls = controls
        self._values: ValuesMode = values
        self._target = target
        self._sources = sources or {}
        self._feed = LossFeed(self._send_points, journal)
        self._hooks = AutogradHooks(self._on_backward, self._on_optimizer_step, self._before_optimizer_step)
        self._updated: _Updated | None = None
        self._watch = ProgramWatch()
        self._follow = follow
        self._followed: _Followed | None = None
        self._holding = threading.Lock()
        self._stepped = ""
        self._recorder: Recorder | None = None
        self._recorder_thread = 0
        self._parked: list[Recorder] = []
        self._failed: Recorder | None = None
        self._needs_first = True
        self._faults = 0
        self._step_s = 1 / steps_per_second if steps_per_second else 0.0
        self._next_step_s = 0.0

    def __enter__(self) -> TrainingSession:
        _leave_in_children(self)
        self._hooks.install()
        self._watch.install()
        self._start_recorder()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, entry: TracebackType | None
    ) -> None:
        self._hooks.remove()
        self._watch.remove()
        self._end_updates("The program ended before an optimizer took a step.")
        self._conclude_followed()
        self.used_autograd_grad = self._hooks.used_autograd_grad
        for recorder in (self._recorder, *self._parked):
            if recorder is not None:
                recorder.stop()
        self._feed.close()
        if self.steps:
            self._send(TrainingChanged(state="finished", step=self.steps - 1), b"")

    @property
    def has_recorded_none(self) -> bool:
        """Whether no step has been recorded, of however many there were."""
        return self._needs_first

    def flush(self) -> None:
        """Send what waits for the next step, if that is late; for a thread that calls this now and then."""
        self._feed.flush()
        followed = self._followed
        if followed is not None and time.monotonic() > followed.latest_s:
            self._conclude_followed()

    def unfinished_trace(self, error: BaseException | None) -> Trace | None:
        """After the end: what was recorded of a step that never reached its backward pass."""
        recorder = self._parked[0] if self.has_recorded_none and self._parked else self._recorder or self._failed
        if recorder is None:
            return None
        try:
            if error is not None:
                recorder.fail(error)
            return self._labelled(recorder.finish(step=self.steps if self.steps else None))
        except Exception:  # noqa: BLE001 - a fault of the recorder must not hide the program's own error
            self._report_recorder_fault()
            return None

    # Steps

    def _on_backward(self, call: BackwardCall) -> None:
        self._end_updates("Another backward pass began before an optimizer took a step: its gradients add to these.")
        if self._followed is not None:
            call = self._conclude(call)
        step = self.steps
        value = value_of(call.tensors)
        recorder = self._recorder
        trace = None
        if recorder is None:
            call.run()
        else:
            trace = self._record(recorder, call, step)
        self._stepped = ""
        self.steps = step + 1
        self._failed = None
        self._feed.add(step, value)
        controls = self._controls
        if recorder is not None or controls.wants_attention or controls.pause_at is not None or self._needs_first:
            self._attend(step, trace, value, was_recording=recorder is not None)
        if self._step_s and self._controls.pause_at is None:  # nobody watches what is only run through
            self._keep_pace()

    def _keep_pace(self) -> None:
        """Wait until the next step is due; a request of the window cuts that short."""
        self._next_step_s = max(self._next_step_s + self._step_s, time.monotonic())
        while (left_s := self._next_step_s - time.monotonic()) > 0 and not self._controls.wants_attention:
            self._controls.wait(left_s)

    def _record(self, recorder: Recorder, call: BackwardCall, step: int) -> Trace | None:
        if self._recorder_thread != threading.get_ident():
            # The recorder sees its own thread alone, and can be taken off there alone; the next step gets another one.
            self._parked.append(recorder)
            self._recorder = None
            self.elsewhere = self.elsewhere or running_elsewhere()
            call.run()
            return None
        from ..capture.sightings import Sighting

        recorder.note_optimizers(self._watch.optimizers.held())
        if call.keeps_graph:
            recorder.note(Sighting("graph-retained"))
        try:
            recorder.run_backward(call.tensors, call.run)
        except BaseException:
            self._failed = recorder  # its trace tells what failed, unless the script catches that and goes on
            raise
        finally:
            self._recorder = None
        try:
            recorder.stop()
            return self._finished(recorder, step)
        except Exception:  # noqa: BLE001 - a fault of the recorder must not end the user's training
            self._report_recorder_fault()
            return None

    def _finished(self, recorder: Recorder, step: int) -> Trace:
        from ..capture.sightings import Sighting
        from .sequel import Sequel, sightings_of_reads

        if self._stepped:
            recorder.note(Sighting("optimizer-step", text=self._stepped))
        origins = recorder.origins()
        for seen in sightings_of_reads(self._watch.reads.take(), origins):
            recorder.note(seen)
        trace = self._labelled(recorder.finish(step=step))
        self._updated = _Updated(trace, step, UpdateWatch(origins))
        if self._needs_first:
            latest_s = time.monotonic() + _FOLLOW_S if self._follow else math.inf
            self._followed = _Followed(trace, step, Sequel(origins), latest_s, is_held_back=self._follow)
        return trace

    def _conclude(self, call: BackwardCall) -> BackwardCall:
        """A pass after the one that is followed begins: compare, and tell what is known once it is enough."""
        followed = self._followed
        if followed is None:  # the other thread was faster
            return call
        run = _Once(call.run)
        try:
            has_optimizers = bool(self._watch.optimizers.held())
            followed.sequel.next_backward(call.tensors, run, has_optimizers=has_optimizers)
        finally:
            if followed.sequel.is_over:
                self._conclude_followed()
        return call._replace(run=run)

    def _conclude_followed(self) -> None:
        with self._holding:
            followed, self._followed = self._followed, None
        if followed is not None:
            found = followed.sequel.observed(followed.trace, self._watch.reads.take())
            if followed.is_held_back:
                followed.trace.observations.extend(found)
                self._send_trace(followed.trace, followed.step, followed.trace.loss, "first")
            elif found:  # the trace itself may be on its way still, and must not change any more
                self._send(Observed(step=followed.step, observations=tuple(found)), b"")

    def _attend(self, step: int, trace: Trace | None, value: object, *, was_recording: bool) -> None:
        controls = self._controls
        if controls.is_abandoned:
            self._feed.flush()
            raise KeyboardInterrupt
        if controls.is_due(step):
            controls.hold()
        holds = controls.is_pausing and was_recording
        loss = trace.loss if trace is not None and trace.loss is not None else value
        if trace is not None:
            is_first, self._needs_first = self._needs_first, False
            controls.take_trace_request()
            if self._followed is None or self._followed.trace is not trace or not self._followed.is_held_back:
                self._send_trace(trace, step, loss, "paused" if holds else "first" if is_first else "requested")
        if holds:
            self._hold(step, trace, loss)
        if self._recorder is None and (controls.wants_recording(step + 1) or self._needs_first):
            self._start_recorder()

    def _hold(self, step: int, trace: Trace | None, loss: object) -> None:
        controls = self._controls
        self._feed.flush()
        self._send(TrainingChanged(state="paused", step=step), b"")
        while controls.is_pausing and not controls.take_single_step():
            if controls.is_abandoned:
                raise KeyboardInterrupt
            if controls.take_trace_request() and trace is not None:
                self._send_trace(trace, step, loss, "requested")
            controls.wait(_HOLD_TICK_S)
        self._send(TrainingChanged(state="running", step=step), b"")

    def _before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self._updated is not None:
            self._updated.watch.before_step(optimizer)

    def _tell_updates(self, optimizer: Optimizer) -> None:
        """Send what an optimizer has changed of the leaves of the step that was recorded."""
        updated = self._updated
        if updated is not None:
            self._observe(updated, updated.watch.after_step(optimizer, updated.trace.graph.nodes))

    def _end_updates(self, reason: str) -> None:
        """No optimizer's step belongs to the recorded pass any more."""
        updated, self._updated = self._updated, None
        if updated is not None and not updated.watch.has_seen:
            self._observe(updated, [Observation(kind="no-update", text=reason)])

    def _observe(self, updated: _Updated, found: list[Observation]) -> None:
        followed = self._followed
        if followed is not None and followed.is_held_back and followed.trace is updated.trace:
            followed.trace.observations.extend(found)
        elif found:
            self._send(Observed(step=updated.step, observations=tuple(found)), b"")

    def _on_optimizer_step(self, optimizer: Optimizer) -> None:
        self._stepped = type(optimizer).__name__
        self._tell_updates(optimizer)
        if self._followed is not None:
            self._followed.sequel.optimizer_stepped(optimizer)
            if self._followed is not None and self._followed.sequel.is_over:
                self._conclude_followed()
        self._feed.learning_rate = optimizer.param_groups[0].get("lr") if optimizer.param_groups else None

    # Recording

    def _start_recorder(self) -> None:
        from ..capture.recorder import Recorder

        if self._faults >= _MAX_FAULTS:
            return
        try:
            recorder = Recorder(values=self._values, target=self._target, keep="step")
            recorder.start()
        except Exception:  # noqa: BLE001 - a fault of the recorder must not end the user's training
            self._report_recorder_fault()
            return
        self._recorder = recorder
        self._recorder_thread = threading.get_ident()

    def _labelled(self, trace: Trace) -> Trace:
        trace.target = self._target
        for path, text in self._sources.items():
            trace.sources.setdefault(path, text)
        return trace

    def _send_trace(self, trace: Trace, step: int, loss: object, reason: Reason) -> None:
        from ..storage.trace_file import dumps

        number = float(loss) if isinstance(loss, float) else None
        self._send(TraceReady(step=step, loss=number, reason=reason), lambda: dumps(trace))

    def _send_points(self, message: LossPoints, body: bytes) -> None:
        self._send(message, body)

    def _report_recorder_fault(self) -> None:
        self._faults += 1
        self._needs_first = self._needs_first and self._faults < _MAX_FAULTS
        print(
            f"Retrograd could not record step {self.steps} of this training; the training goes on.\n"
            + traceback.format_exc(),
            file=sys.__stderr__,
        )

    def leave_child(self) -> None:
        """In a forked child: nothing is watched or recorded there."""
        self._hooks.remove()
        self._watch.remove()
        recorder, self._recorder = self._recorder, None
        if recorder is not None and self._recorder_thread == threading.get_ident():
            recorder.stop()


_running: weakref.ref[TrainingSession] | None = None


def _leave_in_children(session: TrainingSession) -> None:
    global _running  # noqa: PLW0603 - fork handlers cannot be taken off, so there is one for all sessions
    if _running is None:
        os.register_at_fork(after_in_child=_after_fork)
    _running = weakref.ref(session)


def _after_fork() -> None:
    session = _running() if _running is not None else None
    if session is not None:
        session.leave_child()
