"""The shortcut sheet lists every key that anything in the window listens to, and fits a small screen."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtWidgets import QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from gui.widgets.shortcut_sheet import ShortcutSheet
from gui.window import MainWindow

GUI = Path(__file__).parents[3] / "gui"
WORDS = {
    "Return": "Enter",
    "Delete": "Del",
    "Escape": "Esc",
    "PageUp": "PgUp",
    "PageDown": "PgDn",
    "Left": "←",
    "Right": "→",
    "Up": "↑",
    "Down": "↓",
    "Plus": "+",
    "Equal": "+",  # the same key without Shift
    "Minus": "−",
}


def keycaps(sheet: ShortcutSheet) -> set[str]:
    """The single keys of all caps."""
    caps = [label.text() for label in sheet.findChildren(QLabel) if label.objectName() == "keycap"]
    return {key for cap in caps for part in cap.split() for key in [*part.split("+"), part]}


def test_every_key_that_a_widget_handles_is_on_the_sheet(qtbot: QtBot) -> None:
    sheet = ShortcutSheet()
    qtbot.addWidget(sheet)
    listed = keycaps(sheet)
    handled = {
        (WORDS.get(key, key), path.name)
        for path in GUI.rglob("*.py")
        for key in re.findall(r"Qt\.Key\.Key_(\w+)", path.read_text(encoding="utf-8"))
    }
    assert len(handled) > 30
    assert {(key, file) for key, file in handled if key not in listed} == set()


def test_on_a_small_screen_it_never_has_to_be_moved_sideways(window: MainWindow) -> None:
    assert window.screen().availableSize().width() <= 1280, "the offscreen screen is small"
    sheet = ShortcutSheet(window)
    sheet.resize(1240, 600)  # what a screen of 1280 pixels leaves
    sheet.show()
    area = sheet.findChild(QScrollArea)
    assert area is not None
    assert sheet._page.sizeHint().width() <= area.viewport().width()
    sheet.close()
    sheet.deleteLater()
