"""When a panel follows the document: at once after one change, and after the last of many in a row."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

IN_A_ROW_MS = 30
"""Changes closer together than this are a scrub: nobody reads what is in between, and describing it costs frames."""


class Following(QObject):
    """Call `note` for every change; `due` follows when the graph has been painted and no other change came."""

    due = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.due)
        self._since = QElapsedTimer()

    def note(self) -> None:
        """Something has changed."""
        is_in_a_row = self._since.isValid() and self._since.elapsed() < IN_A_ROW_MS
        self._since.start()
        self._timer.start(IN_A_ROW_MS if is_in_a_row else 0)

    @property
    def is_waiting(self) -> bool:
        """Whether a change is still to be followed."""
        return self._timer.isActive()

    def stop(self) -> None:
        """What was noted is shown already."""
        self._timer.stop()
