"""Which of the panels beside the code is in front: of a demo its lesson, unless the user has chosen another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakSet

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMainWindow, QTabBar

from gui.docks import Docks
from gui.opening import Target

if TYPE_CHECKING:
    from gui.settings import Settings
    from gui.workspace import Workspace

_BESIDE = "lesson"
"""The panel whose tabs are meant."""


class FrontTab(QObject):
    """Brings a panel in front when a demo is opened, and back what was in front before when something else is.

    What the user clicks is remembered, for demos and for everything else apart. The keyboard stays where it is.
    """

    def __init__(self, window: QMainWindow, docks: Docks, workspace: Workspace, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._docks = window, docks
        self._workspace, self._settings = workspace, settings
        self._known: WeakSet[QTabBar] = WeakSet()
        self._target: Target | None = None
        workspace.changed.connect(self._follow)
        docks.shown.connect(self._follow)
        docks.settled.connect(self._on_docks_settled)

    def _follow(self) -> None:
        """Something else is open: choose the panel for it. Of the same target nothing is changed."""
        target = self._workspace.target
        if target is None or self._docks.are_hidden or target == self._target:
            return
        self._target = target
        front = self._docks.front_beside(_BESIDE)
        if target.kind != "demo":
            self._raise(self._settings.values.program_tab)
            return
        if not self._settings.values.program_tab and front:
            self._settings.update(program_tab=front)
        self._raise(self._settings.values.demo_tab)

    def _raise(self, name: str) -> None:
        """Bring a panel in front of its neighbours; one that the user has closed stays closed."""
        if name in self._docks.docks and not self._docks.docks[name].isHidden():
            self._docks.raise_(name)

    def _on_docks_settled(self) -> None:
        for bar in self._docks.tab_bars():
            if bar not in self._known:
                self._known.add(bar)
                bar.tabBarClicked.connect(partial(self._on_tab_chosen, bar))
                bar.currentChanged.connect(partial(self._on_current_changed, bar))

    def _on_current_changed(self, bar: QTabBar, index: int) -> None:
        if bar.hasFocus():  # chosen with the arrow keys
            self._on_tab_chosen(bar, index)

    def _on_tab_chosen(self, bar: QTabBar, index: int) -> None:
        names = self._docks.names_in(bar)
        if self._target is None or _BESIDE not in names or not 0 <= index < len(names):
            return
        self._settings.update(**{"demo_tab" if self._target.kind == "demo" else "program_tab": names[index]})
