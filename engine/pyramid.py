"""A long row of numbers that can be looked at from any distance: where its extremes are, and where it has gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FACTOR = 16
"""One bucket of a level stands for this many buckets of the level below."""

Indices = npt.NDArray[np.int64]
Buckets = tuple[Indices, Indices, Indices]
"""Per bucket: index of its lowest number, of its highest, and of its first NaN or infinity; -1 where it has none."""


class Growing:
    """An array that grows at its end, at a constant cost per item."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._array = np.empty(256, dtype=dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, chunk: npt.NDArray[Any]) -> None:
        needed = self._length + len(chunk)
        if needed > len(self._array):
            larger = np.empty(max(needed, len(self._array) * 3 // 2), dtype=self._array.dtype)
            larger[: self._length] = self._array[: self._length]
            self._array = larger
        self._array[self._length : needed] = chunk
        self._length = needed

    @property
    def data(self) -> npt.NDArray[Any]:
        """The items so far, read-only. A later append does not change what was handed out."""
        view = self._array[: self._length]
        view.flags.writeable = False
        return view


class Pyramid:
    """Numbers (float64), and over them levels of buckets, each FACTOR times coarser; only whole buckets are kept."""

    def __init__(self) -> None:
        self._values = Growing(np.float64)
        self._levels: list[tuple[Growing, Growing, Growing]] = []

    def __len__(self) -> int:
        return len(self._values)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        return self._values.data

    def append(self, values: npt.NDArray[np.float64]) -> None:
        """Add numbers at the end; a level costs a FACTOR-th of the one below."""
        self._values.append(values)
        level = 0
        while True:
            below = len(self._values) if level == 0 else len(self._levels[level - 1][0])
            done = len(self._levels[level][0]) if level < len(self._levels) else 0
            whole = below // FACTOR
            if whole == done:
                return
            if level == len(self._levels):
                self._levels.append((Growing(np.int64), Growing(np.int64), Growing(np.int64)))
            fresh = self._merge(self._buckets(level, done * FACTOR, whole * FACTOR), FACTOR)
            for column, chunk in zip(self._levels[level], fresh, strict=True):
                column.append(chunk)
            level += 1

    def decimate(self, start: int, stop: int, max_points: int) -> Indices:
        """Indices of at most `max_points` (>= 6) numbers that show [start, stop) at their best.

        All of them, if they are few; else, of every one of equal stretches, the lowest and the highest number and the
        first NaN or infinity. Takes a time that depends on `max_points` alone.
        """
        if stop - start <= max_points:
            return np.arange(start, stop, dtype=np.int64)
        wanted = max_points // 2
        buckets = self._cover(start, stop, wanted)
        if (buckets[2] >= 0).any():
            wanted = max_points // 3
        buckets = self._merge(buckets, -(-len(buckets[0]) // wanted))
        rows = np.stack(buckets, axis=1)
        rows.sort(axis=1)
        flat = rows.reshape(-1)
        flat = flat[flat >= 0]
        distinct = np.ones(len(flat), dtype=np.bool_)
        distinct[1:] = flat[1:] != flat[:-1]
        return flat[distinct]

    def extremes(self, start: int, stop: int) -> tuple[float, float] | None:
        """Lowest and highest finite number in [start, stop); None where there is none."""
        lows, highs, _ = self._cover(start, stop, 1)
        lows = lows[lows >= 0]
        if not len(lows):
            return None
        return float(self.values[lows].min()), float(self.values[highs[highs >= 0]].max())

    def _cover(self, start: int, stop: int, wanted: int) -> Buckets:
        """Buckets of several levels that together are exactly [start, stop): as coarse as `wanted` of them allow."""
        left: list[Buckets] = []
        right: list[Buckets] = []
        level = 0
        while level < len(self._levels) and (stop - start) > wanted * FACTOR:
            up, down = min(-(-start // FACTOR) * FACTOR, stop), stop // FACTOR * FACTOR
            if up > start:
                left.append(self._buckets(level, start, up))
            if stop > max(down, up):
                right.append(self._buckets(level, max(down, up), stop))
            start, stop = up // FACTOR, max(down, up) // FACTOR
            level += 1
        pieces = [*left, self._buckets(level, start, stop), *reversed(right)]
        return (
            np.concatenate([piece[0] for piece in pieces]),
            np.concatenate([piece[1] for piece in pieces]),
            np.concatenate([piece[2] for piece in pieces]),
        )

    def _buckets(self, level: int, start: int, stop: int) -> Buckets:
        """Buckets of one level; level 0 are the numbers themselves."""
        if level > 0:
            lows, highs, gaps = self._levels[level - 1]
            return lows.data[start:stop], highs.data[start:stop], gaps.data[start:stop]
        places = np.arange(start, stop, dtype=np.int64)
        is_finite = np.isfinite(self.values[start:stop])
        finite = np.where(is_finite, places, -1)
        return finite, finite, np.where(is_finite, -1, places)

    def _merge(self, buckets: Buckets, group: int) -> Buckets:
        """Every `group` buckets become one; the last may be made of fewer."""
        lows, highs, gaps = (_grouped(column, group) for column in buckets)
        values = self.values
        rows = np.arange(len(lows))
        low = np.where(lows >= 0, values[lows], np.inf).argmin(axis=1)
        high = np.where(highs >= 0, values[highs], -np.inf).argmax(axis=1)
        is_gap = gaps >= 0
        return lows[rows, low], highs[rows, high], gaps[rows, is_gap.argmax(axis=1)]


def _grouped(column: Indices, group: int) -> Indices:
    missing = -len(column) % group
    if missing:
        column = np.concatenate([column, np.full(missing, -1, dtype=np.int64)])
    return column.reshape(-1, group)
