"""The first start's window hears of later ones: reads what they send, bounded in size and time, and answers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier, QTimer

from gui.handover import Answer, Listener, Request, is_secret, pack, unpack

MAX_CALLERS = 16
"""So many may be heard at the same time; more wait until one of them is done."""
CALL_MS = 5000
"""Whoever has not said everything by then is hung up on."""
_PART_BYTES = 65_536


class HandOverServer(QObject):
    """Answers later starts on the window's thread.

    Parameters
    ----------
    listener : becomes the server's, which closes it.
    takes : asked for every request of this user; whether it will be taken.
    take : does what was asked, after the answer has gone out: a caller that hung up asks for nothing any more.
    """

    def __init__(
        self,
        listener: Listener,
        takes: Callable[[Request], bool],
        take: Callable[[Request], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._listener = listener
        self._takes = takes
        self._take = take
        self._callers: set[_Caller] = set()
        self._notifier = QSocketNotifier(listener.socket.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_notifier_activated)

    def close(self) -> None:
        """Hear nobody any more."""
        self._notifier.setEnabled(False)
        for caller in list(self._callers):
            caller.hang_up()
        self._listener.close()

    def answer(self, data: bytes) -> tuple[Answer, Request] | None:
        """What to say to `data`, and the request in it; None while it is not whole. ValueError for a stranger."""
        request = unpack(data, Request)
        if request is None:
            return None
        if not is_secret(request.secret, self._listener.secret):
            raise ValueError("the secret is wrong")
        return Answer(is_taken=self._takes(request)), request

    def take(self, request: Request) -> None:
        self._take(request)

    def forget(self, caller: _Caller) -> None:
        """A caller has hung up or was hung up on."""
        self._callers.discard(caller)
        self._notifier.setEnabled(self._listener.socket.fileno() >= 0)

    def _on_notifier_activated(self) -> None:
        try:
            connection, _ = self._listener.socket.accept()
        except OSError:  # it has gone again
            return
        self._callers.add(_Caller(connection, self))
        if len(self._callers) >= MAX_CALLERS:
            self._notifier.setEnabled(False)


class _Caller(QObject):
    """One connection."""

    def __init__(self, connection: socket.socket, server: HandOverServer) -> None:
        super().__init__(server)
        self._server = server
        self._connection = connection
        self._data = b""
        connection.setblocking(False)
        self._notifier = QSocketNotifier(connection.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_notifier_activated)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(CALL_MS)
        self._patience.timeout.connect(self.hang_up)
        self._patience.start()

    def hang_up(self) -> None:
        self._notifier.setEnabled(False)
        self._patience.stop()
        self._connection.close()
        self._server.forget(self)
        self.deleteLater()

    def _on_notifier_activated(self) -> None:
        try:
            part = self._connection.recv(_PART_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self.hang_up()
            return
        self._data += part
        try:
            answered = self._server.answer(self._data)
        except ValueError:  # a stranger, or noise: no answer, so nothing can be learned from one
            self.hang_up()
            return
        if answered is None:
            return
        answer, request = answered
        is_there = False
        with contextlib.suppress(OSError):
            is_there = self._connection.send(pack(answer)) > 0
        self.hang_up()
        if is_there and answer.is_taken:
            self._server.take(request)
