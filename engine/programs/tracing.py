"""One trace of a program: a callable as a whole, a script until its first backward pass."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import TargetError, TraceError
from ..graph.trace import Trace, ValuesMode
from .program import CallableProgram, Program, ScriptProgram

if TYPE_CHECKING:
    from torch.optim.optimizer import Optimizer

    from ..capture.recorder import Recorder
    from ..training.absence import Elsewhere
    from ..training.hooks import BackwardCall
    from ..training.sequel import Sequel
    from ..training.watch import ProgramWatch


class _ScriptEnded(BaseException):
    """Raised inside the script once its first backward pass is recorded. Not an Exception: scripts catch those."""


def trace_program(
    program: Program,
    values: ValuesMode = "summary",
    *,
    follow: bool = False,
    make_recorder: Callable[..., Recorder] | None = None,
) -> Trace:
    """Record one forward and backward pass of a program.

    A callable's result is the root. A script runs unchanged until its first `backward()`, which is recorded; it ends
    there, by an exception that is no `Exception`. A script that catches that too is ended at the next line of its
    handler; one that catches everything in two nested ways, in an endless loop, runs on. (The worker process does not
    depend on this: it is ended from outside.)

    Parameters
    ----------
    follow : let a script run on to its next `backward()`, or to its end, to see what it does with the gradients: most
        mistakes in a training loop show only then. They are in the trace's observations.
    make_recorder : makes what records a callable, instead of `Recorder`.

    Raises
    ------
    engine.errors.TargetError
        If the target turns out to be none when its file is imported.
    engine.errors.TraceError
        If the program raises or never calls `backward()`; `.trace` is what was recorded until then.
    """
    import torch

    is_grad_enabled = torch.is_grad_enabled()
    try:
        if isinstance(program, ScriptProgram):
            trace = _trace_script(program, values, follow=follow)
        else:
            trace = _trace_callable(program, values, make_recorder)
    finally:
        torch.set_grad_enabled(is_grad_enabled)  # a program may leave it switched off
    return _labelled(trace, program)


def _trace_callable(
    program: CallableProgram, values: ValuesMode, make_recorder: Callable[..., Recorder] | None
) -> Trace:
    from ..capture.recorder import Recorder
    from ..capture.tracing import record
    from .failure import explain

    try:
        function, args, kwargs = program.build()
    except (TargetError, KeyboardInterrupt):
        raise
    except BaseException as error:  # importing the user's file may raise anything, SystemExit too
        failure = explain(error)
        raise TraceError(failure.message, user_traceback=failure.traceback, source=failure.source) from error
    try:
        return record(
            function,
            args,
            kwargs,
            values=values,
            target=program.target,
            keep="step",
            make_recorder=make_recorder or Recorder,
        )
    except TraceError as error:
        cause = error.__cause__
        if isinstance(cause, TargetError | KeyboardInterrupt):
            raise cause from None
        if error.trace is not None:
            _labelled(error.trace, program)
        raise
    except SystemExit as error:
        raise TraceError(f"The program exited ({error}) instead of returning its loss.") from error


def _trace_script(program: ScriptProgram, values: ValuesMode, *, follow: bool) -> Trace:
    from ..capture.recorder import Recorder
    from ..training.hooks import AutogradHooks
    from ..training.watch import ProgramWatch

    recorder = Recorder(values=values, target=program.target, keep="step")
    watch = ProgramWatch()
    first = _FirstBackward(recorder, watch, follow=follow)
    ending: BaseException | None = None
    with AutogradHooks(first.on_backward, first.on_optimizer_step) as hooks, watch:
        recorder.start()
        try:
            program.run()
        except _ScriptEnded:
            pass
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, and SystemExit is no failure
            ending = error
        finally:
            sys.settrace(first.outer_trace)
            recorder.stop()
    if isinstance(ending, KeyboardInterrupt):
        raise ending
    if first.trace is not None:
        first.observe()
        return first.trace
    if ending is not None and not isinstance(ending, SystemExit):
        raise _failed(recorder, program, ending)
    raise _without_backward(recorder, program, ending, hooks, first.elsewhere)


class _FirstBackward:
    """Records the first backward pass, then ends the script, also one that catches everything.

    A script that is followed ends at its second backward pass instead, or a few later where gradients were left over.
    """

    def __init__(self, recorder: Recorder, watch: ProgramWatch, *, follow: bool) -> None:
        self.trace: Trace | None = None
        self.elsewhere: Elsewhere | None = None
        self._thread = threading.get_ident()
        self.outer_trace = sys.gettrace()
        self._recorder = recorder
        self._watch = watch
        self._follow = follow
        self._sequel: Sequel | None = None

    def on_backward(self, call: BackwardCall) -> None:
        from ..capture.sightings import Sighting
        from ..training.absence import running_elsewhere
        from ..training.sequel import Sequel

        if threading.get_ident() != self._thread:  # nothing of it is recorded, and it cannot be ended from here
            self.elsewhere = self.elsewhere or running_elsewhere()
            call.run()
            return
        if self._sequel is not None:
            with suppress(RuntimeError):  # it is among the sightings, and the script ends here
                has_optimizers = bool(self._watch.optimizers.held())
                self._sequel.next_backward(call.tensors, call.run, has_optimizers=has_optimizers)
            if not self._sequel.is_over:
                return
            self.observe()
        elif self.trace is not None:
            self._insist()
        else:
            self._recorder.note_optimizers(self._watch.optimizers.held())
            if call.keeps_graph:
                self._recorder.note(Sighting("graph-retained"))
            self._recorder.run_backward(call.tensors, call.run)
            self._recorder.stop()
            origins = self._recorder.origins()
            self.trace = self._recorder.finish(step=0)
            if self._follow:
                self._sequel = Sequel(origins)
                return
        raise _ScriptEnded

    def on_optimizer_step(self, optimizer: Optimizer) -> None:
        if self._sequel is not None:
            self._sequel.optimizer_stepped(optimizer)
            if self._sequel.is_over:
                self.observe()
                raise _ScriptEnded

    def observe(self) -> None:
        """Add what the script did after the recorded pass, unless that is done already."""
        sequel, self._sequel = self._sequel, None
        if sequel is not None and self.trace is not None:
            self.trace.observations.extend(sequel.observed(self.trace, self._watch.reads.take()))

    def _insist(self) -> None:
        """The script swallowed the first `_ScriptEnded`: let every next line of its running functions raise it too."""
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_globals.get("__name__") == "__main__":
                frame.f_trace = self._raise_at_next_line
            frame = frame.f_back
        sys.settrace(self._ignore_call)

    def _ignore_call(self, frame: FrameType, event: str, argument: Any) -> None:
        return None  # functions called from now on are left alone

    def _raise_at_next_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            raise _ScriptEnded
        return self._raise_at_next_line


def _failed(recorder: Recorder, program: ScriptProgram, error: BaseException) -> TraceError:
    from .failure import explain

    failure = explain(error)
    recorder.fail(error)
    result = TraceError(
        failure.message,
        trace=_labelled(recorder.finish(step=0), program),
        user_traceback=failure.traceback,
        source=failure.source,
    )
    result.__cause__ = error
    return result


def _without_backward(
    recorder: Recorder,
    program: ScriptProgram,
    ending: BaseException | None,
    hooks: Any,
    elsewhere: Elsewhere | None,
) -> TraceError:
    trace = _labelled(recorder.finish(step=None), program)
    from ..training.absence import why_no_backward

    if elsewhere is not None:
        return TraceError(f"The script ended. {elsewhere.reason}", trace=trace)
    reason = why_no_backward(trace, used_autograd_grad=hooks.used_autograd_grad)
    left = "exited" if isinstance(ending, SystemExit) else "ended"
    return TraceError(f"The script {left} and never called backward(): {reason}", trace=trace)


def _labelled(trace: Trace, program: Program) -> Trace:
    trace.target = program.target
    for path, text in program.sources.items():
        trace.sources.setdefault(path, text)
    return trace
