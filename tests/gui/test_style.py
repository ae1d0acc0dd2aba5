"""gui.style and gui.icons: every token is known, texts can be read, icons take the theme's colours."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from gui.canvas.look import opposite
from gui.icons import application_icon, icon, pixmap
from gui.resources import resource
from gui.style import Style, control_color, mix, on_accent_color, palette, style_sheet
from gui.theme import DARK, LIGHT, Theme, ThemeManager

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
ICONS = sorted(path.stem for path in resource("icons").glob("*.svg"))


def _luminance(color: QColor) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.03928 else float(((channel + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def _contrast(first: QColor, second: QColor) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


@THEMES
def test_style_sheet_is_complete(theme: Theme) -> None:
    text = style_sheet(theme)
    assert "$" not in text
    assert text.count("{") == text.count("}")
    files = re.findall(r'url\("([^"]+)"\)', text)
    assert files
    for file in files:
        assert resource("themes", file.rsplit("/", 1)[-1]).is_file()


@THEMES
def test_texts_can_be_read(theme: Theme) -> None:
    plain = [theme.surface, theme.background, theme.current_line]
    tinted = [theme.accent_soft, theme.data_soft, theme.leaf_soft, control_color(theme)]
    for ground in plain + tinted:
        assert _contrast(theme.text, ground) >= 7
        for name in ("muted", "accent", "data", "leaf"):
            assert _contrast(theme.written(name), ground) >= 4.5, f"{name} on {ground.name()}"
    for fill in (theme.accent_fill, theme.data, theme.leaf_text):
        assert _contrast(on_accent_color(theme), fill) >= 4.5, fill.name()


@THEMES
def test_texts_on_the_inverted_loss_can_be_read(theme: Theme) -> None:
    for name in ("muted", "accent", "data"):
        assert _contrast(opposite(theme).written(name), theme.text) >= 4.5, name


@THEMES
def test_palette_uses_the_theme(theme: Theme) -> None:
    colors = palette(theme)
    assert colors.color(QPalette.ColorRole.Window) == theme.surface
    assert colors.color(QPalette.ColorRole.WindowText) == theme.text


def test_mix_goes_from_one_colour_to_the_other() -> None:
    black, white = QColor("black"), QColor("white")
    assert mix(black, white, 0.0) == black
    assert mix(black, white, 1.0) == white
    assert 126 <= mix(black, white, 0.5).red() <= 129


@pytest.mark.parametrize("name", [name for name in ICONS if name != "retrograd"])
def test_icon_is_drawn_in_one_colour(name: str, qtbot: QtBot) -> None:
    color = QColor("#E4572E")
    image = pixmap(name, color, 20, 2.0).toImage()
    assert (image.width(), image.height()) == (40, 40)
    solid = 0
    for x in range(40):
        for y in range(40):
            pixel = image.pixelColor(x, y)
            if pixel.alpha() > 250:
                solid += 1
                assert abs(pixel.red() - color.red()) + abs(pixel.green() - color.green()) < 12
    assert solid > 15
    edge = [image.pixelColor(x, y).alpha() for k in range(40) for x, y in ((k, 0), (k, 39), (0, k), (39, k))]
    assert max(edge) == 0  # nothing is cut off


def test_icons_have_every_size(qtbot: QtBot) -> None:
    sizes = {size.width() for size in icon("play", QColor("black")).availableSizes()}
    assert {16, 20, 32, 40} <= sizes
    assert not application_icon().isNull()


class _Counting(QWidget):
    """Counts how often its style changes."""

    changes = 0

    def changeEvent(self, event: QEvent) -> None:
        self.changes += event.type() == QEvent.Type.StyleChange
        super().changeEvent(event)


def test_another_theme_polishes_a_widget_no_more_often_the_deeper_it_lies(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    themes = ThemeManager()
    themes.choose("light")
    style = Style(application, themes)
    window = QMainWindow()
    qtbot.addWidget(window)
    chain = [_Counting(window)]
    window.setCentralWidget(chain[0])
    for _ in range(6):
        chain.append(_Counting(chain[-1]))
    dock = QDockWidget("beside", window)
    dock.setWidget(QTextEdit(dock))
    below = QDockWidget("below", window)
    below.setWidget(QTextEdit(below))
    for area, panel in ((Qt.DockWidgetArea.LeftDockWidgetArea, dock), (Qt.DockWidgetArea.BottomDockWidgetArea, below)):
        window.addDockWidget(area, panel)
    window.resize(640, 480)
    window.show()
    places = [widget.geometry() for widget in (chain[0], dock, below)]
    for widget in chain:
        widget.changes = 0
    themes.choose("dark")
    qtbot.wait(1)
    assert [widget.changes for widget in chain] == [2] * len(chain)
    assert window.palette().color(QPalette.ColorRole.Window) == DARK.surface
    assert [widget.geometry() for widget in (chain[0], dock, below)] == places
    themes.changed.disconnect(style.apply)
    application.setStyleSheet("")
