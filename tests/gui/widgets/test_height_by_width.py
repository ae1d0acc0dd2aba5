"""A widget whose height follows from its width asks its layout again when the width changes."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.widgets.height_by_width import HeightByWidth


class _Area(HeightByWidth):
    """Keeps its area: the narrower, the higher."""

    def heightForWidth(self, width: int) -> int:
        return 24_000 // max(width, 1)


def test_the_height_follows_the_width(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    column.setContentsMargins(0, 0, 0, 0)
    area = _Area()
    column.addWidget(area)
    column.addStretch()
    window.resize(240, 400)
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: (area.width(), area.height()) == (240, 100))
    window.resize(120, 400)
    qtbot.waitUntil(lambda: area.height() == 200)
    window.resize(400, 400)
    qtbot.waitUntil(lambda: area.height() == 60)
