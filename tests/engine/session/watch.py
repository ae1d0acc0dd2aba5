"""Watches a supervisor in tests: collects its events, waits for some, and proves that nothing is left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

from engine.graph.trace import Trace
from engine.session.events import Event, Exited, Output
from engine.session.messages import LossPoints, TraceReady
from engine.session.outcome import Outcome
from engine.session.supervisor import Supervisor
from engine.storage.trace_file import loads

TIMEOUT_S = 40.0

E = TypeVar("E")


class Watch:
    """An `on_event` that keeps everything."""

    def __init__(self) -> None:
        self.supervisor: Supervisor
        self.events: list[tuple[Event, bytes]] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event, body: bytes | bytearray) -> None:
        with self._changed:
            self.events.append((event, bytes(body)))
            self._changed.notify_all()

    def wait(
        self, kind: type[E], accept: Callable[[E], bool] = lambda event: True, *, start: int = 0
    ) -> tuple[E, bytes]:
        """The first event of a kind from position `start` on that is accepted; fails with all events at the timeout."""
        deadline = time.monotonic() + TIMEOUT_S
        with self._changed:
            while True:
                for event, body in self.events[start:]:
                    if isinstance(event, kind) and accept(event):
                        return event, body
                rest_s = deadline - time.monotonic()
                assert rest_s > 0, f"no {kind.__name__} came; there were: {[event for event, _ in self.events]}"
                self._changed.wait(rest_s)

    def run(self, target: object, *arguments: str, **options: Any) -> Outcome:
        """Forget the events before, run a target, and wait for its end."""
        self.start(target, *arguments, **options)
        return self.outcome()

    def start(self, target: object, *arguments: str, **options: Any) -> None:
        self.events.clear()
        self.supervisor.run(str(target), arguments, **options)

    def outcome(self) -> Outcome:
        return self.wait(Exited)[0].outcome

    def of(self, kind: type[E]) -> list[E]:
        return [event for event, _ in self.events if isinstance(event, kind)]

    @property
    def output(self) -> str:
        return "".join(event.text for event in self.of(Output))

    @property
    def steps(self) -> list[int]:
        """Numbers of the training steps whose losses came, in order."""
        numbers: list[int] = []
        for event, body in self.events:
            if isinstance(event, LossPoints):
                numbers += [int.from_bytes(body[8 * k : 8 * k + 8], "little") for k in range(event.count)]
        return numbers

    def trace(self, reason: str) -> Trace:
        return loads(self.wait(TraceReady, lambda event: event.reason == reason)[1])


@contextmanager
def watched(runs_folder: Path, **options: Any) -> Iterator[Watch]:
    """A supervisor and its events; at the end, no thread, process, zombie or file descriptor of it may be left."""
    processes_before = {process.pid for process in psutil.Process().children(recursive=True)}
    threads_before = set(threading.enumerate())
    files_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    watch = Watch()
    watch.supervisor = Supervisor(watch, runs_folder=runs_folder, **options)
    try:
        yield watch
    finally:
        watch.supervisor.close()
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= processes_before
    assert [thread.name for thread in threading.enumerate() if thread not in threads_before] == []
    if files_before is not None:
        assert len(os.listdir("/proc/self/fd")) <= files_before
