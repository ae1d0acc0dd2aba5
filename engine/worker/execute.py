"""Executes one run: resolves the target, runs or traces it, and tells how it ended."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from ..catalogue import find_demo
from ..errors import SaveError, TargetError, TraceError
from ..graph.trace import Trace
from ..programs import CallableProgram, Program, ScriptProgram, resolve
from ..programs.failure import spoils_process
from ..session.journal import JournaledRun, LossJournal
from ..session.messages import (
    CheckNode,
    EditsRefused,
    Failed,
    FetchTile,
    FetchValues,
    Finished,
    Run,
    RunEdited,
    Started,
    TileReady,
    TraceReady,
    ValuesReady,
)

if TYPE_CHECKING:
    from ..training.controls import Controls
    from ..training.session import TrainingSession
    from .runner import Request, Worker


class Execution(NamedTuple):
    """How a run ended, for the worker: whether it may take another one, and the exit code if not."""

    exit_code: int
    is_reusable: bool


class Ending(NamedTuple):
    """How the program ended, for the window."""

    message: str = ""
    exit_code: int = 0
    failed: Failed | None = None


STOPPED = Ending("The program was stopped.", 130)


def execute(run: Request, controls: Controls, worker: Worker) -> Execution:
    """Execute a run and send everything about it, from Started (or Failed) to Finished; or fetch values."""
    if isinstance(run, FetchValues | FetchTile):
        return _fetch(run, worker)
    if isinstance(run, CheckNode):
        from .checking import check

        checked = check(run)
        worker.outbox.send(checked)
        worker.outbox.send(Finished(exit_code=1 if checked.message else 0))
        return Execution(0, is_reusable=not spoils_process(checked.message))
    if isinstance(run, RunEdited):
        return _edit(run, worker)
    pid = os.getpid()
    is_users = False
    try:
        program = resolve(run.target, run.arguments)
        is_users = isinstance(program, ScriptProgram) or not run.target.startswith("demo:")
        worker.outbox.send(Started(target=run.target, title=program.title, sources=program.sources))
        ending = _run_program(program, run, controls, worker)
    except TargetError as error:
        file, line = error.source or (None, None)
        ending = Ending(str(error), 2, Failed(message=str(error), file=file, line=line, before_run=True))
    except KeyboardInterrupt:
        ending = STOPPED
    if os.getpid() != pid:  # a child that the script forked came to the script's end: it is not the worker
        _leave_child(ending.exit_code)
    if ending.failed is not None:
        worker.outbox.send(ending.failed)
    worker.outbox.send(Finished(message=ending.message, exit_code=ending.exit_code))
    return Execution(ending.exit_code, is_reusable=not is_users)


def _fetch(request: FetchValues | FetchTile, worker: Worker) -> Execution:
    from .fetching import Fetcher

    if worker.fetcher is None or not worker.fetcher.is_for(request):
        worker.fetcher = Fetcher(request.target, request.arguments)
    message: ValuesReady | TileReady
    if isinstance(request, FetchTile):
        message, body = worker.fetcher.answer_part(request)
    else:
        message, body = worker.fetcher.answer(request)
    worker.outbox.send(message, body)
    worker.outbox.send(Finished(exit_code=1 if message.message else 0))
    return Execution(0, is_reusable=not spoils_process(message.message))


def _edit(request: RunEdited, worker: Worker) -> Execution:
    from .editing import Editor

    if worker.editor is None or not worker.editor.is_for(request):
        worker.editor = Editor(request)
    message, body = worker.editor.answer(request)
    worker.outbox.send(message, body)
    refusal = message.message if isinstance(message, EditsRefused) else ""
    worker.outbox.send(Finished(exit_code=1 if refusal else 0))
    return Execution(0, is_reusable=not spoils_process(refusal))


def _run_program(program: Program, run: Run, controls: Controls, worker: Worker) -> Ending:
    if isinstance(program, ScriptProgram):
        ending = _run_script(program, run, controls, worker)
        try:
            _join_threads()
        except KeyboardInterrupt:
            return STOPPED
        return ending
    return _trace_callable(program, run, worker)


def _trace_callable(program: CallableProgram, run: Run, worker: Worker) -> Ending:
    from ..programs.tracing import trace_program

    try:
        trace = trace_program(program, run.values)
    except TraceError as error:
        if error.trace is not None:
            _send_trace(worker, error.trace, "failed")
        file, line = error.source or (None, None)
        message = str(error)
        return Ending(message, 1, Failed(message=message, traceback=error.user_traceback, file=file, line=line))
    _send_trace(worker, trace, "result")
    return Ending()


def _run_script(program: ScriptProgram, run: Run, controls: Controls, worker: Worker) -> Ending:
    from ..training.session import TrainingSession

    session = TrainingSession(
        worker.outbox.send,
        controls,
        values=run.values,
        target=run.target,
        sources=program.sources,
        journal=_open_journal(run),
        steps_per_second=_pace(run),
        follow=run.follow,
    )
    raised: BaseException | None = None
    try:
        with session:
            worker.flush_with_heartbeat(session.flush)
            program.run()
    except BaseException as error:  # noqa: BLE001 - a script may raise anything; SystemExit is an ordinary end
        raised = error
    finally:
        worker.flush_with_heartbeat(None)
    if isinstance(raised, KeyboardInterrupt):
        return STOPPED
    is_failure = raised is not None and not isinstance(raised, SystemExit)
    if raised is not None and is_failure:
        unfinished = session.unfinished_trace(raised)
        if unfinished is not None:
            _send_trace(worker, unfinished, "failed")
        return _failure(raised)
    ending = _exit(raised) if isinstance(raised, SystemExit) else Ending()
    is_unseen = session.has_recorded_none and session.elsewhere is not None
    return _without_steps(ending, session, worker) if is_unseen or not session.steps else ending


def _pace(run: Run) -> float | None:
    """A demo's training is slowed down to be watched, except on the way to a step that was asked for."""
    demo = find_demo(run.target) if run.target.startswith("demo:") else None
    return None if demo is None or run.pause_at is not None else demo.steps_per_second


def _without_steps(ending: Ending, session: TrainingSession, worker: Worker) -> Ending:
    from ..training.absence import why_no_backward

    trace = session.unfinished_trace(None)
    if trace is None:
        return ending
    if session.steps and session.elsewhere is not None:
        reason = session.elsewhere.reason
        if trace.graph.nodes:
            trace.notes.append(reason)
            _send_trace(worker, trace, "failed")
        return Ending(f"{ending.message or 'The script ended.'} {reason}", ending.exit_code)
    reason = why_no_backward(trace, used_autograd_grad=session.used_autograd_grad)
    if trace.graph.nodes:
        trace.notes.append(f"No gradient was recorded, because {reason}")
        _send_trace(worker, trace, "failed")
    return Ending(f"{ending.message or 'The script ended.'} It never called backward(): {reason}", ending.exit_code)


def _failure(error: BaseException) -> Ending:
    from ..programs.failure import explain

    failure = explain(error)
    _tell(failure.traceback)  # where a terminal would show it
    file, line = failure.source or (None, None)
    failed = Failed(message=failure.message, traceback=failure.traceback, file=file, line=line)
    return Ending(failure.message, 1, failed)


def _exit(error: SystemExit) -> Ending:
    """As the interpreter does: None is 0, an int is the code, anything else is printed and means 1."""
    if error.code is None or error.code == 0:
        return Ending("The script exited.")
    if isinstance(error.code, int):
        return Ending(f"The script exited with code {error.code}.", error.code & 0xFF)
    _tell(f"{error.code}\n")
    return Ending(f"The script exited: {str(error.code)[:500]}", 1)


def _open_journal(run: Run) -> LossJournal | None:
    if run.journal is None:
        return None
    try:
        return LossJournal(run.journal, JournaledRun(run.target, run.arguments, time.time()), _tell_of_gap)
    except SaveError as error:
        _tell(f"{error}\n")
        return None


def _tell_of_gap(problem: str) -> None:
    _tell(f"Retrograd: {problem}\n")


def _send_trace(worker: Worker, trace: Trace, reason: str) -> None:
    from ..storage.trace_file import dumps

    message = TraceReady(step=trace.step, loss=trace.loss, reason="failed" if reason == "failed" else "result")
    worker.outbox.send(message, lambda: dumps(trace))


def _tell(text: str) -> None:
    try:
        (sys.stderr or sys.__stderr__ or sys.stdout).write(text)
    except (OSError, ValueError, AttributeError):  # the script has closed or replaced its stderr
        return


def _join_threads() -> None:
    """Wait for the script's own threads, as the interpreter would at its end; only then is the run over."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()


def _leave_child(exit_code: int) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(exit_code)
