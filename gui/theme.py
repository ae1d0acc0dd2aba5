"""Colours, sizes and fonts of the window, light and dark, and which of the two is in force."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QGuiApplication

ThemeName = Literal["light", "dark"]
UNIT = 4
"""Spacing unit in pixels; every margin and gap is a multiple of it."""
RADIUS_CARD = 8
RADIUS_CONTROL = 6


@dataclass(frozen=True)
class Theme:
    """One set of colours. Values are drawn in `data`, gradients in `accent`, everywhere.

    What is written has the colours that end in `_text`: the same hues, with a contrast of at least 4.5 on every ground,
    so that small letters can be read on a projector. Texts stand on `accent_fill`.
    """

    name: ThemeName
    background: QColor
    surface: QColor
    line: QColor
    text: QColor
    muted: QColor
    accent: QColor
    accent_soft: QColor
    data: QColor
    data_soft: QColor
    leaf: QColor
    leaf_soft: QColor
    edge: QColor
    current_line: QColor
    accent_text: QColor
    data_text: QColor
    leaf_text: QColor
    accent_fill: QColor

    def written(self, name: str) -> QColor:
        """The colour of texts about `name`: "accent", "data", "leaf", "muted", "text"."""
        color: QColor = getattr(self, f"{name}_text", None) or getattr(self, name)
        return color

    @property
    def is_dark(self) -> bool:
        return self.name == "dark"


def _theme(name: ThemeName, *codes: str) -> Theme:
    names = [field.name for field in fields(Theme)][1:]
    return Theme(name, **{field: QColor(f"#{code}") for field, code in zip(names, codes, strict=True)})


_LIGHT_CODES = "F6F7F9 FFFFFF E3E7ED 1B2230 5C6778 E4572E FCE8E1 3B6FB6 E6EEF8 2F8F6B E3F3EC B4BECC FFF7E0"
_LIGHT_TEXTS = "BC3D16 3364A8 1E7552 CC4A22"
_DARK_CODES = "14171C 1B2027 2B323C E7EBF1 94A1B3 FF8A5B 3A2620 7FB0F0 1F2C3F 63C9A0 1B332A 4A5666 332D1C"
_DARK_TEXTS = "FF8A5B 7FB0F0 63C9A0 FF8A5B"

LIGHT = _theme("light", *_LIGHT_CODES.split(), *_LIGHT_TEXTS.split())
DARK = _theme("dark", *_DARK_CODES.split(), *_DARK_TEXTS.split())


class ThemeManager(QObject):
    """Which theme is in force: the system's, unless the user chose one."""

    changed = Signal(object)
    """Emitted with the new `Theme`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._chosen: ThemeName | None = None
        self._last = self.theme
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_scheme_changed)

    @property
    def theme(self) -> Theme:
        if self._chosen is not None:
            return DARK if self._chosen == "dark" else LIGHT
        return DARK if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT

    @property
    def chosen(self) -> ThemeName | None:
        """The user's choice; None follows the system."""
        return self._chosen

    def choose(self, name: ThemeName | None) -> None:
        self._chosen = name
        self._announce()

    def _on_system_scheme_changed(self) -> None:
        self._announce()

    def _announce(self) -> None:
        theme = self.theme
        if theme is not self._last:
            self._last = theme
            self.changed.emit(theme)


def use_shipped_fonts() -> None:
    """On a machine without any font, use those that the formula renderer ships; harmless where there are some.

    That there are none cannot be told by their names: the system has names for fonts that it does not have.
    """
    if QFontMetrics(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)).inFont("e"):
        return
    from importlib.util import find_spec
    from pathlib import Path

    for package in ("ziafont", "ziamath"):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            for file in sorted(Path(folder, "fonts").glob("*.ttf")):
                number = QFontDatabase.addApplicationFont(str(file))
                _shipped.extend(QFontDatabase.applicationFontFamilies(number))


_shipped: list[str] = []
"""Families of the fonts that were loaded because the system has none."""


def ui_font(point_size: float = 10, *, bold: bool = False) -> QFont:
    """Inter where it is installed, else the system's interface font."""
    font = _font("Inter", QFontDatabase.SystemFont.GeneralFont)
    font.setPointSizeF(point_size)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def mono_font(point_size: float = 10) -> QFont:
    """JetBrains Mono where it is installed, else the system's fixed-width font."""
    font = _font("JetBrains Mono", QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(point_size)
    return font


def _font(wanted: str, system: QFontDatabase.SystemFont) -> QFont:
    if wanted in QFontDatabase.families():
        return QFont(wanted)
    return QFont(_shipped[0]) if _shipped else QFontDatabase.systemFont(system)
