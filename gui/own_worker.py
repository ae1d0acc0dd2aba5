"""A worker beside the one that runs the open program: started when it is first asked, ended without waiting for it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from engine.session.supervisor import Supervisor
from gui.background import Background
from gui.bridge import FRAME_MS, SessionBridge


class OwnWorker(QObject):
    """Holds the worker of somebody who runs the open program again.

    Parameters
    ----------
    connect : connects the signals of every new bridge.
    interval_ms : how long the bridge gathers events before it hands them on.
    """

    def __init__(
        self,
        background: Background,
        connect: Callable[[SessionBridge], None],
        parent: QObject,
        *,
        interval_ms: int = FRAME_MS,
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._connect = connect
        self._interval_ms = interval_ms
        self._bridge: SessionBridge | None = None
        self._closing: list[Supervisor] = []

    @property
    def is_there(self) -> bool:
        return self._bridge is not None

    def bridge(self) -> SessionBridge:
        """The way to the worker; a new one where there is none."""
        if self._bridge is None:
            self._bridge = SessionBridge(self._background, keep_spare=False, interval_ms=self._interval_ms, parent=self)
            self._connect(self._bridge)
        return self._bridge

    def drop(self) -> None:
        """End the worker in the background: to end a program that will not stop takes seconds."""
        if self._bridge is None:
            return
        supervisor = self._bridge.detach()
        self._bridge.deleteLater()
        self._bridge = None
        self._closing.append(supervisor)

        def closed(_result: object) -> None:
            if supervisor in self._closing:
                self._closing.remove(supervisor)

        self._background.run(supervisor.close, closed, closed)

    def shut_down(self) -> None:
        """End the worker and every thread of it, and wait for that."""
        self.drop()
        for supervisor in self._closing:
            supervisor.close()
        self._closing.clear()
