"""Draws LaTeX formulas sharp at any scale, in a colour of the theme."""

from __future__ import annotations

import re
from functools import lru_cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from ..theme import UNIT, mono_font
from .copying import add_copy
from .formula_svg import SIZE_PX, render_svg, split_formulas
from .height_by_width import HeightByWidth

_SMALLEST = 0.6
"""A formula wider than the view is drawn smaller, but never by more than this factor."""


def plain_formula(latex: str) -> str:
    r"""A readable text of a formula for screen readers and as the fallback: `\bar{a} = g` becomes "a̅ = g"."""
    text = re.sub(r"\\(?:bar|overline)\{([^{}]*)\}", "\\1\u0305", latex)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
    text = re.sub(r"\\(?:mathrm|text|operatorname|mathbb|mathbf)\{([^{}]*)\}", r"\1", text)
    for command, sign in _SIGNS.items():
        text = re.sub(rf"\\{command}(?![a-zA-Z])", sign, text)
    text = re.sub(r"\\[,;:! ]", " ", text)
    return re.sub(r"\s+", " ", text.replace("\\", "").replace("{", "").replace("}", "")).strip()


_SIGNS = {
    "alpha": "α",
    "beta": "β",
    "sigma": "σ",
    "mu": "μ",
    "epsilon": "ε",
    "cdot": "·",
    "odot": "⊙",
    "times": "×",
    "sum": "Σ",
    "top": "ᵀ",
    "le": "≤",
    "ge": "≥",
    "ne": "≠",
    "partial": "∂",
    "infty": "∞",
    "left": "",
    "right": "",
    "quad": " ",
}


@lru_cache(maxsize=512)
def renderer_of(latex: str, size_px: float, color: str) -> QSvgRenderer | None:
    """What draws a formula, shared by all views; None where it cannot be typeset."""
    svg = render_svg(latex, size_px, color)
    if svg is None:
        return None
    renderer = QSvgRenderer(QByteArray(svg))
    return renderer if renderer.isValid() else None


class FormulaView(HeightByWidth):
    """One or several formulas, side by side where they fit and one below the other where they do not.

    Parameters
    ----------
    size_px : height of the type in device-independent pixels.
    """

    def __init__(self, parent: QWidget | None = None, *, size_px: float = SIZE_PX) -> None:
        super().__init__(parent)
        self._size_px = size_px
        self._color = QColor("black")
        self._parts: list[str] = []
        self._renderers: list[QSvgRenderer | None] = []
        add_copy(self, lambda: r" \quad ".join(self._parts), "Copy as LaTeX")

    def set_latex(self, latex: str, color: QColor) -> None:
        """Show `latex`, drawn in `color`."""
        parts = split_formulas(latex)
        if parts == self._parts and color == self._color:
            return
        self._parts, self._color = parts, QColor(color)
        self._renderers = [renderer_of(part, self._size_px, self._color.name()) for part in parts]
        self.setAccessibleName("; ".join(plain_formula(part) for part in parts))
        self.updateGeometry()
        self.update()

    @property
    def is_typeset(self) -> bool:
        """Whether every formula is drawn as one, and none as plain text."""
        return all(renderer is not None for renderer in self._renderers)

    def heightForWidth(self, width: int) -> int:
        areas = self._areas(width)
        return max((area.bottom() + 1 for area in areas), default=0)  # the last of a row need not be the highest

    def _natural_size(self, index: int) -> QSize:
        renderer = self._renderers[index]
        if renderer is not None:
            return renderer.defaultSize()
        metrics = QFontMetrics(mono_font(9))
        return QSize(metrics.horizontalAdvance(plain_formula(self._parts[index])) + 2, metrics.height() + 2)

    def _rise(self, index: int, height: int) -> int:
        """Pixels of a formula above its baseline, where it is drawn `height` pixels high."""
        renderer = self._renderers[index]
        if renderer is None:
            return round(height * 0.8)
        box = renderer.viewBoxF()  # the typesetter puts the baseline at zero
        return round(-box.top() / box.height() * height)

    def _areas(self, width: int) -> list[QRect]:
        """Where each formula goes in a view of this width: rows from the top, all formulas of a row on one baseline."""
        rows: list[list[QSize]] = []
        used = 0
        for index in range(len(self._parts)):
            size = self._natural_size(index)
            if size.width() > width:
                factor = max(width / size.width(), _SMALLEST)
                size = QSize(round(size.width() * factor), round(size.height() * factor))
            if rows and used + 5 * UNIT + size.width() <= width:
                rows[-1].append(size)
                used += 5 * UNIT + size.width()
            else:
                rows.append([size])
                used = size.width()
        areas: list[QRect] = []
        y = 0
        for row in rows:
            rises = [self._rise(len(areas) + place, size.height()) for place, size in enumerate(row)]
            x = 0
            for size, rise in zip(row, rises, strict=True):
                areas.append(QRect(QPoint(x, y + max(rises) - rise), size))
                x += size.width() + 5 * UNIT
            y = max(area.bottom() + 1 for area in areas[-len(row) :]) + UNIT
        return areas

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, area in enumerate(self._areas(self.width())):
            renderer = self._renderers[index]
            if renderer is not None:
                renderer.render(painter, QRectF(area))
                continue
            painter.setPen(self._color)
            painter.setFont(mono_font(9))
            metrics = QFontMetrics(painter.font())
            text = metrics.elidedText(plain_formula(self._parts[index]), Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
