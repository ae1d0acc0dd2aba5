"""The choices of how the graph is drawn: layout, depth of modules, overlay. In menu bar and toolbar alike."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from engine.graph.layout import METHODS
from gui.canvas.content import ACROSS

MAX_DEPTH = 6
DEPTHS = ("show_modules", "show_functions", "show_operations")
"""Commands that show one of the three depths of the graph."""


class ChoiceMenu(QObject):
    """One group of choices, shown in several menus; exactly one is checked if `is_exclusive`."""

    chosen = Signal(object)
    """The value of the choice that the user made."""

    def __init__(
        self, choices: Iterable[tuple[object, str, str]], parent: QObject, *, is_exclusive: bool = True
    ) -> None:
        super().__init__(parent)
        self._group = QActionGroup(self)
        for value, title, tip in choices:
            action = QAction(title, self)
            action.setData(value)
            action.setToolTip(tip or title)
            action.setCheckable(is_exclusive)
            self._group.addAction(action)
        self._group.triggered.connect(self._on_group_triggered)

    @property
    def actions(self) -> list[QAction]:
        return self._group.actions()

    def add_to(self, menu: QMenu) -> None:
        menu.addActions(self._group.actions())

    def check(self, value: object) -> str:
        """Mark the choice with this value, without choosing it; returns its title ("" if there is none)."""
        for action in self._group.actions():
            if action.data() == value:
                action.setChecked(True)
                return action.text()
        return ""

    def set_enabled(self, is_enabled: bool) -> None:
        self._group.setEnabled(is_enabled)

    def _on_group_triggered(self, action: QAction) -> None:
        self.chosen.emit(action.data())


def layout_choices() -> list[tuple[object, str, str]]:
    """Name and title of every layout: the layered one both ways, then networkx's."""
    (name, _), *others = METHODS
    both = [(name, "Layered", "Data flows down"), (ACROSS, "Layered, left to right", "Data flows to the right")]
    return [*both, *((other, title, "Suits small graphs") for other, title in others)]


def depth_choices() -> list[tuple[object, str, str]]:
    """Down to which level of modules the graph is open."""
    return [
        (depth, f"{depth} level{'s' if depth > 1 else ''}", f"Modules nested {depth} deep are open")
        for depth in range(1, MAX_DEPTH + 1)
    ]
