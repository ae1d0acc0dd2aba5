"""One trace without a window: runs a target in a worker of its own and waits for what it records."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Literal

from ..errors import TargetError, TraceError
from ..graph.trace import Trace
from ..storage.trace_file import loads
from .events import Event, Exited, Output
from .messages import Failed, TraceReady
from .supervisor import Supervisor


def record_target(
    target: str,
    arguments: tuple[str, ...] = (),
    *,
    values: Literal["none", "summary", "all"] = "summary",
    follow: bool = False,
    on_output: Callable[[str], None] = lambda text: None,
) -> Trace:
    """Run a target until its first backward pass is recorded, then stop it.

    Parameters
    ----------
    follow : go on until the next backward pass begins, or to the script's end, and note what it does in between.
    on_output : gets what the program writes, as it comes.

    Raises
    ------
    engine.errors.TargetError
        The target cannot be run at all.
    engine.errors.TraceError
        The program failed, ended, crashed or never called backward(); `.trace` is what was recorded until then.
    KeyboardInterrupt
        The user interrupted; the program is stopped.
    """
    events: queue.Queue[tuple[Event, bytes]] = queue.Queue()
    supervisor = Supervisor(lambda event, body: events.put((event, bytes(body))), keep_spare=False)
    try:
        supervisor.run(target, arguments, values=values, follow=follow)
        return _wait(events, on_output, supervisor.stop)
    finally:
        supervisor.close()


def _wait(
    events: queue.Queue[tuple[Event, bytes]], on_output: Callable[[str], None], stop: Callable[[], None]
) -> Trace:
    recorded: Trace | None = None
    partial: Trace | None = None
    failed: Failed | None = None
    while True:
        event, body = events.get()
        if isinstance(event, Output):
            on_output(event.text)
        elif isinstance(event, TraceReady):
            trace = loads(body, name="the recorded trace")
            if event.reason == "failed":
                partial = trace
            elif recorded is None:
                recorded = trace
                stop()  # what the program has written until now still comes
        elif isinstance(event, Failed):
            failed = event
        elif isinstance(event, Exited):
            break
    if recorded is not None:
        return recorded
    message = failed.message if failed else event.outcome.message
    if failed is not None and failed.before_run:
        raise TargetError(message)
    source = (failed.file, failed.line) if failed and failed.file and failed.line else None
    raise TraceError(message, trace=partial, user_traceback=failed.traceback if failed else "", source=source)
