"""The one way in which a widget offers to copy what it shows: in its menu, and by the usual key when it has focus."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QWidget


def add_copy(widget: QWidget, text: Callable[[], str], title: str = "Copy") -> QAction:
    """Give `widget` an action that copies what `text` says then; nothing is copied where that is empty."""

    def copy() -> None:
        copied = text()
        if copied:
            QGuiApplication.clipboard().setText(copied)

    action = QAction(title, widget)
    action.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    action.triggered.connect(copy)
    widget.addAction(action)
    widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
    return action
