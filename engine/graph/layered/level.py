"""One level of the layout as plain numbers: what is to be arranged, and the arrangement."""

from __future__ import annotations

from typing import Literal, NamedTuple

Point = tuple[float, float]
Route = list[Point]
Pinned = Literal["nothing", "exits", "ends"]


class Box(NamedTuple):
    """One box of a level. `in_ports` and `out_ports` are x offsets from its left edge; None lets the layout choose.

    `is_tensor` says that it stands for a tensor that enters from outside; `is_side` that this tensor belongs to the
    program (a parameter, a constant) rather than to the data that flows through it. `folded` is the size that an open
    group would have folded.
    """

    width: float
    height: float
    in_ports: tuple[float, ...] | None = None
    out_ports: tuple[float, ...] | None = None
    is_tensor: bool = False
    is_side: bool = False
    folded: tuple[float, float] | None = None


class Wire(NamedTuple):
    """A connection from a vertex down to another, with the number of the port at either end (-1: any).

    The vertices of a level are numbered: its entries (where wires come in at the top), its exits, then its boxes.
    """

    source: int
    source_port: int
    target: int
    target_port: int


class Level(NamedTuple):
    """The contents of one open group. Equal levels are arranged once.

    `is_trunk` says that it makes up most of the drawing: nothing around it is long; `pinned` what is to stay in the
    order of its numbers, from left to right: its exits, or its entries too.
    """

    entries: int
    exits: int
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    is_trunk: bool = False
    pinned: Pinned = "nothing"

    @property
    def vertices(self) -> int:
        """Number of vertices."""
        return self.entries + self.exits + len(self.boxes)


class Arranged(NamedTuple):
    """Where everything of a level is, relative to the upper left corner of its contents.

    `lefts` and `tops` are those of the boxes; `entry_xs` and `exit_xs` lie on the upper and lower edge; `routes` are
    the wires' polylines, one per wire. `columns` says in how many columns the level itself was laid out, `crossings`
    how often its wires cross where it is not in columns.
    """

    width: float
    height: float
    lefts: list[float]
    tops: list[float]
    entry_xs: list[float]
    exit_xs: list[float]
    routes: list[Route]
    columns: int = 1
    crossings: int = 0


def simplified(points: Route) -> Route:
    """The same polyline without repeated points and without corners that turn nowhere."""
    result: Route = []
    for point in points:
        if result and abs(result[-1][0] - point[0]) < 1e-6 and abs(result[-1][1] - point[1]) < 1e-6:
            continue
        while len(result) > 1 and _is_straight(result[-2], result[-1], point):
            result.pop()
        result.append(point)
    return result


def _is_straight(a: Point, b: Point, c: Point) -> bool:
    is_vertical = abs(a[0] - b[0]) < 1e-6 and abs(b[0] - c[0]) < 1e-6
    is_horizontal = abs(a[1] - b[1]) < 1e-6 and abs(b[1] - c[1]) < 1e-6
    return is_vertical or is_horizontal
