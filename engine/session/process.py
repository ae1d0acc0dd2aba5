"""One worker process as the window sees it: its channel, its output, its end. Knows nothing of runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import psutil

from ..errors import ProtocolError
from . import tree
from .events import Stream
from .messages import Message, ToWindow
from .output import OutputPump
from .protocol import Channel

BOOTSTRAP = Path(__file__).resolve().parent.parent / "worker" / "bootstrap.py"
_HELPER_GRACE_S = 0.5
_JOIN_S = 5.0


class WorkerProcess:
    """Starts a worker in a process group of its own and reports what it sends, writes, and how it ends.

    Parameters
    ----------
    on_message, on_output, on_exit : called in threads of this object, with the object first. `on_exit` is the last
        call; it gets the texts of the processes that were left behind.

    Attributes
    ----------
    last_heard_s : `time.monotonic()` of the last message.
    channel_error : why the channel broke, None if it did not.
    exited : set when the process is gone, its output delivered and its threads about to end.
    """

    def __init__(
        self,
        *,
        on_message: Callable[[WorkerProcess, ToWindow, bytearray], None],
        on_output: Callable[[WorkerProcess, Stream, str], None],
        on_exit: Callable[[WorkerProcess, tuple[str, ...]], None],
    ) -> None:
        self.token = uuid.uuid4().hex
        self.last_heard_s = time.monotonic()
        self.channel_error: str | None = None
        self.exited = threading.Event()
        self._on_message = on_message
        self._on_output = on_output
        self._on_exit = on_exit
        self._known: dict[int, psutil.Process] = {}
        ours, theirs = socket.socketpair()
        try:
            self._popen = subprocess.Popen(
                [sys.executable, str(BOOTSTRAP), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={**os.environ, tree.MARK: self.token},
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        # The same pickle-free frames in both directions; the union makes every other record a protocol error.
        self._channel: Channel[ToWindow] = Channel(ours, cast("type[ToWindow]", ToWindow))
        streams: dict[Stream, IO[bytes]] = {
            "stdout": cast("IO[bytes]", self._popen.stdout),
            "stderr": cast("IO[bytes]", self._popen.stderr),
        }
        self.output = OutputPump(streams, self._deliver_output)
        self.output.start()
        self._reader = threading.Thread(target=self._read, name="worker messages", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name="worker exit", daemon=True)
        self._reader.start()
        self._waiter.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess.Popen.returncode`; None while it lives."""
        return self._popen.returncode

    @property
    def is_alive(self) -> bool:
        return self._popen.returncode is None

    def send(self, message: Message) -> None:
        """Send a message; one to a worker that is gone is dropped, since its exit is reported anyway."""
        try:
            self._channel.send(message)
        except OSError:
            return

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the program."""
        self._signal(signal.SIGINT)

    def terminate(self) -> None:
        """Ask the worker's whole process group to end."""
        self._remember_children()
        try:
            os.killpg(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """End the worker and everything that it started, at once. Works on stopped (SIGSTOP) processes too."""
        self._remember_children()
        self._signal(signal.SIGKILL)
        tree.kill(list(self._known.values()))

    def join(self, timeout_s: float) -> bool:
        """Wait until the process and this object's threads are gone; False if that took longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        for thread in (self._waiter, self._reader):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not self._waiter.is_alive()

    def _signal(self, number: signal.Signals) -> None:
        if self.is_alive:  # never signal a pid that may belong to another process by now
            self._popen.send_signal(number)

    def _remember_children(self) -> None:
        if self.is_alive:
            self._known.update({process.pid: process for process in tree.descendants(self.pid)})

    def _deliver_output(self, stream: Stream, text: str) -> None:
        self._on_output(self, stream, text)

    def _read(self) -> None:
        try:
            while (frame := self._channel.receive()) is not None:
                self.last_heard_s = time.monotonic()
                self._on_message(self, *frame)
        except ProtocolError as error:
            if self.is_alive:
                # A frame cut short by the worker's own death tells nothing; a living worker's channel is unusable.
                try:
                    self._popen.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    self.channel_error = str(error)
                    self.kill()

    def _wait(self) -> None:
        self._popen.wait()
        left_behind = tree.sweep(self.token, list(self._known.values()), grace_s=_HELPER_GRACE_S)
        self.output.finish()
        self._reader.join(_JOIN_S)
        if self._reader.is_alive():
            self._channel.shutdown()
            self._reader.join(_JOIN_S)
        self._channel.close()
        try:
            self._on_exit(self, left_behind)
        finally:
            self.exited.set()
