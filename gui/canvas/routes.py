"""Polylines of links made ready to paint: rounded corners, the way back beside each, arrow heads. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Segments = npt.NDArray[np.floating[Any]]

RADIUS = 8.0
"""Radius of a rounded corner, in scene units."""
BACK_OFFSET = 9.0
"""Distance of a gradient's line from the data's line beside it."""
HEAD_LENGTH = 8.0
HEAD_HALF_WIDTH = 4.0
ARC_POINTS = 5
ROOM = 2 * BACK_OFFSET + HEAD_HALF_WIDTH + 2
"""So far from a line its way back and heads can reach: a mitre reaches at most twice as far as its lines."""


@dataclass(frozen=True)
class Lines:
    """Segments (x1, y1, x2, y2) of many polylines, those of polyline i in rows `start[i]` to `start[i + 1]`."""

    segments: Segments
    start: Ints

    def rows_of(self, chosen: Ints) -> Ints:
        """Row numbers of all segments of the chosen polylines."""
        first, count = self.start[chosen], self.start[chosen + 1] - self.start[chosen]
        total = int(count.sum())
        if total == 0:
            return np.empty(0, dtype=np.int64)
        offset = np.repeat(first - np.concatenate(([0], np.cumsum(count)[:-1])), count)
        return offset + np.arange(total)

    def one(self, index: int) -> Lines:
        """One of the polylines."""
        segments = self.segments[self.start[index] : self.start[index + 1]]
        return Lines(segments, np.array([0, len(segments)]))

    def of(self, chosen: Ints) -> Segments:
        """Segments of the chosen polylines."""
        return self.segments[self.rows_of(chosen)]


class Routes:
    """Everything about the drawn links: bounding boxes, lines there (data) and back (gradients), arrow heads.

    `boxes` (m, 4) = x, y, right, bottom, both ways and heads included. Only corner points are kept: what is to be
    painted is worked out for the links in view, when it is asked for. Heads are (n, 3, 2), tip first.
    """

    def __init__(self, points: Floats, start: Ints) -> None:
        self._points = points
        self._start = start
        self.boxes = _boxes(points, start)
        step = np.abs(points[1:] - points[:-1])
        step[start[1:-1] - 1] = 0.0
        self.is_orthogonal = bool((step.min(axis=1, initial=0.0) if len(step) else step).max(initial=0.0) < 0.01)
        """Whether every line runs either across or down."""
        self._straight: Lines | None = None

    def __len__(self) -> int:
        return len(self._start) - 1

    @property
    def straight(self) -> Lines:
        """Segments of all links, with sharp corners."""
        if self._straight is None:
            ends, _ = _heads(self._points, self._start)
            lines = _segments(ends, self._start)
            self._straight = Lines(lines.segments.astype(np.float32), lines.start)
        return self._straight

    def chosen_straight(self, links: Ints) -> Lines:
        """The chosen links with sharp corners."""
        lines = self.straight
        count = lines.start[links + 1] - lines.start[links]
        return Lines(lines.of(links), np.concatenate(([0], np.cumsum(count))))

    def rounded(self, links: Ints) -> Lines:
        """The chosen links with rounded corners."""
        points, start = self._chosen(links)
        ends, _ = _heads(points, start)
        return _segments(*_round(ends, start))

    def back_straight(self, links: Ints) -> Lines:
        """The ways back of the chosen links, with sharp corners."""
        points, start = self._back(links)
        ends, _ = _heads(points, start)
        return _segments(ends, start)

    def back_rounded(self, links: Ints) -> Lines:
        """The ways back of the chosen links, with rounded corners."""
        points, start = self._back(links)
        ends, _ = _heads(points, start)
        return _segments(*_round(ends, start))

    def heads(self, links: Ints) -> Floats:
        """Arrow heads of the chosen links."""
        return _heads(*self._chosen(links))[1]

    def back_heads(self, links: Ints) -> Floats:
        """Arrow heads of the chosen links' ways back."""
        return _heads(*self._back(links))[1]

    def _chosen(self, links: Ints) -> tuple[Floats, Ints]:
        """The points of some links, and where those of each begin."""
        if len(links) == len(self) and len(self) and (np.diff(links) == 1).all():
            return self._points, self._start
        first, count = self._start[links], self._start[links + 1] - self._start[links]
        start = np.concatenate(([0], np.cumsum(count)))
        rows = np.repeat(first - start[:-1], count) + np.arange(int(start[-1]))
        return self._points[rows], start

    def _back(self, links: Ints) -> tuple[Floats, Ints]:
        points, start = self._chosen(links)
        return _reverse(_offset(points, start, BACK_OFFSET), start), start


def build(polylines: Sequence[Floats]) -> Routes:
    """Prepare the polylines (each (k, 2) from source to target; fewer than two points: nothing is drawn)."""
    points, count = _concatenate(polylines)
    return Routes(points, np.concatenate(([0], np.cumsum(count))).astype(np.int64))


def distance_to(segments: Segments, x: float, y: float) -> Floats:
    """Distance of a point to each segment."""
    if not len(segments):
        return np.empty(0)
    first, along = segments[:, :2], segments[:, 2:] - segments[:, :2]
    to_point = np.array([x, y]) - first
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    where = np.clip((to_point * along).sum(axis=1) / length, 0.0, 1.0)
    nearest = first + along * where[:, None]
    distance: Floats = np.hypot(nearest[:, 0] - x, nearest[:, 1] - y)
    return distance


def _concatenate(polylines: Sequence[Floats]) -> tuple[Floats, Ints]:
    """All points in one array, and how many each polyline has; degenerate ones become a point drawn twice."""
    parts: list[Floats] = []
    for line in polylines:
        points = np.asarray(line, dtype=np.float64).reshape(-1, 2)
        if len(points) < 2:
            points = np.repeat(points, 2, axis=0) if len(points) else np.zeros((2, 2))
        parts.append(points)
    count = np.array([len(points) for points in parts], dtype=np.int64)
    return (np.concatenate(parts) if parts else np.empty((0, 2))), count


def _directions(points: Floats, start: Ints) -> tuple[Floats, Floats]:
    """Unit vectors into and out of every point; at the ends both are those of the only segment there."""
    outgoing = np.zeros_like(points)
    if len(points) > 1:
        steps = points[1:] - points[:-1]
        outgoing[:-1] = steps / np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-9)[:, None]
    incoming = np.zeros_like(points)
    incoming[1:] = outgoing[:-1]
    first, last = start[:-1], start[1:] - 1
    outgoing[last] = incoming[last]
    incoming[first] = outgoing[first]
    return incoming, outgoing


def _offset(points: Floats, start: Ints, distance: float) -> Floats:
    """Every polyline moved sideways (to the right of its direction, so left of a line that goes down the screen)."""
    incoming, outgoing = _directions(points, start)
    n_in = np.stack([-incoming[:, 1], incoming[:, 0]], axis=1)
    n_out = np.stack([-outgoing[:, 1], outgoing[:, 0]], axis=1)
    # The mitre of two equal offsets; a turn on the spot would send it to infinity, so it is bounded.
    cosine = np.clip((n_in * n_out).sum(axis=1), -0.5, 1.0)
    moved: Floats = points + (n_in + n_out) / (1.0 + cosine)[:, None] * distance
    return moved


def _reverse(points: Floats, start: Ints) -> Floats:
    """Each polyline in the other direction."""
    count = np.diff(start)
    owner = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(points))
    turned: Floats = points[start[owner] + start[owner + 1] - 1 - row]
    return turned


def _heads(points: Floats, start: Ints) -> tuple[Floats, Floats]:
    """The points with each last one drawn back to the base of its arrow head, and the heads (m, 3, 2)."""
    last = start[1:] - 1
    shortened = points.copy()
    if not len(last):
        return shortened, np.empty((0, 3, 2))
    tip, before = points[last], points[last - 1]
    step = tip - before
    length = np.hypot(step[:, 0], step[:, 1])
    unit = step / np.maximum(length, 1e-9)[:, None]
    size = np.minimum(HEAD_LENGTH, length * 0.8)
    base = tip - unit * size[:, None]
    side = np.stack([-unit[:, 1], unit[:, 0]], axis=1) * (size / HEAD_LENGTH * HEAD_HALF_WIDTH)[:, None]
    shortened[last] = tip - unit * (size * 0.7)[:, None]
    return shortened, np.stack([tip, base + side, base - side], axis=1)


def _round(points: Floats, start: Ints) -> tuple[Floats, Ints]:
    """Polylines with every corner replaced by a short curve of ARC_POINTS points."""
    if not len(points):
        return points, start
    count = np.diff(start)
    is_inner = np.ones(len(points), dtype=bool)
    is_inner[start[:-1]] = False
    is_inner[start[1:] - 1] = False
    incoming, outgoing = _directions(points, start)
    is_inner &= np.abs(incoming[:, 0] * outgoing[:, 1] - incoming[:, 1] * outgoing[:, 0]) > 1e-3
    gap = np.zeros(len(points) + 1)
    gap[1:-1] = np.hypot(*(points[1:] - points[:-1]).T)
    radius = np.minimum(RADIUS, np.minimum(gap[:-1], gap[1:]) / 2)[:, None]
    begin, end = points - incoming * radius, points + outgoing * radius
    repeat = np.where(is_inner, ARC_POINTS, 1)
    owner = np.repeat(np.arange(len(points)), repeat)
    first = np.concatenate(([0], np.cumsum(repeat)[:-1]))
    t = ((np.arange(len(owner)) - first[owner]) / (ARC_POINTS - 1))[:, None]
    curve = begin[owner] * (1 - t) ** 2 + points[owner] * 2 * t * (1 - t) + end[owner] * t**2
    rounded = np.where(is_inner[owner][:, None], curve, points[owner])
    per_line = np.add.reduceat(repeat, start[:-1]) if len(count) else np.empty(0, dtype=np.int64)
    return rounded, np.concatenate(([0], np.cumsum(per_line))).astype(np.int64)


def _segments(points: Floats, start: Ints) -> Lines:
    """Consecutive points joined, never across two polylines."""
    if len(points) < 2:
        return Lines(np.empty((0, 4)), np.zeros(max(len(start), 1), dtype=np.int64))
    joined = np.concatenate([points[:-1], points[1:]], axis=1)
    keep = np.ones(len(joined), dtype=bool)
    keep[start[1:-1] - 1] = False
    return Lines(joined[keep], start - np.arange(len(start)))


def _boxes(points: Floats, start: Ints) -> Floats:
    """Bounding box of each polyline, with room for its way back, heads and pens."""
    if len(start) < 2:
        return np.empty((0, 4))
    low = np.minimum.reduceat(points, start[:-1])
    high = np.maximum.reduceat(points, start[:-1])
    return np.concatenate([low - ROOM, high + ROOM], axis=1)
