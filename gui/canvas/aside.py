"""Moves a camera until nothing that stands over the view hides what is to be seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from .camera import Camera

Rect = tuple[float, float, float, float]
"""x, y, right, bottom."""
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
GAP = 8.0
"""Pixels between a box and what stands beside it."""
LEAST_SHARE = 0.6
"""A fit that would have to be smaller than so much of the plain one hides rather a little."""


def fitted_beside(
    fit: Callable[[Rect], Camera], hull: Rect, boxes: Floats, places: Sequence[Rect], area: Rect
) -> Camera:
    """The largest fit into an area of the view that leaves every box beside the places.

    Parameters
    ----------
    fit : shows everything in a part of the view.
    hull, boxes : (n, 4) what is to be seen, in scene units.
    places, area : what stands over the view, and what of the view can be used, in pixels.
    """
    plain = fit(area)
    best: Camera | None = None
    for room in _rooms(area, places):
        camera = moved_beside(fit(room), hull, boxes, places, area)
        if is_clear(camera, boxes, places):
            if room == area:
                return camera
            if best is None or camera.scale > best.scale:
                best = camera
    return plain if best is None or best.scale < LEAST_SHARE * plain.scale else best


def moved_beside(camera: Camera, hull: Rect, boxes: Floats, places: Sequence[Rect], area: Rect) -> Camera:
    """The camera moved as little as possible until every box is beside the places and all of the hull in the area.

    Where there is no such way it stays as it is.
    """
    if is_clear(camera, boxes, places):
        return camera
    ways = [way for way in _shifts(camera, boxes, places) if _is_inside(camera.moved(*way), hull, area)]
    near = _in_reach(camera, boxes, places, ways)
    for way in ways:
        moved = camera.moved(*way)
        if is_clear(moved, near, places):
            return moved
    return camera


def is_clear(camera: Camera, boxes: Floats, places: Sequence[Rect]) -> bool:
    """Whether no place lies over a box."""
    return not any(_is_over(camera, boxes, place, 0, 1).any() for place in places)


def _rooms(area: Rect, places: Sequence[Rect]) -> Iterator[Rect]:
    """The area, and what is left of it beside or above the places."""
    middle = (area[0] + area[2]) / 2
    for cuts in product(("none", "side", "below"), repeat=len(places)):
        x, y, right, bottom = area
        for cut, place in zip(cuts, places, strict=True):
            if cut == "below":
                bottom = min(bottom, place[1] - GAP)
            elif cut == "side" and place[0] + place[2] < 2 * middle:
                x = max(x, place[2] + GAP)
            elif cut == "side":
                right = min(right, place[0] - GAP)
        yield x, y, right, bottom


def _shifts(camera: Camera, boxes: Floats, places: Sequence[Rect]) -> list[tuple[float, float]]:
    """Ways past the places, the shortest first."""
    across, along = [0.0], [0.0]
    scale = camera.scale
    for place in places:
        row = boxes[_is_over(camera, boxes, place, 1)]
        if len(row):
            across.append(place[2] + GAP - (float(row[:, 0].min()) * scale + camera.dx))
            across.append(place[0] - GAP - (float(row[:, 2].max()) * scale + camera.dx))
        column = boxes[_is_over(camera, boxes, place, 0)]
        if len(column):
            along.append(place[1] - GAP - (float(column[:, 3].max()) * scale + camera.dy))
            along.append(place[3] + GAP - (float(column[:, 1].min()) * scale + camera.dy))
    ways = [(dx, dy) for dx, dy in product(across, along) if math.isfinite(dx) and math.isfinite(dy)]
    return sorted(ways, key=lambda way: abs(way[0]) + abs(way[1]))


def _in_reach(camera: Camera, boxes: Floats, places: Sequence[Rect], ways: Sequence[tuple[float, float]]) -> Floats:
    """The boxes that one of these ways can bring under a place: of very many, few are left to be tried."""
    if not ways:
        return boxes[:0]
    least, most = np.min(ways, axis=0), np.max(ways, axis=0)
    is_near = np.zeros(len(boxes), dtype=bool)
    for x, y, right, bottom in places:
        is_near |= _is_over(camera, boxes, (x - most[0], y - most[1], right - least[0], bottom - least[1]), 0, 1)
    return boxes[is_near]


def _is_over(camera: Camera, boxes: Floats, place: Rect, *axes: int) -> Bools:
    """Whether a place, with a gap around it, lies over each box as far as these axes go (0: x, 1: y)."""
    x, y = camera.to_scene(place[0] - GAP + 0.5, place[1] - GAP + 0.5)
    right, bottom = camera.to_scene(place[2] + GAP - 0.5, place[3] + GAP - 0.5)
    ends = ((x, right), (y, bottom))
    is_over = np.ones(len(boxes), dtype=bool)
    for axis in axes:
        low, high = ends[axis]
        is_over &= (boxes[:, axis] < high) & (boxes[:, axis + 2] > low)
    return is_over


def _is_inside(camera: Camera, hull: Rect, area: Rect) -> bool:
    left, top = camera.to_screen(hull[0], hull[1])
    right, bottom = camera.to_screen(hull[2], hull[3])
    return left >= area[0] + GAP and top >= area[1] + GAP and right <= area[2] - GAP and bottom <= area[3] - GAP
