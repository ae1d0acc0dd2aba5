"""Sends a worker's messages from a thread of its own: a KeyboardInterrupt in the program cannot cut a frame in two."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable

from ..errors import ProtocolError
from ..session.messages import Message, ToWorker
from ..session.protocol import Channel

Body = bytes | Callable[[], bytes]
_LENGTH = 1024


class Outbox:
    """A queue of messages and the thread that sends them, in order.

    A body may be a callable that makes it: a trace is put into bytes while the program already goes on.
    """

    def __init__(self, channel: Channel[ToWorker]) -> None:
        self._channel = channel
        self._queue: queue.Queue[tuple[Message, Body] | None] = queue.Queue(_LENGTH)
        self._pid = os.getpid()
        self._is_broken = False
        self._thread = threading.Thread(target=self._run, name="retrograd outbox", daemon=True)
        self._thread.start()

    def send(self, message: Message, body: Body = b"") -> None:
        """Queue a message; waits while a thousand are queued. Dropped if the window is gone, and in a forked child."""
        if not self._is_broken and os.getpid() == self._pid:
            self._queue.put((message, body))

    def close(self, timeout_s: float) -> bool:
        """Send what is queued and end the thread; False if that took longer."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._is_broken:
                continue
            message, body = item
            try:
                self._channel.send(message, body if isinstance(body, bytes) else body())
            except OSError:  # the window is gone; the thread that reads the channel deals with it
                self._is_broken = True
            except ProtocolError as error:  # too large: the program is not to blame and goes on
                print(f"Retrograd could not send a {type(message).__name__}: {error}", file=sys.__stderr__)
            except Exception:  # noqa: BLE001 - a trace that cannot be put into bytes must not silence all that follows
                print(f"Retrograd could not send a {type(message).__name__}:", file=sys.__stderr__)
                traceback.print_exc(file=sys.__stderr__)
