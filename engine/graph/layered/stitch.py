"""Routes of links, put together from the routes of the wires that they run along."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np
import numpy.typing as npt

from .level import Arranged, Route

CLOSE = 1e-6
_Points = npt.NDArray[np.float64]


class Stitcher:
    """Collects the (group, wire) pieces that each link consists of, and joins their routes, all links at once."""

    def __init__(self) -> None:
        self._groups: list[int] = []
        self._wires: list[int] = []
        self._ends: list[int] = []

    def add(self, group: int, wire: int) -> None:
        """The next piece of the link that is being collected, from its source to its target."""
        self._groups.append(group)
        self._wires.append(wire)

    def end_link(self) -> None:
        """The next piece begins another link."""
        self._ends.append(len(self._groups))

    def stitched(
        self, arranged: Mapping[int, Arranged], origins: Mapping[int, tuple[float, float]]
    ) -> tuple[_Points, list[int]]:
        """All links' points in one array, shape (k, 2), without repeated points and corners that turn nowhere.

        The second result says for every link where its points end.
        """
        if not self._ends:
            return np.zeros((0, 2)), []
        pool, starts, first_route = _pool(arranged)
        groups = sorted(arranged)  # -1 comes first
        number = np.zeros(groups[-1] + 2, dtype=np.int64)
        number[np.array(groups) + 1] = np.arange(len(groups))
        at = number[np.array(self._groups) + 1]
        route = np.array([first_route[group] for group in groups])[at] + np.array(self._wires)
        counts = starts[route + 1] - starts[route]
        before = np.cumsum(counts) - counts
        points = pool[np.repeat(starts[route] - before, counts) + np.arange(counts.sum())]
        points += np.repeat(np.array([origins[group] for group in groups])[at], counts, axis=0)
        pieces = np.diff(np.array(self._ends), prepend=0)
        link = np.repeat(np.repeat(np.arange(len(pieces)), pieces), counts)
        points, link = _without_repeats(points, link)
        points, link = _without_straight_corners(points, link)
        return points, np.searchsorted(link, np.arange(len(pieces)), side="right").tolist()


def _pool(arranged: Mapping[int, Arranged]) -> tuple[_Points, npt.NDArray[np.int64], dict[int, int]]:
    """The points of all routes, where each begins, and the number of the first route of each group."""
    routes: list[Route] = []
    first: dict[int, int] = {}
    first_of: dict[int, int] = {}
    for group, level in arranged.items():
        known = first_of.get(id(level))
        if known is None:
            known = first_of[id(level)] = len(routes)
            routes += level.routes
        first[group] = known
    starts = np.zeros(len(routes) + 1, dtype=np.int64)
    np.cumsum([len(route) for route in routes], out=starts[1:])
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(routes)), dtype=np.float64, count=2 * int(starts[-1]))
    return flat.reshape(-1, 2), starts, first


def _without_repeats(points: _Points, link: npt.NDArray[np.int64]) -> tuple[_Points, npt.NDArray[np.int64]]:
    is_new = np.ones(len(points), dtype=bool)
    is_new[1:] = (np.abs(points[1:] - points[:-1]) >= CLOSE).any(axis=1) | (link[1:] != link[:-1])
    return points[is_new], link[is_new]


def _without_straight_corners(points: _Points, link: npt.NDArray[np.int64]) -> tuple[_Points, npt.NDArray[np.int64]]:
    is_still = np.abs(points[1:] - points[:-1]) < CLOSE  # along x, along y: a vertical piece, a horizontal one
    is_inside = link[2:] == link[:-2]
    is_corner = np.ones(len(points), dtype=bool)
    is_corner[1:-1] = ~((is_still[1:] & is_still[:-1]).any(axis=1) & is_inside)
    return points[is_corner], link[is_corner]
