"""The submenus "Open a demo" and "Open recent"."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from engine.catalogue import DEMOS
from gui.settings import Settings
from gui.widgets.text import tooltip
from gui.widgets.welcome import recent_text


class TargetMenus(QObject):
    """Fills both menus; the recent targets are looked up each time the menu opens."""

    chosen = Signal(str)
    """A target to be opened."""

    def __init__(self, demos: QMenu, recent: QMenu, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._recent = recent
        self._settings = settings
        for demo in DEMOS:
            action = demos.addAction(demo.title)
            action.setData(demo.target)
            action.setToolTip(demo.summary)
        for menu in (demos, recent):
            menu.setToolTipsVisible(True)
            menu.triggered.connect(self._on_menu_triggered)
        recent.aboutToShow.connect(self._on_recent_about_to_show)

    def _on_menu_triggered(self, action: QAction) -> None:
        if action.data():
            self.chosen.emit(str(action.data()))

    def _on_recent_about_to_show(self) -> None:
        self._recent.clear()
        for target in self._settings.values.recent:
            action = self._recent.addAction(recent_text(target))
            action.setData(target)
            action.setToolTip(tooltip(target))
        if self._recent.isEmpty():
            self._recent.addAction("Nothing yet").setEnabled(False)
