"""gui.actions: every command has its method, its own keys, a place in a menu, and works wherever the focus is."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QUndoCommand
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from gui.actions import COMMANDS, MENUS, SEPARATOR, THEME_COMMANDS
from gui.commands import Commands
from gui.resources import resource
from gui.window import MainWindow


def test_ids_and_keys_are_unique() -> None:
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    keys = Counter(QKeySequence(keys).toString() for command in COMMANDS for keys in command.shortcuts)
    assert [key for key, count in keys.items() if count > 1] == []
    assert "" not in keys


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_command_is_complete(command: object) -> None:
    assert callable(getattr(Commands, command.callback))  # type: ignore[attr-defined] # parametrised
    assert command.help  # type: ignore[attr-defined]
    if command.icon:  # type: ignore[attr-defined]
        assert resource("icons", f"{command.icon}.svg").is_file()  # type: ignore[attr-defined]


def test_every_command_is_in_exactly_one_menu() -> None:
    listed = [entry for entries in MENUS.values() for entry in entries if entry != SEPARATOR and entry[0] != "<"]
    assert Counter([*listed, *THEME_COMMANDS]) == Counter(command.id for command in COMMANDS)


def test_nothing_can_be_stepped_without_a_trace(window: MainWindow) -> None:
    enabled = {command.id for command in COMMANDS if window.actions_[command.id].isEnabled()}
    assert enabled >= {"open_file", "quit", "show_palette", "theme_dark", "show_shortcuts"}
    assert enabled.isdisjoint({"step_forward", "step_back", "toggle_play", "save_trace", "fit", "stop", "run_again"})


def test_enabled_follows_the_cursor(opened: MainWindow) -> None:
    actions = opened.actions_
    assert actions["step_forward"].isEnabled()
    assert actions["step_back"].isEnabled(), "the forward pass lies behind"
    opened.document.move_to(opened.document.first)
    assert not actions["step_back"].isEnabled()
    assert not actions["step_back_out"].isEnabled()
    opened.document.move_to_end()
    assert not actions["step_forward"].isEnabled()
    assert actions["step_back"].isEnabled()


def test_keys_step_whatever_has_the_focus(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    readable = [opened.canvas, opened, *(view for view in opened.findChildren(QPlainTextEdit) if view.isReadOnly())]
    targets = [widget for widget in readable if widget is not None and widget.isVisible()]
    assert len(targets) >= 3
    for widget in targets:
        widget.setFocus()
        document.move_to_start()
        QTest.keyClick(widget, Qt.Key.Key_Right)
        QTest.keyClick(widget, Qt.Key.Key_Right)
        assert document.cursor == 2, widget
        QTest.keyClick(widget, Qt.Key.Key_Left)
        assert document.cursor == 1, widget
        QTest.keyClick(widget, Qt.Key.Key_End)
        assert document.cursor == document.length, widget
        QTest.keyClick(widget, Qt.Key.Key_Home)
        assert document.cursor == 0, widget


def test_keys_belong_to_a_text_field_while_one_types(opened: MainWindow, qtbot: QtBot) -> None:
    field = QLineEdit(opened)
    field.show()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    QTest.keyClicks(field, "f ?r")
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
        QTest.keyClick(field, key)
    assert field.text() == "f ?r"
    assert opened.document.cursor == 0
    assert not opened.playback.is_playing
    field.deleteLater()


def test_space_presses_a_button_reached_by_keyboard_and_plays_elsewhere(opened: MainWindow, qtbot: QtBot) -> None:
    holder = QWidget(opened)
    button = QPushButton("Check", holder)
    QVBoxLayout(holder).addWidget(button)
    holder.show()
    pressed: list[str] = []
    button.clicked.connect(lambda: pressed.append("Check"))
    button.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(button.hasFocus)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert pressed == ["Check"]
    assert not opened.playback.is_playing
    assert opened.canvas is not None
    opened.canvas.setFocus()
    QTest.keyClick(opened.canvas, Qt.Key.Key_Space)
    assert opened.playback.is_playing
    opened.playback.stop()
    holder.deleteLater()


def test_undo_says_what_it_takes_back(opened: MainWindow) -> None:
    undo, redo = opened.actions_["undo"], opened.actions_["redo"]
    assert (undo.text(), redo.text()) == ("Undo", "Redo")
    opened.document.breakpoints.add(Breakpoint(kind="op", text="add"))
    assert undo.text() == "Undo: Add breakpoint"
    undo.trigger()
    assert (undo.text(), redo.text()) == ("Undo", "Redo: Add breakpoint")
    opened.document.undo_stack.push(QUndoCommand("Move a & b"))
    assert undo.text() == "Undo: Move a && b"
    opened.document.undo_stack.push(QUndoCommand("Move " + "x" * 1000))
    assert len(undo.text()) < 80
