"""Icons: the program's own line drawings, recoloured for the theme and crisp on every screen."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.resources import resource

_SIZES_PX = (16, 20, 24)
_RATIOS = (1, 2)
_APPLICATION_SIZES_PX = (16, 24, 32, 48, 64, 128, 256)


@cache
def _drawing(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, color: QColor, size_px: int = 20, ratio: float = 1.0) -> QPixmap:
    """The drawing `name` in one colour, `size_px` logical pixels wide, rendered for a screen of that pixel ratio."""
    return _pixmap(name, color.rgba(), size_px, ratio)


@lru_cache(4096)
def _pixmap(name: str, rgba: int, size_px: int, ratio: float) -> QPixmap:
    color = QColor.fromRgba(rgba)
    result = QPixmap(QSize(round(size_px * ratio), round(size_px * ratio)))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setOpacity(color.alphaF())
    _renderer(name, color.name()).render(painter, QRectF(0, 0, result.width(), result.height()))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


@lru_cache(256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_drawing(name).replace("currentColor", color).encode()))


def icon(name: str, color: QColor, disabled: QColor | None = None) -> QIcon:
    """The drawing `name` as an icon; `disabled` is its colour where it cannot be used (default: `color`, faded)."""
    if disabled is None:
        disabled = QColor(color)
        disabled.setAlphaF(0.35)
    result = QIcon()
    for size_px in _SIZES_PX:
        for ratio in _RATIOS:
            result.addPixmap(pixmap(name, color, size_px, ratio), QIcon.Mode.Normal)
            result.addPixmap(pixmap(name, disabled, size_px, ratio), QIcon.Mode.Disabled)
    return result


def application_icon() -> QIcon:
    """The program's own icon, in its own colours."""
    result = QIcon()
    for size_px in _APPLICATION_SIZES_PX:
        result.addPixmap(pixmap("retrograd", QColor("black"), size_px))
    return result
