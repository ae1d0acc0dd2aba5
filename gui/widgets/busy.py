"""A slim line that says what the window waits for, with a button to give up."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget


class BusyLine(QFrame):
    """Hidden until `start`; asks for an end by `cancelled`, but leaves ending to whoever started it."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("busy")
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._label = QLabel(self)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 12, 5)
        row.addWidget(self._label, 1)
        row.addWidget(self.cancel)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._bar)
        box.addLayout(row)
        self.hide()

    @property
    def text(self) -> str:
        return self._label.text() if not self.isHidden() else ""

    def start(self, text: str) -> None:
        """Show the line; a second call changes its text."""
        self._label.setText(text)
        self.cancel.setEnabled(True)
        if self.isHidden():
            self._bar.setRange(0, 0)
            self.show()

    def finish(self) -> None:
        if not self.isHidden():
            self.hide()
            self._bar.setRange(0, 1)  # an endless bar keeps an animation running even where nobody sees it

    def _on_cancel_clicked(self) -> None:
        self.cancel.setEnabled(False)
        self._label.setText("Stopping…")
        self.cancelled.emit()
