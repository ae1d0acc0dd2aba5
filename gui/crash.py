"""Exceptions that nobody caught: logged to a file and shown to the user, never a silent death of the window."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from gui.folders import log_folder

MAX_LOG_BYTES = 2_000_000
PAINT_FAILURES = 3
"""After so many exceptions while it paints itself, a widget is switched off."""
REPEAT_S = 5.0
"""The same exception is shown again only after so many seconds; the log has every one."""


class CrashReporter(QObject):
    """Catches what reaches `sys.excepthook` (slots, events), `threading.excepthook` and `sys.unraisablehook`."""

    reported = Signal(str, str)
    """A sentence for people, and the traceback. Emitted on the thread of this object."""
    widget_failed = Signal(object)
    """A widget that failed to paint itself again and again and has to be switched off."""
    _caught = Signal(str, str, object)

    def __init__(self, log_path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.log_path = log_path or log_folder() / "window.log"
        self._failures: dict[int, int] = {}
        self._last_shown: dict[str, float] = {}
        self._restore: Callable[[], None] | None = None
        # Through a signal, because an exception may come from any thread, and in the middle of a paint event.
        self._caught.connect(self._on_caught, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Take over the interpreter's hooks for uncaught exceptions."""
        if self._restore is not None:
            return
        before = sys.excepthook, threading.excepthook, sys.unraisablehook

        def restore() -> None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = before

        self._restore = restore
        sys.excepthook = self.report
        threading.excepthook = self._report_thread
        sys.unraisablehook = self._report_unraisable

    def uninstall(self) -> None:
        """Give the hooks back."""
        if self._restore is not None:
            self._restore()
            self._restore = None

    def report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Log an exception and announce it; Ctrl+C in the terminal quits instead."""
        if issubclass(kind, KeyboardInterrupt):
            from PySide6.QtWidgets import QApplication

            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        self._log(text)
        summary = f"Something in the window failed: {kind.__name__}: {error}"
        with contextlib.suppress(RuntimeError):  # the reporter itself may be gone while the program ends
            self._caught.emit(summary, text, _failed_painter(trace))

    def _report_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.report(args.exc_type, args.exc_value, args.exc_traceback)

    def _report_unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            self.report(args.exc_type, args.exc_value, args.exc_traceback)

    def _log(self, text: str) -> None:
        stamped = f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n"
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            too_big = self.log_path.exists() and self.log_path.stat().st_size > MAX_LOG_BYTES
            with self.log_path.open("w" if too_big else "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(stamped)
        except OSError:
            pass  # a disk that is full or read-only must not hide the exception itself: it still goes to stderr
        if sys.stderr is not None:
            sys.stderr.write(stamped)

    def _on_caught(self, summary: str, text: str, widget: object) -> None:
        if isinstance(widget, QWidget) and isValid(widget):
            count = self._failures[id(widget)] = self._failures.get(id(widget), 0) + 1
            if count == PAINT_FAILURES:
                self.widget_failed.emit(widget)
            if count > 1:
                return
        now = time.monotonic()
        if now - self._last_shown.get(summary, -REPEAT_S) >= REPEAT_S:
            self._last_shown[summary] = now
            self.reported.emit(summary, text)


def _failed_painter(trace: TracebackType | None) -> QWidget | None:
    """The widget whose `paintEvent` is on the traceback."""
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "paintEvent":
            widget = frame.f_locals.get("self")
            return widget if isinstance(widget, QWidget) else None
        trace = trace.tb_next
    return None
