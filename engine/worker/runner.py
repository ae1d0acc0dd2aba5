"""The worker's main loop: takes runs from the window, executes them in the main thread, and reports."""

from __future__ import annotations

import _thread
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ..errors import ProtocolError
from ..session.messages import CheckNode, FetchTile, FetchValues, Heartbeat, Ready, Run, RunEdited, Shutdown, ToWorker
from ..session.outcome import LOST_EXIT_CODE
from ..session.protocol import Channel
from ..training.controls import Controls
from .outbox import Outbox

if TYPE_CHECKING:
    from .editing import Editor
    from .fetching import Fetcher

Request = Run | FetchValues | FetchTile | RunEdited | CheckNode
"""What the main thread executes."""
HEARTBEAT_S = 1.0
_FLUSH_S = 10.0
_STEP_GRACE_S = 5.0
_INTERRUPT_GRACE_S = 3.0
_EXIT_GRACE_S = 3.0
_NEEDED_BY_RUNS = (
    ".execute",
    "..capture.tracing",
    "..programs.failure",
    "..programs.tracing",
    "..storage.trace_file",
    "..training.absence",
    "..training.session",
)


class Worker:
    """State that the worker's threads share: the main one runs programs, one reads the channel, one beats."""

    def __init__(self, channel: Channel[ToWorker]) -> None:
        self.outbox = Outbox(channel)
        self.controls = Controls()
        self.runs: queue.Queue[tuple[Request, Controls] | None] = queue.Queue()
        self.fetcher: Fetcher | None = None
        """Keeps the last program whose values were fetched."""
        self.editor: Editor | None = None
        """Keeps the last program that was run with edits."""
        self._channel = channel
        self._pid = os.getpid()
        self._is_free = threading.Event()
        self._flush: Callable[[], None] | None = None
        self._ending = threading.Event()
        self._leaving = threading.Lock()
        self.is_lost = False

    def start(self) -> None:
        for function, name in ((self._read, "retrograd control"), (self._beat, "retrograd heartbeat")):
            threading.Thread(target=function, name=name, daemon=True).start()

    def serve(self) -> int:
        """Run what the window asks for until it is enough; returns the process's exit code."""
        from .execute import execute

        if self.runs.empty():
            import_module("torch._dynamo")  # the first optimizer does it, and takes a second: better while nobody waits
        while True:
            self._is_free.set()
            item = self.runs.get()
            if item is None:
                return 0
            self._is_free.clear()
            result = execute(*item, self)
            if not result.is_reusable:
                self._is_free.set()
                return result.exit_code
            self.send_ready(0.0)

    def send_ready(self, seconds: float) -> None:
        import torch

        self.outbox.send(Ready(torch_version=str(torch.__version__), seconds=seconds))

    def flush_with_heartbeat(self, flush: Callable[[], None] | None) -> None:
        """Let the heartbeat send what slow training steps leave waiting; None to end that."""
        self._flush = flush

    def finish(self) -> None:
        """Send everything that waits."""
        self._ending.set()
        self.outbox.close(_FLUSH_S)

    # Threads

    def _beat(self) -> None:
        while not self._ending.wait(HEARTBEAT_S):
            flush = self._flush
            if flush is not None:
                flush()
            try:
                self._channel.send(Heartbeat())
            except OSError:  # the thread that reads does not notice when the program closes the descriptor under it
                self._leave()
                return

    def _read(self) -> None:
        try:
            while (frame := self._channel.receive()) is not None:
                message = frame[0]
                if isinstance(message, Run):
                    self.controls = Controls(message.pause_at)
                    self.runs.put((message, self.controls))
                elif isinstance(message, FetchValues | FetchTile | RunEdited | CheckNode):
                    self.controls = Controls()
                    self.runs.put((message, self.controls))
                elif isinstance(message, Shutdown):
                    self.runs.put(None)
                else:
                    self.controls.apply(message)
        except (ProtocolError, OSError) as error:
            print(f"Retrograd's channel to its window broke: {error}", file=sys.__stderr__)
        self._leave()

    def _leave(self) -> None:
        """The window is gone. A training ends after its step; anything else is interrupted; then the process ends."""
        if self._ending.is_set() or not self._leaving.acquire(blocking=False):
            return
        self.is_lost = True
        self.runs.put(None)
        null = os.open(os.devnull, os.O_WRONLY)
        for stream_fd in (1, 2):  # nobody reads the pipes any more, and a print must not fail now
            os.dup2(null, stream_fd)
        self.controls.abandon()
        if not self._is_free.wait(_STEP_GRACE_S):
            _thread.interrupt_main()
            self._is_free.wait(_INTERRUPT_GRACE_S)
        time.sleep(_EXIT_GRACE_S)  # the process's own end takes this daemon thread along
        os.killpg(os.getpgid(0), signal.SIGKILL)


def run_worker(channel_fd: int) -> int:
    """Serve the window at the other end of the socket `channel_fd`; returns the process's exit code."""
    began_s = time.perf_counter()
    os.set_inheritable(channel_fd, False)
    connection = socket.socket(fileno=channel_fd)
    # A forked child would keep the channel open, and the window would never see its end.
    os.register_at_fork(after_in_child=connection.close)
    worker = Worker(Channel(connection, cast("type[ToWorker]", ToWorker)))
    worker.start()
    try:
        import torch.utils.data

        # Everything that a run needs is imported before it, so that the first does not wait, and a program that empties
        # sys.path takes nothing away from us.
        for name in _NEEDED_BY_RUNS:
            import_module(name, __package__)
        del torch
        worker.send_ready(time.perf_counter() - began_s)
        exit_code = worker.serve()
    except KeyboardInterrupt:  # stopped between two runs
        exit_code = 0
    _refuse_interrupts()
    worker.finish()
    return LOST_EXIT_CODE if worker.is_lost else exit_code


def _refuse_interrupts() -> None:
    """A Stop after the program's end has nothing left to stop: it must neither cut the end short nor show."""
    for _ in range(2):  # one that arrives during the call itself is raised by it
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            continue
        return
