"""One QAction for each command of gui.command_list; menus and shortcuts are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QMenuBar, QWidget

from gui.command import SEPARATOR, Command, Condition
from gui.command_list import COMMANDS, MENUS, THEME_COMMANDS
from gui.icons import icon
from gui.theme import Theme

__all__ = [
    "COMMANDS",
    "MENUS",
    "SEPARATOR",
    "THEME_COMMANDS",
    "ActionSet",
    "Command",
    "Condition",
    "shortcut_text",
    "tool_tip",
]


class ActionSet(QObject):
    """One QAction for each command, on a window; `handler` has the methods that the commands name."""

    def __init__(self, window: QWidget, handler: object) -> None:
        super().__init__(window)
        self.actions: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        for command in COMMANDS:
            action = QAction(command.title, window)
            action.setObjectName(command.id)
            action.setIconText(command.short or command.title)
            action.setShortcuts([QKeySequence(keys) for keys in command.shortcuts])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.setToolTip(tool_tip(command))
            action.setStatusTip(command.help)
            callback: Callable[[], None] = getattr(handler, command.callback)
            action.triggered.connect(callback)
            action.setCheckable(command.switch or bool(command.choice))
            if command.choice:
                self._group(command.choice).addAction(action)
            window.addAction(action)
            self.actions[command.id] = action
        self._keys = _SpaceForButtons(self)

    def __getitem__(self, command_id: str) -> QAction:
        return self.actions[command_id]

    def set_conditions(self, conditions: Iterable[str]) -> None:
        """Enable exactly the commands whose condition holds."""
        held = {"", *conditions}
        for command in COMMANDS:
            self.actions[command.id].setEnabled(command.when in held)

    def set_theme(self, theme: Theme) -> None:
        """Draw the icons in the colours of `theme`."""
        for command in COMMANDS:
            if command.icon:
                self.actions[command.id].setIcon(icon(command.icon, theme.muted))

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Build the menus; returns the submenus that the window fills, by their titles."""
        open_menus = {}
        for title, entries in MENUS.items():
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            for entry in entries:
                if entry == SEPARATOR:
                    menu.addSeparator()
                elif entry.startswith("<"):
                    open_menus[entry[1:-1]] = menu.addMenu(entry[1:-1])
                else:
                    menu.addAction(self.actions[entry])
        for entry in THEME_COMMANDS:
            open_menus["Theme"].addAction(self.actions[entry])
        return open_menus

    def _group(self, choice: str) -> QActionGroup:
        if choice not in self._groups:
            self._groups[choice] = QActionGroup(self)
        return self._groups[choice]


def tool_tip(command: Command) -> str:
    """What the command does, and its first key."""
    keys = f"  ({shortcut_text(command.shortcuts[0])})" if command.shortcuts else ""
    return f"{command.help}{keys}"


def shortcut_text(keys: str) -> str:
    """A key sequence as this system writes it, arrows as arrows."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    text = text.replace("Right", "→").replace("Left", "←")
    return text.replace("+Up", "+↑").replace("+Down", "+↓")


class _SpaceForButtons(QObject):
    """Leaves the space bar to a button that was reached by the keyboard; everywhere else it plays and pauses.

    Only the button that has the focus is watched: a filter on the whole application would see every event.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus_changed)

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if isinstance(new, QAbstractButton):
            is_pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton and new.underMouse()
            if not is_pressed:
                new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        is_space = event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if is_space:
            event.accept()
        return is_space
