"""Very many small rectangles and thin lines written straight into a picture's pixels, each batch in a few numpy calls.

From afar, where boxes are a few pixels high and links one pixel thin, this is several times faster than Qt's painter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QTransform

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint32]
LARGE = 64
"""Rectangles wider or higher than so many pixels are filled one by one."""
MOST_PIXELS = 8_000_000
"""A batch that would write more pixels than this is written in parts, so that memory stays bounded."""


class Raster:
    """The pixels of a 32-bit image inside `area` (in device-independent pixels); `transform` maps scene to those.

    The image must live as long as the raster, and must not be copied from in the meantime.
    """

    def __init__(self, image: QImage, transform: QTransform, area: QRectF) -> None:
        ratio = image.devicePixelRatio()
        self._stride = image.bytesPerLine() // 4
        self._pixels = np.frombuffer(image.bits(), dtype=np.uint32)
        self._rows = self._pixels.reshape(image.height(), self._stride)
        self._left = max(0, round(area.left() * ratio))
        self._top = max(0, round(area.top() * ratio))
        self._right = min(image.width(), round(area.right() * ratio))
        self._bottom = min(image.height(), round(area.bottom() * ratio))
        self.scale = transform.m11() * ratio
        """Device pixels per scene unit."""
        self._dx, self._dy = transform.dx() * ratio, transform.dy() * ratio
        self._thickness = max(1, round(ratio))

    def fill_rects(self, rects: npt.NDArray[np.floating[Any]], colours: Codes | QColor) -> None:
        """Fill rectangles (n, 4) = x, y, right, bottom of the scene, each at least a pixel large."""
        corners = np.floor(rects * self.scale + (self._dx, self._dy, self._dx, self._dy) + 0.5).astype(np.int64)
        left, top = corners[:, 0], corners[:, 1]
        right, bottom = np.maximum(corners[:, 2], left + 1), np.maximum(corners[:, 3], top + 1)
        left, right = np.maximum(left, self._left), np.minimum(right, self._right)
        top, bottom = np.maximum(top, self._top), np.minimum(bottom, self._bottom)
        width, height = right - left, bottom - top
        is_seen = (width > 0) & (height > 0)
        codes = np.full(len(rects), colours.rgba(), dtype=np.uint32) if isinstance(colours, QColor) else colours
        is_large = is_seen & ((width > LARGE) | (height > LARGE))
        for index in np.flatnonzero(is_large).tolist():
            self._rows[top[index] : bottom[index], left[index] : right[index]] = codes[index]
        small = np.flatnonzero(is_seen & ~is_large)
        small = small[np.argsort(-width[small], kind="stable")]
        begin = top[small] * self._stride + left[small]
        self._fill_small(begin, width[small], height[small], codes[small])

    def _fill_small(self, begin: Ints, width: Ints, height: Ints, codes: Codes) -> None:
        """Write the pixels of all rectangles together: first every one's first, then every one's second ..."""
        for row in range(int(height.max(initial=0))):
            has_row = height > row
            where, wide, colour = begin[has_row] + row * self._stride, width[has_row], codes[has_row]
            wider_than = np.searchsorted(-wide, -np.arange(int(wide.max(initial=0))), side="left")
            for column, count in enumerate(wider_than.tolist()):
                self._pixels[where[:count] + column] = colour[:count]

    def draw_lines(self, segments: npt.NDArray[np.floating[Any]], colour: QColor) -> None:
        """Draw segments (n, 4) of the scene that run across or down, as thin as can be."""
        ends = np.floor(segments * self.scale + (self._dx, self._dy, self._dx, self._dy)).astype(np.int64)
        left, right = np.minimum(ends[:, 0], ends[:, 2]), np.maximum(ends[:, 0], ends[:, 2])
        top, bottom = np.minimum(ends[:, 1], ends[:, 3]), np.maximum(ends[:, 1], ends[:, 3])
        is_across = right - left >= bottom - top
        for thick in range(self._thickness):
            self._draw(left, right, top + thick, is_across, colour.rgba(), is_down=False)
            self._draw(top, bottom, left + thick, ~is_across, colour.rgba(), is_down=True)

    def draw_borders(self, rects: Floats, colour: QColor) -> None:
        """Draw the outlines of rectangles (n, 4) = x, y, right, bottom of the scene, as thin as can be."""
        x, y, right, bottom = rects.T
        sides = [(x, y, right, y), (x, bottom, right, bottom), (x, y, x, bottom), (right, y, right, bottom)]
        self.draw_lines(np.concatenate([np.stack(side, axis=1) for side in sides]), colour)

    def _draw(self, begin: Ints, end: Ints, across: Ints, chosen: Bools, code: int, *, is_down: bool) -> None:
        """Write lines of one direction: from `begin` to `end` along it, `across` being the other coordinate."""
        low, high = (self._top, self._bottom) if is_down else (self._left, self._right)
        least, most = (self._left, self._right) if is_down else (self._top, self._bottom)
        begin, end = np.maximum(begin, low), np.minimum(end, high - 1)
        seen = np.flatnonzero(chosen & (end >= begin) & (across >= least) & (across < most))
        length = (end - begin)[seen] + 1
        step, other = (self._stride, 1) if is_down else (1, self._stride)
        start = begin[seen] * step + across[seen] * other
        after = np.cumsum(length)
        first = 0
        while first < len(seen):
            done = int(after[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(after, done + MOST_PIXELS, side="right")))
            count = length[first:last]
            where = np.arange(int(after[last - 1]) - done)
            where *= step
            where += np.repeat(start[first:last] - (after[first:last] - done - count) * step, count)
            self._pixels[where] = code
            first = last
