"""The windows of this process: which one takes a target that another start hands over, and when they are all gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from engine.errors import TargetError
from gui.crash import CrashReporter
from gui.handover import Request
from gui.opening import Target, classify
from gui.style import Style
from gui.window import MainWindow

CASCADE_PX = 32
"""Another window comes up so far to the right of and below the one that was in front."""


class Windows(QObject):
    """All main windows. They share the settings, the theme and the crash reports of the first."""

    def __init__(
        self, first: MainWindow, crash: CrashReporter, parent: QObject | None = None, *, warm_up: bool = True
    ) -> None:
        super().__init__(parent)
        self._settings = first.settings
        self._themes = first.themes
        self._crash = crash
        self._warm_up = warm_up
        self._windows: list[MainWindow] = []
        self._last_active = first
        styles = first.findChildren(Style, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for shared in (first.settings, crash, *styles):
            shared.setParent(self)  # they outlive the first window
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_application_focus_changed)
        self._add(first)

    @property
    def windows(self) -> list[MainWindow]:
        """Those that are open, oldest first."""
        return list(self._windows)

    def takes(self, request: Request) -> bool:
        """Whether a window of this process can open what another start wants.

        A program that was started in another folder would run in the wrong one here.
        """
        target = _target(request)
        is_program = target is not None and target.needs_consent
        return not is_program or _is_same_folder(request.folder)

    def take(self, request: Request) -> None:
        """Open what another start wants: where it is open already, in a window without anything, else in a new one."""
        if request.activation:  # Qt's Wayland plugin reads it when a window asks to come to the front
            os.environ["XDG_ACTIVATION_TOKEN"] = request.activation
        target = _target(request)
        window = self._window_for(request, target)
        raise_to_front(window)
        if request.target is None:
            return
        is_open = target is not None and window.workspace.target == target
        if not is_open or (window.workspace.is_rerunnable and not window.workspace.is_running):
            window.open_target(target.text if target is not None else request.target, request.arguments)

    def open_window(self) -> MainWindow:
        """Another window, shown, with nothing open in it."""
        window = MainWindow(self._settings, self._themes, self._crash, warm_up=self._warm_up)
        place = self._last_active.pos()
        self._add(window)
        window.move(place.x() + CASCADE_PX, place.y() + CASCADE_PX)
        window.show()
        QTimer.singleShot(0, window, window.finish_start)
        return window

    def close_all(self) -> None:
        """Close every window without asking, whatever runs in it."""
        for window in list(self._windows):
            window.close_now()

    def _add(self, window: MainWindow) -> None:
        self._windows.append(window)
        window.closed.connect(self._on_window_closed)
        window.new_window_requested.connect(self.open_window)
        window.open_elsewhere_requested.connect(self._on_window_open_elsewhere_requested)
        for other in self._windows:
            other.has_siblings = len(self._windows) > 1

    def _on_window_open_elsewhere_requested(self, target: str, arguments: Sequence[str]) -> None:
        self.open_window().open_after_start(target, arguments)

    def _window_for(self, request: Request, target: Target | None) -> MainWindow:
        if request.target is None:
            return self._last_active
        for window in self._windows:
            workspace = window.workspace
            if target is not None and (workspace.target, workspace.arguments) == (target, request.arguments):
                return window
        idle = [window for window in self._windows if window.workspace.target is None and not window.workspace.busy]
        return idle[0] if idle else self.open_window()

    def _on_application_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        window = None if new is None else new.window()
        if isinstance(window, MainWindow) and window in self._windows:
            self._last_active = window

    def _on_window_closed(self) -> None:
        window = self.sender()
        if not isinstance(window, MainWindow) or window not in self._windows:
            return
        self._windows.remove(window)
        for other in self._windows:
            other.has_siblings = len(self._windows) > 1
        if self._windows:  # with the last one the program ends
            if self._last_active is window:
                self._last_active = self._windows[-1]
            window.deleteLater()


def raise_to_front(window: MainWindow) -> None:
    """Bring a window to the front, or ask for attention where the system lets no program do that by itself."""
    if window.isMinimized():
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    QApplication.alert(window)


def _target(request: Request) -> Target | None:
    """What the request names, seen from the folder of its start; None for nothing, or for what does not exist."""
    if request.target is None:
        return None
    try:
        return classify(request.target if request.target.startswith("demo:") else str(_absolute(request)))
    except TargetError:
        return None


def _absolute(request: Request) -> Path:
    return Path(request.folder, Path(request.target or "").expanduser())


def _is_same_folder(folder: str) -> bool:
    try:
        return os.path.samefile(folder, os.getcwd())
    except OSError:
        return False
