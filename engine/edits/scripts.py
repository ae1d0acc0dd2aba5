"""Runs a script again up to one training step, and records that step with edits; what it does after it is left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..capture import randomness
from ..capture.recorder import Recorder
from ..errors import EditError, TraceError
from ..graph.trace import Trace
from ..programs.failure import explain
from ..programs.program import ScriptProgram
from ..training.hooks import AutogradHooks, BackwardCall
from .program import EditedProgram


class _StepRecorded(BaseException):
    """Raised inside the script once the step is recorded. Not an Exception: scripts catch those."""


def edited_script(program: ScriptProgram, step: int, structure: str = "") -> EditedProgram:
    """The edits of step number `step` of a script, counted from 0.

    The script runs as `__main__` for every change, from its beginning, with the generators of random numbers as they
    are now; modules from its folder are imported anew.
    """
    state = randomness.take()

    def run(make_recorder: Callable[..., Recorder]) -> Trace:
        randomness.restore(state)
        return _record_step(program, step, make_recorder)

    return EditedProgram(run, structure)


class _Steps:
    def __init__(self, start: Callable[[], Recorder], step: int) -> None:
        self._start = start
        self._step = step
        self._count = 0
        self.recorder: Recorder | None = start() if step == 0 else None
        self.trace: Trace | None = None

    def on_backward(self, call: BackwardCall) -> None:
        number, self._count = self._count, self._count + 1
        if self.trace is not None or number > self._step:
            raise _StepRecorded
        if self.recorder is None:
            call.run()
            if number + 1 == self._step:
                self.recorder = self._start()
            return
        self.recorder.run_backward(call.tensors, call.run)
        self.trace = self.recorder.finish(step=number)
        raise _StepRecorded


def _record_step(program: ScriptProgram, step: int, make_recorder: Callable[..., Recorder]) -> Trace:
    def start() -> Recorder:
        recorder = make_recorder(values="summary", target=program.target, keep="step")
        recorder.start()
        return recorder

    known = set(sys.modules)
    steps: _Steps | None = None
    raised: BaseException | None = None
    try:
        steps = _Steps(start, step)
        with AutogradHooks(steps.on_backward):
            program.run()
    except _StepRecorded:
        pass
    except (EditError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - a script may raise anything, SystemExit too
        raised = error
    finally:
        if steps is not None and steps.recorder is not None:
            steps.recorder.stop()
        _forget_modules(known, program.path.parent)
    if steps is not None and steps.trace is not None:
        steps.trace.target = program.target
        for path, text in program.sources.items():
            steps.trace.sources.setdefault(path, text)
        return steps.trace
    raise _failed(steps, step, raised)


def _failed(steps: _Steps | None, step: int, raised: BaseException | None) -> TraceError:
    recorder = None if steps is None else steps.recorder
    if raised is None or isinstance(raised, SystemExit):
        return TraceError(f"The script ended before step {step}, so there is nothing to edit.")
    failure = explain(raised)
    trace = None
    if recorder is not None:
        recorder.fail(raised)
        trace = recorder.finish(step=step)
    error = TraceError(failure.message, trace=trace, user_traceback=failure.traceback, source=failure.source)
    error.__cause__ = raised
    return error


def _forget_modules(known: set[str], folder: Path) -> None:
    """Let the script's own modules be imported anew by the next run: they may hold its model."""
    prefix = str(folder) + os.sep
    for name in [name for name in sys.modules if name not in known]:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(prefix):
            del sys.modules[name]
