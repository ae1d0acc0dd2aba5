"""Curves of several runs in one plot, each in a colour of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from engine.series import LossSeries

from ..theme import Theme, ThemeManager
from .curve_plot import CurvePlot

Key = tuple[str, str]
"""A run's name and a tag."""
_LIGHT = "#3B6FB6 #B7791F #2F8F6B #8A4FBF #C2417A #4A7C8C #7A6A3A #5B5FC7"
_DARK = "#7FB0F0 #E0B060 #63C9A0 #B98AE8 #F08AB4 #86BCCB #C2B280 #9CA0F5"


def run_color(number: int, theme: Theme) -> QColor:
    """Colour of the curve with a number; they repeat after the eighth."""
    names = (_DARK if theme.is_dark else _LIGHT).split()
    return QColor(names[number % len(names)])


class RunsPlot(CurvePlot):
    """Draws the series that are given to it."""

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(themes, parent)
        self._curves: dict[Key, tuple[LossSeries, int, Any]] = {}

    @property
    def keys(self) -> list[Key]:
        """What is drawn."""
        return list(self._curves)

    def set_curves(self, wanted: dict[Key, tuple[LossSeries, int]]) -> None:
        """Draw exactly these: the series and the number of its colour, by run and tag."""
        for key in [key for key, (series, number, _) in self._curves.items() if wanted.get(key) != (series, number)]:
            self.remove_item(self._curves.pop(key)[2])
        for key, (series, number) in wanted.items():
            if key not in self._curves:
                self._curves[key] = (series, number, self.add_curve(run_color(number, self.theme), 1.6))
        self.schedule()

    def apply_theme(self, theme: Theme) -> None:
        for _, number, curve in self._curves.values():
            curve.setPen(self.pen(run_color(number, theme), 1.6))

    def refresh(self) -> None:
        if self.is_following:
            self._show_everything()
        first, last = self.visible_steps()
        for series, _, curve in self._curves.values():
            seen = series.view(math.floor(first), math.ceil(last), 2 * self.columns, margin=1)
            curve.setData(seen.x, self.to_axis(seen.y))

    def _show_everything(self) -> None:
        shown = [series for series, _, _ in self._curves.values() if len(series)]
        if not shown:
            self.show_range((0, 100), (0.0, 1.0))
            return
        ends = [pair for pair in (series.extent() for series in shown) if pair is not None]
        heights = self.to_axis(np.array(ends, dtype=np.float64).ravel())
        finite = heights[np.isfinite(heights)]
        values = (float(finite.min()), float(finite.max())) if len(finite) else None
        first = min(float(series.steps.min()) for series in shown)
        self.show_range((first, max(float(series.steps.max()) for series in shown)), values)

    def shut_down(self) -> None:
        super().shut_down()
        self._curves.clear()
