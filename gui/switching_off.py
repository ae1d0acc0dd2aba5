"""Puts a text in the place of a panel that failed again and again while it painted itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QWidget


class _Cover(QObject):
    """Keeps a note over a widget that must not paint itself any more."""

    def __init__(self, widget: QWidget, note: QLabel) -> None:
        super().__init__(widget)
        self._note = note
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QResizeEvent):
            self._note.resize(event.size())
        return event.type() == QEvent.Type.Paint


def switch_off(widget: QWidget) -> str:
    """Put a text in the place of the panel that `widget` belongs to; returns the panel's name."""
    panel: QWidget | None = widget
    while panel is not None and not isinstance(panel.parentWidget(), QDockWidget):
        panel = panel.parentWidget()
    if panel is None:  # not in a dock: the graph itself, or a part of the frame
        cover = QLabel("The graph failed and was switched off.\nRestart Retrograd to use it again.", widget)
        cover.setObjectName("waiting")
        cover.setAlignment(Qt.AlignmentFlag.AlignCenter)
        cover.resize(widget.size())
        cover.show()
        _Cover(widget, cover)
        return "The graph"
    dock = panel.parentWidget()
    if isinstance(dock, QDockWidget):
        note = QLabel("This panel failed and was switched off.\nRestart Retrograd to use it again.", dock)
        note.setMargin(16)
        note.setWordWrap(True)
        panel.hide()
        dock.setWidget(note)
        return f"The panel {dock.windowTitle()}"
    return "A panel"
