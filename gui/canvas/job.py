"""Runs one layout beside the window's thread, so that a huge graph never freezes it; can be cancelled."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from engine.graph.drawing import Sizes

POLL_MS = 15


Work = Callable[[Sizes, Callable[[], bool]], object]
"""A layout: given the boxes' sizes, and whom to ask whether it is still wanted."""


class _Failure(NamedTuple):
    reason: str


Results = queue.SimpleQueue[tuple[threading.Event, object]]


class LayoutJob(QObject):
    """At most one layout at a time; a new one replaces the old one.

    The thread touches no Qt object of the window: its result is fetched by a timer, and dropped if it comes too late.
    """

    finished = Signal(object)
    """Emitted with what the work returned."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._results: Results = queue.SimpleQueue()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def is_running(self) -> bool:
        return self._stop is not None

    def start(self, work: Work, sizes: Sizes) -> None:
        """Run `work` in a thread."""
        self.cancel()
        stop = self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_run, args=(work, sizes, stop, self._results), daemon=True, name="layout"
        )
        self._thread.start()
        self._timer.start()

    def cancel(self) -> None:
        """Give up the running layout, if any; nothing is announced."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None
        self._timer.stop()

    def wait(self, timeout_s: float = 10.0) -> None:
        """Wait until the last thread has ended (for a clean end of the program, and for tests)."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _on_timer_timeout(self) -> None:
        while not self._results.empty():
            stop, result = self._results.get()
            if stop is not self._stop:
                continue
            self._stop = None
            self._timer.stop()
            if isinstance(result, _Failure):
                self.failed.emit(result.reason)
            else:
                self.finished.emit(result)


def _run(
    work: Work,
    sizes: Sizes,
    stop: threading.Event,
    results: Results,
) -> None:
    try:
        result = work(sizes, stop.is_set)
    except Exception as error:  # noqa: BLE001 - whatever a layout raises is reported in the canvas
        result = _Failure(str(error) or type(error).__name__)
    if not stop.is_set():
        results.put((stop, result))
