"""Work that must not hold up the window: done on one thread of its own, one job after the other."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Signal

MOST_DROPPED = 4
"""So many threads with work that nobody wants any more are waited for in the end; what is older is long over."""


class Background(QObject):
    """Runs functions on a thread and hands results back on the thread of this object, in the order of the jobs."""

    _finished = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._dropped: deque[ThreadPoolExecutor] = deque(maxlen=MOST_DROPPED)
        self._waiting: dict[int, tuple[Callable[[Any], None], Callable[[Exception], None]]] = {}
        self._next = 0
        self._finished.connect(self._on_finished)

    def run(
        self, job: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> Callable[[], None]:
        """Do `job`; then call `then` with its result or `failed` with its exception. Returns a function that cancels.

        After a cancel neither is called; a job that has begun runs on, unheard.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="retrograd-background")
        number = self._next
        self._next += 1
        self._waiting[number] = then, failed

        def work() -> None:
            result, error = None, None
            try:
                result = job()
            except Exception as caught:  # noqa: BLE001 - handed over to `failed`, whatever it is
                error = caught
            with contextlib.suppress(RuntimeError):  # the window, and this object with it, may be gone by now
                self._finished.emit(number, result, error)

        future = self._pool.submit(work)

        def cancel() -> None:
            future.cancel()
            self._waiting.pop(number, None)

        return cancel

    def drop(self) -> None:
        """Drop what waits, and let what runs end unheard; the next job does not wait for it."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._dropped.append(self._pool)
            self._pool = None

    def shut_down(self) -> None:
        """Drop what waits, wait for what runs, end the thread. Nothing is handed back any more."""
        self.drop()
        while self._dropped:
            self._dropped.popleft().shutdown(wait=True)

    def _on_finished(self, number: int, result: object, error: object) -> None:
        callbacks = self._waiting.pop(number, None)
        if callbacks is None:
            return
        then, failed = callbacks
        if isinstance(error, Exception):
            failed(error)
        else:
            then(result)
