"""How the whole window looks: one palette and one style sheet, both made from the tokens of the theme."""

from __future__ import annotations

from string import Template

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QMainWindow

from gui.resources import resource
from gui.theme import RADIUS_CARD, RADIUS_CONTROL, Theme, ThemeManager, ui_font, use_shipped_fonts

TEXT_SMALL_PT = 8.5
TEXT_NORMAL_PT = 9.5
TEXT_LARGE_PT = 11.0
TEXT_TITLE_PT = 18.0


def mix(first: QColor, second: QColor, amount: float) -> QColor:
    """The colour that lies `amount` (0 to 1) of the way from `first` to `second`."""
    return QColor.fromRgbF(
        first.redF() + (second.redF() - first.redF()) * amount,
        first.greenF() + (second.greenF() - first.greenF()) * amount,
        first.blueF() + (second.blueF() - first.blueF()) * amount,
    )


def tokens(theme: Theme) -> dict[str, str]:
    """Every name that a style sheet template may use, with its value under `theme`."""
    colors = {
        "background": theme.background,
        "surface": theme.surface,
        "line": theme.line,
        "text": theme.text,
        "muted": theme.muted,
        "accent": theme.accent,
        "accent_soft": theme.accent_soft,
        "data": theme.data,
        "data_soft": theme.data_soft,
        "data_text": theme.data_text,
        "accent_fill": theme.accent_fill,
        "leaf": theme.leaf,
        "leaf_soft": theme.leaf_soft,
        "edge": theme.edge,
        "control": control_color(theme),
        "control_hover": mix(control_color(theme), theme.edge, 0.35),
        "control_pressed": mix(control_color(theme), theme.edge, 0.6),
        "accent_hover": mix(theme.accent_fill, theme.text, 0.12),
        "accent_pressed": mix(theme.accent_fill, theme.text, 0.24),
        "on_accent": on_accent_color(theme),
        "disabled": disabled_color(theme),
        "handle": mix(theme.surface, theme.edge, 0.8),
    }
    values = {name: color.name() for name, color in colors.items()}
    values["radius_card"] = f"{RADIUS_CARD}px"
    values["radius_control"] = f"{RADIUS_CONTROL}px"
    values["small"] = f"{TEXT_SMALL_PT}pt"
    values["theme"] = theme.name
    values["themes"] = resource("themes").as_posix()
    return values


def control_color(theme: Theme) -> QColor:
    """What buttons are filled with."""
    return mix(theme.surface, theme.line, 0.75)


def on_accent_color(theme: Theme) -> QColor:
    """What is written on the accent colour."""
    return theme.background if theme.is_dark else theme.surface


def breakpoint_color(theme: Theme) -> QColor:
    """Neither a value's colour nor a gradient's."""
    return QColor("#FF5C93" if theme.is_dark else "#C2185B")


def disabled_color(theme: Theme) -> QColor:
    """What is written where it cannot be used."""
    return mix(theme.surface, theme.muted, 0.65)


def style_sheet(theme: Theme) -> str:
    """The style sheet of the window under `theme`; raises KeyError where the template uses an unknown token."""
    template = Template(resource("themes", "window.qss.template").read_text(encoding="utf-8"))
    return template.substitute(tokens(theme))


def palette(theme: Theme) -> QPalette:
    """Colours for everything that the style sheet does not name, and for widgets that paint themselves."""
    result = QPalette()
    role = QPalette.ColorRole
    for where, color in (
        (role.Window, theme.surface),
        (role.WindowText, theme.text),
        (role.Base, theme.surface),
        (role.AlternateBase, theme.background),
        (role.Text, theme.text),
        (role.Button, control_color(theme)),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.accent_text),
        (role.ToolTipBase, theme.text),
        (role.ToolTipText, theme.surface),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.data_soft),
        (role.HighlightedText, theme.text),
        (role.Link, theme.data_text),
        (role.LinkVisited, theme.data_text),
        (role.Light, theme.surface),
        (role.Midlight, theme.line),
        (role.Mid, theme.edge),
        (role.Dark, theme.edge),
        (role.Shadow, theme.edge),
        (role.Accent, theme.accent),
    ):
        result.setColor(where, color)
    for where in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, where, disabled_color(theme))
    return result


class Style(QObject):
    """Keeps the application's palette, font and style sheet those of the theme in force."""

    def __init__(self, application: QApplication, themes: ThemeManager, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        use_shipped_fonts()
        application.setStyle("Fusion")
        application.setFont(ui_font(TEXT_NORMAL_PT))
        self.apply(themes.theme)
        themes.changed.connect(self.apply)

    def apply(self, theme: Theme) -> None:
        """Recolour every window; takes effect at once.

        Qt polishes each widget once for every one around it where a style sheet takes the place of another, and only
        once where the old one is taken away first.
        """
        windows = [widget for widget in self._application.topLevelWidgets() if isinstance(widget, QMainWindow)]
        for window in windows:
            window.installEventFilter(self)
        self._application.setStyleSheet("")
        for window in windows:
            window.removeEventFilter(self)
        self._application.setPalette(palette(theme))
        self._application.setStyleSheet(style_sheet(theme))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Between two sheets windows keep their docks: the wider borders of a window without one would move them."""
        return event.type() == QEvent.Type.StyleChange
