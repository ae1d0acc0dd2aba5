"""Playing a training step: one event after another at a speed that the user chooses, as far as a breakpoint."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from gui.document import Document

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Steps per second that are offered."""


class Playback(QObject):
    """Moves the document's cursor on while it plays.

    It stops by itself at a breakpoint, at the end of the backward pass (of the updates, if it was started there), and
    when another trace is shown.
    """

    changed = Signal()
    """It started, stopped, or the speed changed."""

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._speed = 2.0
        document.trace_changed.connect(self.stop)

    @property
    def is_playing(self) -> bool:
        return self._timer.isActive()

    @property
    def steps_per_second(self) -> float:
        return self._speed

    def set_speed(self, steps_per_second: float) -> None:
        """Play at another speed, at once."""
        if steps_per_second <= 0:
            raise ValueError(f"the speed must be above zero, not {steps_per_second}")
        self._speed = steps_per_second
        self._timer.setInterval(max(1, round(1000 / steps_per_second)))
        self.changed.emit()

    def change_speed(self, direction: int) -> None:
        """The next speed of `SPEEDS` above (+1) or below (-1) the present one; the last one stays."""
        faster = [speed for speed in SPEEDS if speed > self._speed]
        slower = [speed for speed in SPEEDS if speed < self._speed]
        if direction > 0 and faster:
            self.set_speed(faster[0])
        elif direction < 0 and slower:
            self.set_speed(slower[-1])

    def toggle(self) -> None:
        """Play, from the start of the backward pass if the cursor is at the end of everything; or pause."""
        document = self._document
        if self.is_playing:
            self.stop()
        elif document.first < document.last:
            if document.cursor == document.last:
                document.move_to(0 if document.length else document.first)
            else:
                document.step_forward()  # at once: a click must show that it was heard
            if document.breakpoints.stops_at(document.cursor):
                return
            self._timer.start(max(1, round(1000 / self._speed)))
            self.changed.emit()

    def stop(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self.changed.emit()

    def _on_timer_timeout(self) -> None:
        document = self._document
        document.step_forward()
        is_over = document.cursor in (document.length, document.last) and document.length > 0
        if is_over or document.cursor == document.last or document.breakpoints.stops_at(document.cursor):
            self.stop()


def speed_text(steps_per_second: float) -> str:
    """ "2 / s"; "½ / s"."""
    number = "½" if steps_per_second == 0.5 else f"{steps_per_second:g}"
    return f"{number} / s"
