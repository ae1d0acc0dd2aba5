"""`LossSeries`: the points of a training's curve, any number of them, ready to be drawn at any zoom."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .pyramid import Growing, Pyramid
from .smoothing import Smoothing

MAX_LISTED = 1000
MAX_RESTARTS = 256
_FEWEST = 6


class View(NamedTuple):
    """Points to join by a line, in the order of drawing; it is interrupted where y is NaN."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]


class LossSeries:
    """Losses by training step. Points are only ever added at the end.

    Steps grow within a segment (one may come twice). A smaller step, as after a restart from a checkpoint, begins a new
    segment: both curves are kept, and drawn with a gap between them. After MAX_RESTARTS segments, steps that run
    backwards are counted on from the last one instead, so that looking stays fast.

    Attributes
    ----------
    non_finite : steps with a NaN or infinite value, the first MAX_LISTED of them.
    non_finite_count : how many there are altogether.
    """

    def __init__(self) -> None:
        self._steps = Growing(np.int64)
        self._raw = Pyramid()
        self._segments = [0]
        self._smoothing: Smoothing | None = None
        self._smooth = Pyramid()
        self._shift = 0
        self.non_finite: list[int] = []
        self.non_finite_count = 0

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def steps(self) -> npt.NDArray[np.int64]:
        """All steps, shape (len,), read-only."""
        return self._steps.data

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """All values, shape (len,), read-only."""
        return self._raw.values

    @property
    def last(self) -> tuple[int, float] | None:
        """Step and value of the newest point; None while there is none."""
        return (int(self.steps[-1]), float(self.values[-1])) if len(self) else None

    def append(self, steps: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Add one point or many.

        Parameters
        ----------
        steps : integer or array of integers, shape (k,)
        values : number or array of numbers, shape (k,); NaN and infinities are kept and listed in `non_finite`.
        """
        fresh_steps = np.atleast_1d(np.asarray(steps)).astype(np.int64)
        fresh = np.atleast_1d(np.asarray(values)).astype(np.float64)
        if fresh_steps.ndim != 1 or fresh_steps.shape != fresh.shape:
            raise ValueError(f"{fresh_steps.shape} steps do not fit {fresh.shape} values")
        if not len(fresh):
            return
        fresh_steps = self._split(fresh_steps)
        self._steps.append(fresh_steps)
        self._raw.append(fresh)
        bad = np.flatnonzero(~np.isfinite(fresh))
        self.non_finite_count += len(bad)
        self.non_finite += fresh_steps[bad[: MAX_LISTED - len(self.non_finite)]].tolist()

    def _split(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Note where segments begin; once there are too many, make the steps grow."""
        steps = steps + self._shift
        count = len(self)
        before = np.concatenate([self.steps[-1:], steps[:-1]]) if count else np.concatenate([steps[:1], steps[:-1]])
        falls = np.flatnonzero(steps < before)
        free = MAX_RESTARTS - len(self._segments)
        self._segments += (falls[:free] + count).tolist()
        for place in falls[free:].tolist():
            last = int(steps[place - 1]) if place else int(self.steps[-1])
            shift = last + 1 - int(steps[place])
            steps[place:] += shift
            self._shift += shift
        return steps

    def _ranges(self, first: int | None, last: int | None, margin: int) -> list[tuple[int, int]]:
        """Per segment the points with a step from `first` to `last`, and `margin` more on either side."""
        ranges = []
        steps = self.steps
        for start, stop in zip(self._segments, [*self._segments[1:], len(steps)], strict=True):
            part = steps[start:stop]
            low = 0 if first is None else int(np.searchsorted(part, first, side="left"))
            high = len(part) if last is None else int(np.searchsorted(part, last, side="right"))
            low, high = max(low - margin, 0), min(high + margin, len(part))
            if high > low:
                ranges.append((start + low, start + high))
        return ranges

    def view(
        self,
        first_step: int | None = None,
        last_step: int | None = None,
        max_points: int = 2000,
        *,
        weight: float = 0.0,
        margin: int = 0,
    ) -> View:
        """At most `max_points` points between two steps (both included), with every peak and every gap.

        Parameters
        ----------
        first_step, last_step : the ends, None for the first and the last there is.
        max_points : how many points to return at most; each further segment may add a few.
        weight : of the smoothing (see `smoothed`); 0 for the values as they are.
        margin : how many points to add on either side, so that lines reach the border of a plot.
        """
        pyramid = self._smoothed(weight) if weight else self._raw
        ranges = self._ranges(first_step, last_step, margin)
        total = sum(stop - start for start, stop in ranges)
        pieces_x: list[npt.NDArray[np.float64]] = []
        pieces_y: list[npt.NDArray[np.float64]] = []
        for start, stop in ranges:
            share = max(max_points * (stop - start) // total, _FEWEST)
            chosen = pyramid.decimate(start, stop, share)
            y = pyramid.values[chosen]
            y[~np.isfinite(y)] = np.nan
            if pieces_x:  # a gap between two segments
                pieces_x.append(self.steps[chosen[:1]].astype(np.float64))
                pieces_y.append(np.array([np.nan]))
            pieces_x.append(self.steps[chosen].astype(np.float64))
            pieces_y.append(y)
        if not pieces_x:
            return View(np.empty(0), np.empty(0))
        return View(np.concatenate(pieces_x), np.concatenate(pieces_y))

    def extent(self, first_step: int | None = None, last_step: int | None = None) -> tuple[float, float] | None:
        """Lowest and highest finite value between two steps (both included); None where there is none."""
        found = [self._raw.extremes(start, stop) for start, stop in self._ranges(first_step, last_step, 0)]
        ends = [pair for pair in found if pair is not None]
        return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None

    def smoothed(self, weight: float) -> npt.NDArray[np.float64]:
        """The debiased exponential moving average, shape (len,), read-only; NaN where the value is not finite.

        `weight` is from 0 (the values themselves) to less than 1. The averages of one weight are kept, and go on from
        where they were when points are added.
        """
        return self._smoothed(weight).values

    def _smoothed(self, weight: float) -> Pyramid:
        if self._smoothing is None or self._smoothing.weight != weight:
            self._smoothing = Smoothing(weight)
            self._smooth = Pyramid()
        if len(self._smooth) < len(self):
            self._smooth.append(self._smoothing.extend(self.values[len(self._smooth) :]))
        return self._smooth

    def value_at(self, step: int) -> float | None:
        """The newest value that was logged for `step`; None where there is none."""
        found = self.nearest(step)
        return found[1] if found is not None and found[0] == step else None

    def nearest(self, step: float) -> tuple[int, float] | None:
        """Step and value of the point whose step is nearest, the newest of equally near ones; None if it is empty."""
        best: int | None = None
        steps = self.steps
        for start, stop in zip(self._segments, [*self._segments[1:], len(steps)], strict=True):
            place = start + int(np.searchsorted(steps[start:stop], step, side="right"))
            for candidate in (place - 1, place):
                is_inside = start <= candidate < stop
                if is_inside and (best is None or abs(steps[candidate] - step) <= abs(steps[best] - step)):
                    best = candidate
        return (int(steps[best]), float(self.values[best])) if best is not None else None
