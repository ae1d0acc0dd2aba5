"""Crowds: many parts of a level that all hang on the same few values, laid out as a grid between two buses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from .level import Arranged, Box, Level, Point, Route, Wire

LEAST = 20
"""So many parts with the same neighbours make a crowd.

A vertex with so many wires is taken out to see which parts it alone holds together.
"""
GAP = 24.0
TRACK_GAP = 14.0
MARGIN = 14.0
"""From a bus or a trunk to the boxes beside it."""

Arrange = Callable[[Level], Arranged]
_End = tuple[int, int]
"""A vertex outside of the crowd, and the port there."""


class Crowd(NamedTuple):
    """Parts (the vertices of each) that are fed by the same `sources` and feed the same `targets`."""

    sources: tuple[_End, ...]
    targets: tuple[_End, ...]
    parts: list[list[int]]


def find_crowds(level: Level) -> list[Crowd]:
    """The crowds of a level, in the order of their first boxes. Most levels have none."""
    outside = level.entries + level.exits
    if len(level.boxes) < LEAST:
        return []
    degree = [0] * level.vertices
    for wire in level.wires:
        degree[wire.source] += 1
        degree[wire.target] += 1
    is_held = [vertex < outside or count >= LEAST for vertex, count in enumerate(degree)]
    if max(degree, default=0) < LEAST:
        return []
    parts = _parts(level, is_held)
    found: dict[tuple[tuple[_End, ...], tuple[_End, ...]], list[list[int]]] = {}
    for part, sources, targets in parts:
        if sources or targets:
            found.setdefault((tuple(sorted(sources)), tuple(sorted(targets))), []).append(part)
    return [Crowd(*ends, members) for ends, members in found.items() if len(members) >= LEAST]


def _parts(level: Level, is_held: list[bool]) -> list[tuple[list[int], set[_End], set[_End]]]:
    """What is left in pieces without the vertices that are held back, and what each piece hangs on."""
    root = list(range(level.vertices))

    def find(vertex: int) -> int:
        while root[vertex] != vertex:
            root[vertex] = root[root[vertex]]
            vertex = root[vertex]
        return vertex

    for wire in level.wires:
        if not is_held[wire.source] and not is_held[wire.target]:
            a, b = find(wire.source), find(wire.target)
            root[max(a, b)] = min(a, b)
    parts: dict[int, tuple[list[int], set[_End], set[_End]]] = {}
    for vertex in range(level.vertices):
        if not is_held[vertex]:
            parts.setdefault(find(vertex), ([], set(), set()))[0].append(vertex)
    for source, source_port, target, target_port in level.wires:
        if is_held[source] and not is_held[target]:
            parts[find(target)][1].add((source, source_port))
        elif is_held[target] and not is_held[source]:
            parts[find(source)][2].add((target, target_port))
    return list(parts.values())


def arrange_crowds(
    level: Level, crowds: list[Crowd], arrange: Arrange, arrange_part: Arrange, aspect: float
) -> Arranged:
    """Lay out each crowd as a grid, the level with one box for each grid, and put the grids into those boxes."""
    return _Crowded(level, crowds, arrange, arrange_part, aspect).arranged()


class _Grid:
    """One crowd laid out: its size, and where each of its parts stands in it."""

    def __init__(self, level: Level, crowd: Crowd, wires: list[list[int]], arrange: Arrange, aspect: float) -> None:
        self.level = level
        self.crowd = crowd
        self.wires = wires
        self.entry = {end: k for k, end in enumerate(crowd.sources)}
        self.exit = {end: k for k, end in enumerate(crowd.targets)}
        self.arranged = self._arranged(arrange)
        self._set_rows(self.arranged, aspect)

    def _arranged(self, arrange: Arrange) -> list[Arranged]:
        """Every part by itself; most of them are alike."""
        outside = self.level.entries + self.level.exits
        boxes, all_wires = self.level.boxes, self.level.wires
        entries, exits = len(self.entry), len(self.exit)
        place = [0] * self.level.vertices
        for vertex, _ in self.crowd.sources + self.crowd.targets:
            place[vertex] = -1
        known: dict[tuple[tuple[Box, ...], tuple[tuple[int, int, int, int], ...]], Arranged] = {}
        result = []
        for part, own in zip(self.crowd.parts, self.wires, strict=True):
            for k, vertex in enumerate(part):
                place[vertex] = entries + exits + k
            wires = []
            for index in own:
                source, source_port, target, target_port = all_wires[index]
                start, end = place[source], place[target]
                if start < 0:
                    start, source_port = self.entry[source, source_port], -1
                if end < 0:
                    end, target_port = entries + self.exit[target, target_port], -1
                wires.append((start, source_port, end, target_port))
            key = tuple([boxes[vertex - outside] for vertex in part]), tuple(wires)
            found = known.get(key)
            if found is None:
                level = Level(entries, exits, key[0], tuple(Wire(*wire) for wire in wires))
                found = known[key] = arrange(level)
            result.append(found)
        return result

    def _set_rows(self, arranged: list[Arranged], aspect: float) -> None:
        """Put the parts in rows: buses for what comes in above each, for what goes out below."""
        entries, exits = len(self.entry), len(self.exit)
        above = MARGIN + TRACK_GAP * entries if entries else 0.0
        below = MARGIN + TRACK_GAP * exits if exits else 0.0
        left = MARGIN + TRACK_GAP * entries if entries else 0.0
        area = sum((part.width + GAP) * (part.height + above + below + GAP) for part in arranged)
        limit = left + max(math.sqrt(area * aspect), *(part.width for part in arranged))
        self.places: list[tuple[float, float, float]] = []
        """x and y of each part, and the lower end of its row."""
        x, y, tallest, right = left, above, 0.0, 0.0
        row_start = 0
        rows: list[tuple[int, float]] = []
        for index, part in enumerate(arranged):
            if x > left and x + part.width > limit:
                rows.append((index, y + tallest))
                x, y, tallest = left, y + tallest + below + GAP + above, 0.0
            self.places.append((x, y, 0.0))
            right = max(right, x + part.width)
            x += part.width + GAP
            tallest = max(tallest, part.height)
        rows.append((len(arranged), y + tallest))
        for end, bottom in rows:
            self.places[row_start:end] = [(x, y, bottom) for x, y, _ in self.places[row_start:end]]
            row_start = end
        self.height = y + tallest + below
        self.in_ports = tuple(TRACK_GAP * (k + 1) for k in range(entries))
        self.out_ports = tuple(right + MARGIN + TRACK_GAP * k for k in range(exits))
        self.width = max(right + (MARGIN + TRACK_GAP * exits if exits else 0.0), 2 * TRACK_GAP)

    def put(
        self,
        origin: Point,
        inward: list[Route],
        outward: list[Route],
        corners: list[Point],
        routes: list[Route],
    ) -> None:
        """Set corners of boxes and routes of wires, the grid's own corner being at `origin`.

        `inward` and `outward` are the routes that lead to each entry, and on from each exit.
        """
        outside = self.level.entries + self.level.exits
        wires, height = self.level.wires, origin[1] + self.height
        ins = [(route, origin[0] + x) for route, x in zip(inward, self.in_ports, strict=True)]
        outs = [(route, origin[0] + x) for route, x in zip(outward, self.out_ports, strict=True)]
        for part, own, result, place in zip(self.crowd.parts, self.wires, self.arranged, self.places, strict=True):
            x, y, bottom = origin[0] + place[0], origin[1] + place[1], origin[1] + place[2]
            for vertex, dx, dy in zip(part, result.lefts, result.tops, strict=True):
                corners[vertex - outside] = (x + dx, y + dy)
            for index, inner in zip(own, result.routes, strict=True):
                points = [(x + dx, y + dy) for dx, dy in inner]
                source, source_port, target, target_port = wires[index]
                entry, exit_ = self.entry.get((source, source_port)), self.exit.get((target, target_port))
                if entry is not None:
                    lead, trunk = ins[entry]
                    bus = y - MARGIN - TRACK_GAP * entry
                    points = [*lead, (trunk, bus), (points[0][0], bus), *points]
                if exit_ is not None:
                    lead, trunk = outs[exit_]
                    bus = bottom + MARGIN + TRACK_GAP * exit_
                    points += [(points[-1][0], bus), (trunk, bus), (trunk, height), *lead]
                routes[index] = points


class _Crowded:
    def __init__(
        self, level: Level, crowds: list[Crowd], arrange: Arrange, arrange_part: Arrange, aspect: float
    ) -> None:
        self.level = level
        self.crowds = crowds
        self.arrange = arrange
        self.outside = level.entries + level.exits
        self.crowd_of = [-1] * level.vertices
        self.part_of = [-1] * level.vertices
        for number, crowd in enumerate(crowds):
            for k, part in enumerate(crowd.parts):
                for vertex in part:
                    self.crowd_of[vertex], self.part_of[vertex] = number, k
        wires: list[list[list[int]]] = [[[] for _ in crowd.parts] for crowd in crowds]
        for index, wire in enumerate(level.wires):
            inside = wire.source if self.crowd_of[wire.source] >= 0 else wire.target
            if self.crowd_of[inside] >= 0:
                wires[self.crowd_of[inside]][self.part_of[inside]].append(index)
        self.grids = [_Grid(level, crowd, own, arrange_part, aspect) for crowd, own in zip(crowds, wires, strict=True)]

    def arranged(self) -> Arranged:
        around = self.arrange(self._around())
        level, outside = self.level, self.outside
        corners = [(0.0, 0.0)] * len(level.boxes)
        for vertex in range(outside, level.vertices):
            if self.crowd_of[vertex] < 0:
                place = self.place[vertex] - outside
                corners[vertex - outside] = (around.lefts[place], around.tops[place])
        routes: list[Route] = [[] for _ in level.wires]
        for index, wire in enumerate(self.kept):
            routes[wire] = around.routes[index]
        for c, grid in enumerate(self.grids):
            place = self.grid_place[c] - outside
            inward, outward = ([around.routes[k] for k in numbers[c]] for numbers in (self.inward, self.outward))
            grid.put((around.lefts[place], around.tops[place]), inward, outward, corners, routes)
        lefts, tops = [x for x, _ in corners], [y for _, y in corners]
        return Arranged(around.width, around.height, lefts, tops, around.entry_xs, around.exit_xs, routes)

    def _around(self) -> Level:
        """The level with a box for each grid in place of the crowd's first box."""
        level, outside = self.level, self.outside
        boxes: list[Box] = []
        self.place = list(range(level.vertices))
        self.grid_place: dict[int, int] = {}
        for vertex in range(outside, level.vertices):
            crowd = self.crowd_of[vertex]
            if crowd < 0:
                self.place[vertex] = outside + len(boxes)
                boxes.append(level.boxes[vertex - outside])
            elif crowd not in self.grid_place:
                self.grid_place[crowd] = outside + len(boxes)
                grid = self.grids[crowd]
                boxes.append(Box(grid.width, grid.height, grid.in_ports, grid.out_ports))
        place, inside = self.place, self.crowd_of
        self.kept = [k for k, w in enumerate(level.wires) if inside[w.source] < 0 and inside[w.target] < 0]
        wires = []
        for index in self.kept:
            source, source_port, target, target_port = level.wires[index]
            wires.append(Wire(place[source], source_port, place[target], target_port))
        self.inward: list[list[int]] = []
        """Numbers of the wires to each grid, and from it."""
        self.outward: list[list[int]] = []
        for c, crowd_ in enumerate(self.crowds):
            here = self.grid_place[c]
            self.inward.append([len(wires) + k for k in range(len(crowd_.sources))])
            wires += [Wire(place[vertex], port, here, k) for k, (vertex, port) in enumerate(crowd_.sources)]
            self.outward.append([len(wires) + k for k in range(len(crowd_.targets))])
            wires += [Wire(here, k, place[vertex], port) for k, (vertex, port) in enumerate(crowd_.targets)]
        return Level(level.entries, level.exits, tuple(boxes), tuple(wires), level.is_trunk)
