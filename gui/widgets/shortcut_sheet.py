"""Every key at a glance, made from the list of commands."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.actions import COMMANDS, MENUS, shortcut_text
from gui.style import TEXT_LARGE_PT
from gui.theme import ui_font

COLUMNS = (("&Step", "&Training"), ("&File", "&Edit"), ("&Go",), ("&View", "&Help"))
POINTER_KEYS = (
    ("Wheel", "Zoom at the pointer"),
    ("Drag", "Move a box, or the graph"),
    ("Middle drag", "Move the graph"),
    ("Click", "Select a node"),
    ("Double click", "Open or fold a module"),
)
GRAPH_KEYS = (
    ("↑ ↓", "Producer, consumer"),
    ("Shift+← →", "Beside"),
    ("Enter", "Open or fold the module"),
    ("Backspace", "The module around"),
    ("Ctrl+Shift+arrows", "Move the box"),
)


class ShortcutSheet(QDialog):
    """A dialog with one short table for each menu, and what the mouse does in the graph."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        columns = QHBoxLayout()
        columns.setSpacing(36)
        for index, menus in enumerate(COLUMNS):
            column = QVBoxLayout()
            column.setSpacing(16)
            for menu in menus:
                rows = [
                    (shortcut_text(command.shortcuts[0]), command.title.rstrip("…"))
                    for command in COMMANDS
                    if command.id in MENUS[menu] and command.shortcuts
                ]
                column.addLayout(self._table(menu.replace("&", ""), rows))
            if index == 0:
                column.addLayout(self._table("Pointer", list(POINTER_KEYS)))
            elif index == 2:
                column.addLayout(self._table("In the graph", list(GRAPH_KEYS)))
            column.addStretch(1)
            columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 16)
        box.setSpacing(16)
        box.addLayout(columns)
        box.addWidget(buttons)

    def _table(self, title: str, rows: list[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        heading = QLabel(title, self)
        heading.setFont(ui_font(TEXT_LARGE_PT, bold=True))
        grid.addWidget(heading, 0, 0, 1, 2)
        for row, (keys, text) in enumerate(rows, start=1):
            cap = QLabel(keys, self)
            cap.setObjectName("keycap")
            grid.addWidget(cap, row, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(QLabel(text, self), row, 1)
        grid.setColumnStretch(1, 1)
        return grid
