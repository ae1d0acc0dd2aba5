"""The canvas leaves nothing behind: no object piles up, none outlives it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import ThemeManager

from . import builders


def test_nothing_is_left_behind(qtbot: QtBot, qapp: object) -> None:
    document, themes = Document(), ThemeManager()
    own = document.findChildren(QObject)
    canvas = GraphCanvas(document, themes)
    canvas.resize(600, 400)
    canvas.show()
    document.set_trace(builders.neuron())
    for position in range(7):
        document.move_to(position)
        canvas.grab()
    children = len(canvas.findChildren(QObject))
    document.set_trace(builders.blocks(3))
    canvas.set_overlay("gradient norm")
    canvas.unfold_all()
    canvas.grab()
    assert len(canvas.findChildren(QObject)) == children, "objects do not pile up"
    timers = canvas.findChildren(QTimer)
    assert timers
    gone: list[bool] = []
    canvas.destroyed.connect(lambda: gone.append(True))
    canvas.close()
    canvas.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    document.move_to(2)
    document.set_trace(None)
    themes.choose("dark")
    assert document.findChildren(QObject) == own
