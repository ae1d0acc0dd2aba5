"""Every key at a glance, made from the list of commands."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.actions import COMMANDS, MENUS, shortcut_text
from gui.style import TEXT_LARGE_PT, TEXT_SMALL_PT
from gui.theme import ui_font

COLUMNS = (("&Step", "&Training"), ("&Breakpoints", "&File", "&Edit"), ("&Go", "&Help"), ("&View",))
"""Menus by column; a menu that is in none of them comes last."""
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
    ("+ − 0", "Zoom; actual size"),
)
TIMELINE_KEYS = (
    ("+ −", "Zoom"),
    ("0", "Show everything"),
    ("PgUp PgDn", "A tenth back, on"),
)
LIST_KEYS = (
    ("Enter", "Go to where it stops"),
    ("Space", "Switch it off or on"),
    ("F2", "Edit it"),
    ("Del", "Remove it; a watch, too"),
    ("Esc", "Empty the field"),
)
PANEL_KEYS = (
    ("Tab", "To the next thing"),
    ("↑ ↓ Enter", "Choose a row, go there"),
    ("← →", "Tree: fold, unfold"),
    ("Home End", "Tree: first, last"),
    ("Enter", "Code: go to the line’s node"),
    ("Shift+Enter", "Code: mark the line’s nodes"),
    ("Arrows", "Heat map: to a cell"),
    ("Enter Space", "Heat map: choose the cell"),
    ("Ctrl+C Ctrl+V", "Copy numbers, paste them"),
    ("Ctrl+F Esc", "Console: find, stop finding"),
    ("A L", "Loss: follow, log scale"),
)
SEARCH_KEYS = (
    ("↑ ↓ PgUp PgDn", "Choose"),
    ("Enter", "Go there, or do it"),
    ("Ctrl+Enter", "Outline all that were found"),
    ("Esc", "Close"),
)


class ShortcutSheet(QDialog):
    """A dialog with one short table for each menu, and what the mouse does in the graph."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        page = self._page = QWidget(self)
        columns = self._columns = QHBoxLayout(page)
        columns.setContentsMargins(20, 16, 20, 4)
        columns.setSpacing(20)
        listed = {menu for menus in COLUMNS for menu in menus}
        rest = tuple(menu for menu in MENUS if menu not in listed)
        more = {
            0: (("Pointer", POINTER_KEYS),),
            1: (("In the list of breakpoints", LIST_KEYS),),
            2: (("In the graph", GRAPH_KEYS), ("In the timeline", TIMELINE_KEYS), ("In the search", SEARCH_KEYS)),
            3: (("In panels", PANEL_KEYS),),
        }
        for index, menus in enumerate((*COLUMNS[:-1], (*COLUMNS[-1], *rest))):
            column = QVBoxLayout()
            column.setSpacing(16)
            for menu in menus:
                rows = [
                    ([shortcut_text(keys) for keys in command.shortcuts], command.title.rstrip("…"))
                    for command in COMMANDS
                    if command.id in MENUS[menu] and command.shortcuts
                ]
                if rows:
                    column.addLayout(self._table(menu.replace("&", ""), rows))
            for title, table in more.get(index, ()):
                column.addLayout(self._table(title, [([keys], text) for keys, text in table]))
            column.addStretch(1)
            columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 16)
        box.setSpacing(12)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidget(page)
        box.addWidget(area, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 0, 24, 0)
        foot.addWidget(buttons)
        box.addLayout(foot)
        self._fit(page.sizeHint())

    def _fit(self, page: QSize) -> None:
        """As large as everything on it, but no larger than the screen."""
        screen = self.screen().availableSize()
        if page.width() + 24 > screen.width() - 40:
            page = self._smaller()
        self.resize(min(page.width() + 24, screen.width() - 40), min(page.height() + 80, screen.height() - 60))

    def _smaller(self) -> QSize:
        """Smaller letters and gaps; a page that must be moved sideways is no sheet."""
        for label in self._page.findChildren(QLabel):
            if label.objectName() == "keycap":
                label.setProperty("tight", True)
                label.style().polish(label)
            if not label.font().bold():
                label.setFont(ui_font(TEXT_SMALL_PT))
        self._page.ensurePolished()
        self._columns.setSpacing(12)
        self._columns.setContentsMargins(12, 16, 12, 4)
        for layout in self._page.findChildren(QGridLayout):
            layout.setVerticalSpacing(4)
            layout.setHorizontalSpacing(6)
        return self._page.sizeHint()

    def _table(self, title: str, rows: list[tuple[list[str], str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        heading = QLabel(title, self)
        heading.setFont(ui_font(TEXT_LARGE_PT, bold=True))
        grid.addWidget(heading, 0, 0, 1, 2)
        for row, (keys, text) in enumerate(rows, start=1):
            caps = QHBoxLayout()
            caps.setSpacing(4)
            for key in keys:
                cap = QLabel(key, self)
                cap.setObjectName("keycap")
                caps.addWidget(cap)
            caps.addStretch(1)
            grid.addLayout(caps, row, 0)
            grid.addWidget(QLabel(text, self), row, 1)
        grid.setColumnStretch(1, 1)
        return grid
