"""Finds rectangles that touch a region without looking at all of them: neighbours in the list are near each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SIZE = 128
"""So many rectangles are looked at together."""


class Chunks:
    """Rectangles (n, 4) = x, y, right, bottom, in pieces of which each has a rectangle around it."""

    def __init__(self, rects: Floats) -> None:
        self._rects = rects
        first = np.arange(0, len(rects), SIZE)
        if len(rects):
            low = np.minimum.reduceat(rects[:, :2], first)
            high = np.maximum.reduceat(rects[:, 2:], first)
            self._around = np.concatenate([low, high], axis=1)
        else:
            self._around = np.empty((0, 4))

    def touching(self, x: float, y: float, right: float, bottom: float) -> Ints:
        """Indices of the rectangles that touch a region, in their order."""
        near = np.flatnonzero(_touch(self._around, x, y, right, bottom))
        if 2 * len(near) > len(self._around):
            return np.flatnonzero(_touch(self._rects, x, y, right, bottom))
        rows = (near[:, None] * SIZE + np.arange(SIZE)).ravel()
        rows = rows[rows < len(self._rects)]
        found: Ints = rows[_touch(self._rects[rows], x, y, right, bottom)]
        return found


def _touch(rects: Floats, x: float, y: float, right: float, bottom: float) -> npt.NDArray[np.bool_]:
    touching: npt.NDArray[np.bool_] = (
        (rects[:, 0] <= right) & (rects[:, 2] >= x) & (rects[:, 1] <= bottom) & (rects[:, 3] >= y)
    )
    return touching
