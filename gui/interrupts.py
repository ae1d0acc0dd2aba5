"""Ctrl+C in the terminal closes the windows, also while they are still being made."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.windows import Windows

POLL_MS = 250
"""Python handles signals only while it runs some code: so often it does, whatever Qt is busy with."""


class Interrupts:
    """Hears of interrupts from now on; one that comes before the windows are there closes them as soon as they are.

    Python's own answer, KeyboardInterrupt, is lost where it strikes code that Qt called (Qt prints it and goes on), and
    leaves Qt's modules half loaded where it strikes their import. So this is made before they are loaded.
    """

    def __init__(self) -> None:
        self._windows: Windows | None = None
        self._came = False
        signal.signal(signal.SIGINT, self._on_signal)

    def close(self, windows: Windows) -> None:
        """Close `windows` at an interrupt."""
        from PySide6.QtCore import QTimer

        self._windows = windows
        timer = QTimer(windows)
        timer.setInterval(POLL_MS)
        timer.timeout.connect(_run_some_code)
        timer.start()
        if self._came:
            self._close_soon()

    def _on_signal(self, *_: object) -> None:
        self._came = True
        self._close_soon()

    def _close_soon(self) -> None:
        """Close them from the event loop: before it runs, the end of the last window would not end it."""
        if self._windows is not None:
            from PySide6.QtCore import QTimer

            QTimer.singleShot(0, self._windows, self._windows.close_all)


def _run_some_code() -> None:
    """Nothing: that Python runs at all is the point."""
