"""Runs a program with edits for the window: keeps the program, and runs it again for each request."""

from __future__ import annotations

from ..edits.program import EditedProgram, EditedRunError, edited_callable
from ..edits.scripts import edited_script
from ..errors import EditError, TargetError
from ..graph.trace import Trace
from ..programs import ScriptProgram, resolve
from ..programs.failure import explain
from ..session.messages import EditsRefused, RunEdited, TraceReady
from ..session.snapshot import expect_unchanged
from .memory import keep_freed_memory
from .outbox import Body

SLOW_S = 0.25
"""A program that takes so long to build, each time anew, has it said why."""

_NO_STEP = (
    "This graph is no step of {}: a script is run again up to a training step, and nothing else of it can be edited."
)


class Editor:
    """Answers requests for one trace of one target."""

    def __init__(self, request: RunEdited) -> None:
        self._key = _key(request)
        self._program: EditedProgram | None = None

    def is_for(self, request: RunEdited) -> bool:
        return _key(request) == self._key

    def answer(self, request: RunEdited) -> tuple[TraceReady | EditsRefused, Body]:
        """The edited trace as a message and its body, or why there is none. Never raises."""
        try:
            if self._program is None:
                keep_freed_memory()
                self._program = _resolved(request)
            trace = self._program.run(request.edits)
            trace.notes.extend(_slowness(self._program))
        except EditedRunError as raised:
            error = raised.error
            file, line = error.source or (None, None)
            return EditsRefused(
                message=str(error), traceback=error.user_traceback, file=file, line=line, node=raised.node
            ), b""
        except (EditError, TargetError) as error:
            return EditsRefused(message=str(error)), b""
        except KeyboardInterrupt:
            return EditsRefused(message="The run with edits was stopped."), b""
        except BaseException as error:  # noqa: BLE001 - a program may raise anything while it is built, SystemExit too
            failure = explain(error)
            return EditsRefused(message=failure.message, traceback=failure.traceback), b""
        return TraceReady(step=trace.step, loss=trace.loss, reason="edited"), _Dump(trace)


def _slowness(program: EditedProgram) -> list[str]:
    if not program.why_anew or program.build_s < SLOW_S:
        return []
    return [f"The program is built anew for every edit, because {program.why_anew}."]


class _Dump:
    """Puts a trace into bytes on the thread that sends it."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __call__(self) -> bytes:
        from ..storage.trace_file import dumps

        return dumps(self._trace)


def _key(request: RunEdited) -> tuple[object, ...]:
    return request.target, request.arguments, request.structure, request.step


def _resolved(request: RunEdited) -> EditedProgram:
    program = resolve(request.target, request.arguments)
    expect_unchanged(program.sources, request.sources)
    if not isinstance(program, ScriptProgram):
        return edited_callable(program, request.structure)
    if request.step is None:
        raise EditError(_NO_STEP.format(program.title))
    return edited_script(program, request.step, request.structure)
