"""Runs one layout beside the window's thread, so that a huge graph never freezes it; can be cancelled."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from engine.graph.drawing import Sizes

POLL_MS = 15
PATIENCE_S = 0.3
"""A layout that is done within this time is not worth a word."""

Work = Callable[[Sizes, Callable[[], bool], Callable[[float], None]], object]
"""A layout: given the boxes' sizes, whom to ask whether it is still wanted, and whom to tell what share is done."""


class _Failure(NamedTuple):
    reason: str


class _Watch(threading.Event):
    """One layout as seen from both threads: set when it is not wanted any more."""

    def __init__(self) -> None:
        super().__init__()
        self.begun_at = time.monotonic()
        self.share = 0.0

    def tell(self, share: float) -> None:
        self.share = share


Results = queue.SimpleQueue[tuple[_Watch, object]]


class LayoutJob(QObject):
    """At most one layout at a time; a new one replaces the old one.

    The thread touches no Qt object of the window: its result is fetched by a timer, and dropped if it comes too late.
    """

    finished = Signal(object)
    """Emitted with what the work returned."""
    failed = Signal(str)
    progressed = Signal(int)
    """Emitted with how many per cent are done, once a layout turns out to take its time, and when that changes."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._results: Results = queue.SimpleQueue()
        self._stop: _Watch | None = None
        self._percent: int | None = None
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def is_running(self) -> bool:
        return self._stop is not None

    @property
    def percent(self) -> int | None:
        """How much of the running layout is done; None while it is not worth a word."""
        return self._percent

    def start(self, work: Work, sizes: Sizes) -> None:
        """Run `work` in a thread."""
        self.cancel()
        stop = self._stop = _Watch()
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
            self._percent = None
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
            self._stop = self._percent = None
            self._timer.stop()
            if isinstance(result, _Failure):
                self.failed.emit(result.reason)
            else:
                self.finished.emit(result)
        self._look_at_progress()

    def _look_at_progress(self) -> None:
        watch = self._stop
        if watch is None or time.monotonic() - watch.begun_at < PATIENCE_S:
            return
        percent = int(100 * min(max(watch.share, 0.0), 0.99))  # it is done when the result is here
        if percent != self._percent:
            self._percent = percent
            self.progressed.emit(percent)


def _run(
    work: Work,
    sizes: Sizes,
    stop: _Watch,
    results: Results,
) -> None:
    try:
        result = work(sizes, stop.is_set, stop.tell)
    except Exception as error:  # noqa: BLE001 - whatever a layout raises is reported in the canvas
        result = _Failure(str(error) or type(error).__name__)
    if not stop.is_set():
        results.put((stop, result))
