"""Boxes moved by hand: how far each is from its place in the layout, simple routes to it, and how to undo it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QUndoCommand

from engine.graph.drawing import Drawing, Link
from engine.graph.model import ScopePath

from .group_labels import TITLE_BAR

Floats = npt.NDArray[np.float64]
Offset = tuple[float, float]
Rect = tuple[float, float, float, float]
STUB = 16.0
"""How far a route leaves a box before it turns, where the other end is not below."""
INSET = 12.0
"""A box stays so far inside the open group around it."""


class Key(NamedTuple):
    """What a box stands for, whatever the layout: the n-th of its kind for a node or a module call."""

    kind: str
    scope: ScopePath
    node: int | None
    number: int


Offsets = Mapping[Key, Offset]


def keys_of(drawing: Drawing) -> list[Key]:
    """The key of every item."""
    seen: dict[tuple[str, ScopePath, int | None], int] = {}
    keys = []
    for item in drawing.items:
        same = item.kind, item.scope, item.node
        seen[same] = seen.get(same, -1) + 1
        keys.append(Key(*same, seen[same]))
    return keys


def moved(drawing: Drawing, offsets: Offsets) -> Drawing:
    """The drawing with some boxes elsewhere and their links routed anew; an open group takes along what is in it."""
    shifts = shifts_of(drawing, offsets)
    if not shifts:
        return drawing
    rects = drawing.rects.copy()
    for index, shift in shifts.items():
        rects[index, :2] += shift
    links = [_moved_link(drawing, link, rects, shifts) for link in drawing.links]
    return Drawing(
        items=drawing.items, rects=rects, links=links, item_of_node=drawing.item_of_node, method=drawing.method
    )


def shifts_of(drawing: Drawing, offsets: Offsets) -> dict[int, Offset]:
    """How far each item is from where the layout put it, with the open groups around it; only those that moved."""
    shifts: dict[int, Offset] = {}
    for index, (item, key) in enumerate(zip(drawing.items, keys_of(drawing), strict=True)):
        x, y = shifts.get(item.parent, (0.0, 0.0))  # groups come before what is in them
        dx, dy = offsets.get(key, (0.0, 0.0))
        if (x + dx, y + dy) != (0.0, 0.0):
            shifts[index] = (x + dx, y + dy)
    return shifts


def routes_of(drawing: Drawing, item: int, shift: Offset) -> list[Floats]:
    """Polylines of all links of one item that is moved by `shift`."""
    rects = drawing.rects.copy()
    rects[item, :2] += shift
    links = [link for link in drawing.links if item in (link.source, link.target)]
    return [_rerouted(drawing, link, rects, {item: shift}).points for link in links]


def _moved_link(drawing: Drawing, link: Link, rects: Floats, shifts: Mapping[int, Offset]) -> Link:
    source, target = shifts.get(link.source), shifts.get(link.target)
    if source is None and target is None:
        return link
    if source is not None and source == target:  # both ends went along with what is around them
        return Link(source=link.source, target=link.target, edges=link.edges, points=link.points + np.array(source))
    return _rerouted(drawing, link, rects, shifts)


def route(start: Offset, end: Offset, right: float) -> Floats:
    """Right angles from a box's lower border down to another's upper one; past `right` where that lies higher."""
    (x, y), (to_x, to_y) = start, end
    if to_y - y >= STUB:
        middle = (y + to_y) / 2
        corners = [] if abs(to_x - x) < 1 else [(x, middle), (to_x, middle)]
    else:
        beside = right + STUB
        corners = [(x, y + STUB), (beside, y + STUB), (beside, to_y - STUB), (to_x, to_y - STUB)]
    return np.array([start, *corners, end], dtype=np.float64)


def _rerouted(drawing: Drawing, link: Link, rects: Floats, shifts: Mapping[int, Offset]) -> Link:
    if not len(link.points):
        return link
    start = link.points[0] + shifts.get(link.source, (0.0, 0.0))
    end = link.points[-1] + shifts.get(link.target, (0.0, 0.0))
    if drawing.method != "layered":  # those layouts join boxes by straight lines
        points = np.array(
            [_border(rects[link.source], rects[link.target]), _border(rects[link.target], rects[link.source])]
        )
    else:
        both = rects[[link.source, link.target]]
        across = abs(link.points[1] - link.points[0])
        if across[0] > across[1]:  # data flows to the right: the same route with x and y exchanged
            below = float((both[:, 1] + both[:, 3]).max())
            turned = route((start[1], start[0]), (end[1], end[0]), below)[:, ::-1]
            return Link(source=link.source, target=link.target, edges=link.edges, points=turned)
        points = route((start[0], start[1]), (end[0], end[1]), float((both[:, 0] + both[:, 2]).max()))
    return Link(source=link.source, target=link.target, edges=link.edges, points=points)


def _border(rect: Floats, other: Floats) -> Floats:
    """Where the straight line from the middle of `rect` to that of `other` leaves `rect`."""
    middle, half = rect[:2] + rect[2:] / 2, rect[2:] / 2
    step = other[:2] + other[2:] / 2 - middle
    reach = np.abs(step) / np.maximum(half, 1e-9)
    result: Floats = middle + step / max(float(reach.max()), 1.0)
    return result


def bounded(rect: Rect, frame: Rect | None, shift: Offset) -> Offset:
    """The shift cut so that `rect` stays inside the open group `frame`; both as x, y, right, bottom."""
    if frame is None:
        return shift
    dx, dy = shift
    low_x, high_x = frame[0] + INSET - rect[0], frame[2] - INSET - rect[2]
    low_y, high_y = frame[1] + TITLE_BAR + 4 - rect[1], frame[3] - INSET - rect[3]
    return min(max(dx, min(low_x, 0.0)), max(high_x, 0.0)), min(max(dy, min(low_y, 0.0)), max(high_y, 0.0))


class PositionChange(QUndoCommand):
    """A change of positions that can be undone. Nudges of the same box, one after the other, are one change."""

    def __init__(
        self, text: str, before: Offsets, after: Offsets, apply: Callable[[Offsets], None], nudged: Key | None = None
    ) -> None:
        super().__init__(text)
        self._before, self._after, self._apply = dict(before), dict(after), apply
        self._nudged = nudged

    def redo(self) -> None:
        self._apply(self._after)

    def undo(self) -> None:
        self._apply(self._before)

    def id(self) -> int:
        return 1 if self._nudged is not None else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, PositionChange) or other._nudged != self._nudged:
            return False
        self._after = other._after
        return True
