"""The window's hold on the worker: runs programs in it, stops them for certain, keeps a warm spare. No torch, no Qt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from .events import Event, Exited, Output, Responsive, Stream, Unresponsive
from .folders import JOURNAL_NAME, LOG_NAME, default_base, new_run_folder, note_end
from .messages import (
    CheckNode,
    Failed,
    FetchTile,
    FetchValues,
    Finished,
    Heartbeat,
    HoldAt,
    Message,
    Pause,
    Ready,
    Resume,
    Run,
    RunEdited,
    SendTrace,
    StepOnce,
    ToWindow,
)
from .outcome import Outcome, describe
from .output import OutputLog
from .process import WorkerProcess

__all__ = ["Event", "Exited", "Output", "Responsive", "Supervisor", "Unresponsive"]

_MONITOR_S = 0.5
_SPARE_AFTER_S = 5.0
_JOIN_S = 5.0


class _Session:
    """A worker together with the run that it was given, if any."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.is_ready = False
        self.has_run = False
        self.is_muted = False
        self.was_stopped = False
        self.is_unresponsive = False
        self.started_s = 0.0
        self.folder: Path | None = None
        self.finished: Finished | None = None
        self.failed: Failed | None = None
        self.over = threading.Event()


class Supervisor:
    """Runs one program at a time in a worker process.

    Parameters
    ----------
    on_event : called with every event and its body (b"" where it has none), one at a time, in threads of the
        supervisor. It must return soon and must not wait for the thread that calls the supervisor.
    stop_timeouts_s : how long `stop` waits after the interrupt, and then after the termination, before it kills.
    heartbeat_timeout_s : silence after which the worker counts as unresponsive.
    runs_folder : where journals and logs are kept; None for the user's state folder.
    keep_spare : keep a second worker warm, so that the next run starts at once.
    """

    def __init__(
        self,
        on_event: Callable[[Event, bytes | bytearray], None],
        *,
        stop_timeouts_s: tuple[float, float] = (1.5, 1.5),
        heartbeat_timeout_s: float = 6.0,
        runs_folder: Path | None = None,
        keep_spare: bool = True,
    ) -> None:
        self._on_event = on_event
        self._stop_timeouts_s = stop_timeouts_s
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._runs_folder = runs_folder
        self._keep_spare = keep_spare
        self._lock = threading.RLock()
        self._delivery_lock = threading.RLock()
        self._sessions: dict[WorkerProcess, _Session] = {}
        self._active: _Session | None = None
        self._spare: _Session | None = None
        self._is_closed = False
        self._has_start_failed = False
        self._stoppers: list[threading.Thread] = []
        self._closing = threading.Event()
        self._monitor: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether a program was started and its `Exited` has not come yet."""
        return self._active is not None

    def prepare(self) -> None:
        """Start a spare worker in the background, unless there is one; returns at once."""
        with self._lock:
            if not self._is_closed and self._spare is None:
                self._spare = self._start()

    def run(
        self,
        target: str,
        arguments: tuple[str, ...] | list[str] = (),
        values: Literal["none", "summary", "all"] = "summary",
        pause_at: int | None = None,
        *,
        follow: bool = False,
    ) -> None:
        """Run a target. A program that still runs is ended first; nothing more is told about it.

        Parameters
        ----------
        pause_at : training step to record, and to hold at.
        follow : as in `messages.Run`.

        Raises
        ------
        OSError
            If no process can be started at all.
        RuntimeError
            After `close`.
        """
        folder = new_run_folder(self._runs_folder or default_base())
        worker = self._begin(folder)
        worker.send(
            Run(
                target=target,
                arguments=tuple(arguments),
                values=values,
                pause_at=pause_at,
                follow=follow,
                journal=str(folder / JOURNAL_NAME) if folder is not None else None,
            )
        )

    def run_edited(self, request: RunEdited) -> None:
        """Run a program with edits: a trace or `EditsRefused` comes before `Exited`. Raises like `run`.

        The worker keeps the program for the next request, so one supervisor should edit one target only.
        """
        self._begin(None).send(request)

    def check(self, request: CheckNode) -> None:
        """Have a node compared with finite differences: `NodeChecked` comes before `Exited`. Raises like `run`."""
        self._begin(None).send(request)

    def fetch(self, request: FetchValues | FetchTile) -> None:
        """Have values of one output fetched: `ValuesReady`, or `TileReady`, before `Exited`. Raises like `run`.

        The worker keeps the program for the next request, so one supervisor should fetch for one target only.
        """
        self._begin(None).send(request)

    def _begin(self, folder: Path | None) -> WorkerProcess:
        """Make a worker the active one: the spare if there is one."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The supervisor is closed.")
            if self._active is not None:
                self._discard(self._active)
            session = self._spare if self._spare is not None and self._is_usable(self._spare) else self._start()
            self._spare = None
            session.has_run = True
            session.was_stopped = False
            session.finished = session.failed = None
            session.over.clear()
            session.started_s = time.monotonic()
            session.folder = folder
            self._active = session
            worker = self._worker_of(session)
            worker.output.log = OutputLog(folder / LOG_NAME) if folder is not None else None
            self._watch()
        return worker

    def pause(self) -> None:
        """Hold the training after its next step, with that step recorded."""
        self._send(Pause())

    def resume(self) -> None:
        """Let a held training go on."""
        self._send(Resume())

    def hold_at(self, step: int) -> None:
        """Let the training go on as far as a step, and hold there with that step recorded."""
        self._send(HoldAt(step=step))

    def step_once(self) -> None:
        """Run and record one more training step, and hold again."""
        self._send(StepOnce())

    def send_trace(self) -> None:
        """Ask for the trace of the step at which the training is held; of a running training, of its next step."""
        self._send(SendTrace())

    def stop(self) -> None:
        """End the running program: interrupt, then terminate, then kill of the whole tree. Returns at once."""
        with self._lock:
            session = self._active
            if session is None or session.was_stopped:
                return
            session.was_stopped = True
            self._spawn(self._escalate, session)

    def close(self) -> None:
        """End every worker and thread. A running program gets the bounds of `stop`. No event follows."""
        with self._lock:
            self._is_closed = True
            sessions = list(self._sessions.values())
            active = self._active
        self._closing.set()
        for session in sessions:
            session.is_muted = True
            if session is not active:
                self._worker_of(session).kill()
        if active is not None:
            self._escalate(active)
        deadline = time.monotonic() + _JOIN_S
        for session in sessions:
            self._worker_of(session).join(deadline - time.monotonic())
        with self._lock:
            threads = [*self._stoppers, *([self._monitor] if self._monitor is not None else [])]
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    # Workers and their sessions

    def _start(self) -> _Session:
        session = _Session()
        worker = WorkerProcess(
            on_message=self._on_worker_message, on_output=self._on_worker_output, on_exit=self._on_worker_exit
        )
        session.worker = worker
        self._sessions[worker] = session
        return session

    @staticmethod
    def _worker_of(session: _Session) -> WorkerProcess:
        assert session.worker is not None  # set before a session is handed out
        return session.worker

    def _session_of(self, worker: WorkerProcess) -> _Session:
        with self._lock:  # a worker may speak before `_start` has noted it
            return self._sessions[worker]

    def _is_usable(self, session: _Session) -> bool:
        worker = self._worker_of(session)
        return worker.is_alive and worker.channel_error is None

    def _discard(self, session: _Session) -> None:
        session.is_muted = True
        if self._active is session:
            self._active = None
        self._spawn(self._escalate, session)

    def _spawn(self, function: Callable[[_Session], None], session: _Session) -> None:
        thread = threading.Thread(target=function, args=(session,), name="worker stop", daemon=True)
        self._stoppers = [known for known in self._stoppers if known.is_alive()] + [thread]
        thread.start()

    def _escalate(self, session: _Session) -> None:
        worker = self._worker_of(session)
        worker.interrupt()
        if session.over.wait(self._stop_timeouts_s[0]):
            return
        worker.terminate()
        if session.over.wait(self._stop_timeouts_s[1]):
            return
        worker.kill()

    def _send(self, message: Message) -> None:
        with self._lock:
            session = self._active
        if session is not None:
            self._worker_of(session).send(message)

    def _watch(self) -> None:
        if self._monitor is None:
            self._monitor = threading.Thread(target=self._monitor_silence, name="worker monitor", daemon=True)
            self._monitor.start()

    # Events

    def _deliver(self, session: _Session, event: Event, body: bytes | bytearray = b"") -> None:
        with self._delivery_lock:
            if not session.is_muted:
                self._on_event(event, body)

    def _on_worker_message(self, worker: WorkerProcess, message: ToWindow, body: bytearray) -> None:
        session = self._session_of(worker)
        if isinstance(message, Ready):
            session.is_ready = True
            if session.finished is not None:  # it takes another run: the one before is over
                self._end_run(session, ())
                return
        elif isinstance(message, Finished):
            session.finished = message
        elif isinstance(message, Failed):
            session.failed = message
        elif isinstance(message, Heartbeat):
            self._prepare_if_due(session)
        if session.is_unresponsive:
            session.is_unresponsive = False
            self._deliver(session, Responsive())
        if session.has_run or isinstance(message, Ready):
            self._deliver(session, message, body)

    def _on_worker_output(self, worker: WorkerProcess, stream: Stream, text: str) -> None:
        session = self._session_of(worker)
        if session.has_run:
            self._deliver(session, Output(stream=stream, text=text))

    def _on_worker_exit(self, worker: WorkerProcess, left_behind: tuple[str, ...]) -> None:
        with self._lock:
            session = self._sessions.pop(worker)
            if self._spare is session:
                self._spare = None
            self._has_start_failed = not session.is_ready and not session.was_stopped
        if session.has_run and not session.over.is_set():
            self._end_run(session, left_behind)
        session.over.set()

    def _end_run(self, session: _Session, left_behind: tuple[str, ...]) -> None:
        outcome = self._outcome(session, left_behind)
        if session.folder is not None:
            note_end(session.folder)
        with self._lock:
            is_current = self._active is session
            if is_current:
                self._active = None
            lives_on = self._is_usable(session) and session.worker in self._sessions
            if lives_on:
                session.has_run = False
                if self._spare is None and not session.is_muted:
                    self._spare = session
                else:
                    self._worker_of(session).kill()
        session.over.set()
        if is_current:
            self._deliver(session, Exited(outcome=outcome))
            if self._keep_spare and not self._has_start_failed:
                self.prepare()

    def _outcome(self, session: _Session, left_behind: tuple[str, ...]) -> Outcome:
        worker = self._worker_of(session)
        described = describe(
            worker.returncode,
            was_stopped=session.was_stopped,
            is_ready=session.is_ready,
            finished=session.finished.message if session.finished else None,
            failure=session.failed.message if session.failed else None,
            channel_error=worker.channel_error,
            stderr=worker.output.stderr_tail,
        )
        message = described.message
        if left_behind and not session.was_stopped:
            message += f" It had left processes behind, which were ended: {', '.join(left_behind)}."
        log, journal = (session.folder / name if session.folder else None for name in (LOG_NAME, JOURNAL_NAME))
        return Outcome(
            kind=described.kind,
            message=message,
            exit_code=session.finished.exit_code if session.finished else described.exit_code,
            signal=described.signal,
            stack=described.stack,
            left_behind=left_behind,
            log=str(log) if log is not None and log.exists() else None,
            journal=str(journal) if journal is not None and journal.exists() else None,
        )

    def _prepare_if_due(self, session: _Session) -> None:
        """Warm the spare once a run has had the processor for itself in its first seconds."""
        if self._keep_spare and session is self._active and time.monotonic() - session.started_s > _SPARE_AFTER_S:
            self.prepare()

    def _monitor_silence(self) -> None:
        woke_s = time.monotonic()
        while not self._closing.wait(_MONITOR_S):
            now_s = time.monotonic()
            overslept = now_s - woke_s > 4 * _MONITOR_S  # this machine was suspended: the worker was too
            woke_s = now_s
            session = self._active
            if session is None or not session.is_ready:
                continue
            worker = self._worker_of(session)
            if overslept:
                worker.last_heard_s = now_s
            silent_s = now_s - worker.last_heard_s
            if silent_s > self._heartbeat_timeout_s and not session.is_unresponsive:
                session.is_unresponsive = True
                self._deliver(session, Unresponsive(seconds=silent_s))
