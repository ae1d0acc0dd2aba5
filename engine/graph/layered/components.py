"""Parts of a level that nothing connects, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .level import Arranged, Level, Route, Wire, simplified

GAP = 32.0


def components(level: Level) -> list[list[int]]:
    """Vertices of each connected part, in the order of their first boxes. What crosses the border is in the first."""
    root = list(range(level.vertices))

    def find(vertex: int) -> int:
        while root[vertex] != vertex:
            root[vertex] = root[root[vertex]]
            vertex = root[vertex]
        return vertex

    outside = level.entries + level.exits
    joined = [(wire.source, wire.target) for wire in level.wires] + [(0, vertex) for vertex in range(1, outside)]
    for one, other in joined:
        a, b = find(one), find(other)
        root[max(a, b)] = min(a, b)
    parts: dict[int, list[int]] = {}
    for vertex in range(level.vertices):
        parts.setdefault(find(vertex), []).append(vertex)
    return list(parts.values())


def arrange_apart(
    level: Level, parts: list[list[int]], arrange: Callable[[Level], Arranged], aspect: float
) -> Arranged:
    """Arrange every part by itself and put them in rows, in order, about as wide as a window of these proportions."""
    part_of = [0] * level.vertices
    place = [0] * level.vertices
    for number, part in enumerate(parts):
        for index, vertex in enumerate(part):
            part_of[vertex], place[vertex] = number, index
    wires: list[list[int]] = [[] for _ in parts]
    for index, wire in enumerate(level.wires):
        wires[part_of[wire.source]].append(index)
    arranged = [
        arrange(_sub_level(level, part, [level.wires[w] for w in own], place))
        for part, own in zip(parts, wires, strict=True)
    ]
    corners, width, height = _rows(arranged, aspect, has_border=level.entries + level.exits > 0)
    outside = level.entries + level.exits
    lefts, tops = [0.0] * len(level.boxes), [0.0] * len(level.boxes)
    routes: list[Route] = [[] for _ in level.wires]
    for part, own, result, (x, y) in zip(parts, wires, arranged, corners, strict=True):
        boxes = [vertex - outside for vertex in part if vertex >= outside]
        for box, left, top in zip(boxes, result.lefts, result.tops, strict=True):
            lefts[box], tops[box] = x + left, y + top
        for index, route in zip(own, result.routes, strict=True):
            routes[index] = [(x + dx, y + dy) for dx, dy in route]
            if level.entries <= level.wires[index].target < outside:
                routes[index] = simplified([*routes[index], (routes[index][-1][0], height)])
    first = arranged[0] if outside else None
    entry_xs, exit_xs = (first.entry_xs, first.exit_xs) if first is not None else ([], [])
    return Arranged(width, height, lefts, tops, entry_xs, exit_xs, routes)


def _sub_level(level: Level, part: Sequence[int], wires: list[Wire], place: list[int]) -> Level:
    outside = level.entries + level.exits
    entries = sum(vertex < level.entries for vertex in part)
    exits = sum(level.entries <= vertex < outside for vertex in part)
    boxes = tuple(level.boxes[vertex - outside] for vertex in part if vertex >= outside)
    moved = tuple(Wire(place[w.source], w.source_port, place[w.target], w.target_port) for w in wires)
    return Level(entries, exits, boxes, moved, level.is_trunk)


def _rows(parts: list[Arranged], aspect: float, *, has_border: bool) -> tuple[list[tuple[float, float]], float, float]:
    """Upper left corners, width and height. A part that crosses the border has the whole height to itself."""
    corners: list[tuple[float, float]] = []
    start = 0.0
    rest = parts
    if has_border:
        corners.append((0.0, 0.0))
        start = parts[0].width + GAP
        rest = parts[1:]
    area = sum((part.width + GAP) * (part.height + GAP) for part in rest)
    limit = max(math.sqrt(area * aspect), max((part.width for part in rest), default=0.0))
    if has_border and parts[0].height > 0:
        limit = max(min(limit, area / parts[0].height), max((part.width for part in rest), default=0.0))
    x, y, tallest, width = 0.0, 0.0, 0.0, 0.0
    for part in rest:
        if x > 0 and x + part.width > limit + 1e-6:
            x, y, tallest = 0.0, y + tallest + GAP, 0.0
        corners.append((start + x, y))
        width = max(width, start + x + part.width)
        x += part.width + GAP
        tallest = max(tallest, part.height)
    height = y + tallest
    if has_border:
        width, height = max(width, parts[0].width), max(height, parts[0].height)
    return corners, width, height
