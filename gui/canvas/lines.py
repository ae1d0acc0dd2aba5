"""Batches of lines, rectangles and triangles from numpy into Qt in one call each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter, QPolygonF
from shiboken6 import Shiboken

Floats = npt.NDArray[np.float64]
_DOUBLES = 4  # both QLineF and QRectF are four doubles in a row


class _Batch:
    """Qt objects that look straight into the rows of a numpy array, so that filling it needs no Python loop."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._rows: Floats = np.empty((0, _DOUBLES))
        self._objects: list[Any] = []

    def fill(self, values: npt.NDArray[np.floating[Any]]) -> list[Any]:
        """Objects with these values; valid until the next call."""
        count = len(values)
        if count > len(self._rows):
            self._objects = []  # they point into the old array: gone before it is
            self._rows = np.empty((max(count, 2 * len(self._rows), 64), _DOUBLES))
            address, size = self._rows.ctypes.data, self._rows.strides[0]
            self._objects = [
                Shiboken.wrapInstance(address + size * row, self._kind)  # type: ignore[no-untyped-call,unused-ignore]
                for row in range(len(self._rows))
            ]
        self._rows[:count] = values
        return self._objects[:count]


class Batches:
    """Draws many shapes of one style at once; one for each painter of a widget, kept between frames."""

    def __init__(self) -> None:
        self._lines = _Batch(QLineF)
        self._rects = _Batch(QRectF)

    def draw_lines(self, painter: QPainter, segments: npt.NDArray[np.floating[Any]]) -> None:
        """Draw segments (n, 4) = x1, y1, x2, y2 with the painter's pen."""
        if len(segments):
            painter.drawLines(self._lines.fill(segments))

    def draw_rects(self, painter: QPainter, rects: Floats) -> None:
        """Draw rectangles (n, 4) = x, y, width, height with the painter's pen and brush."""
        if len(rects):
            painter.drawRects(self._rects.fill(rects))


def draw_triangles(painter: QPainter, corners: Floats) -> None:
    """Fill triangles (n, 3, 2) with the painter's brush."""
    from PySide6.QtCore import QPointF

    for a, b, c in corners.tolist():
        painter.drawConvexPolygon(QPolygonF([QPointF(*a), QPointF(*b), QPointF(*c)]))
