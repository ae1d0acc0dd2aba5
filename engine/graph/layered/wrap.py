"""Long levels as columns side by side, joined by wires that run around the columns' ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .columns import COLUMN_GAP
from .level import Arranged, Level, Pinned, Route, Wire, simplified
from .ranks import Ranked

TRACK_GAP = 14.0
TERMS = 2
"""How often columns are arranged again as those to their right would have it."""
FIRST_TRACK = 16.0
"""From a column's end to the first wire that runs past it."""

Arrange = Callable[[Level], Arranged]
_Net = tuple[int, int]
"""What a wire between columns carries: the vertex that it starts at, and the port there."""
_IN, _OUT = -1, -2
_Lift = tuple[_Net, int]
"""A net and the column that it is led up to."""


def arrange_columns(level: Level, ranked: Ranked, cuts: list[int], arrange: Arrange) -> Arranged:
    """Arrange each column by itself, put them side by side and lead the wires between them around their ends."""
    return _Columns(level, ranked, cuts, arrange).arranged()


class _Column:
    """The part of a level that one column holds. Ends of its wires are (box, port), (_IN, entry) or (_OUT, exit)."""

    def __init__(self) -> None:
        self.boxes: list[int] = []
        self.entries: dict[_Net, int] = {}
        self.exits: dict[_Net, int] = {}
        self.wires: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._known: dict[tuple[tuple[int, int], tuple[int, int]], int] = {}

    def wire(self, start: tuple[int, int], end: tuple[int, int]) -> int:
        known = self._known.get((start, end))
        if known is not None and (start[0] < 0 or end[0] < 0):
            return known
        self._known[start, end] = len(self.wires)
        self.wires.append((start, end))
        return len(self.wires) - 1

    def sort_entries(self, key: Callable[[_Net], tuple[int, float]]) -> None:
        """Number the entries anew, in the order of `key`."""
        nets = sorted(self.entries, key=key)
        number = {self.entries[net]: k for k, net in enumerate(nets)}
        self.entries = {net: k for k, net in enumerate(nets)}
        self.wires = [((_IN, number[start[1]]) if start[0] == _IN else start, end) for start, end in self.wires]

    def sort_exits(self, key: Callable[[_Net], tuple[int, int, float]]) -> None:
        """Number the exits anew, in the order of `key`."""
        nets = sorted(self.exits, key=key)
        number = {self.exits[net]: k for k, net in enumerate(nets)}
        self.exits = {net: k for k, net in enumerate(nets)}
        self.wires = [(start, (_OUT, number[end[1]]) if end[0] == _OUT else end) for start, end in self.wires]

    def level(self, level: Level, place: dict[int, int], pinned: Pinned = "nothing") -> Level:
        entries, exits = len(self.entries), len(self.exits)
        outside = level.entries + level.exits

        def vertex(end: tuple[int, int]) -> tuple[int, int]:
            if end[0] == _IN:
                return end[1], -1
            if end[0] == _OUT:
                return entries + end[1], -1
            return entries + exits + place[end[0]], end[1]

        wires = tuple(Wire(*vertex(start), *vertex(end)) for start, end in self.wires)
        return Level(entries, exits, tuple(level.boxes[v - outside] for v in self.boxes), wires, pinned=pinned)


class _Plan(NamedTuple):
    """How one wire runs: a piece that leaves its column, one that arrives in its column; each (column, wire) or None.

    A wire that stays in one column has the first alone and no net.
    """

    leaving: tuple[int, int] | None
    net: _Net | None
    arriving: tuple[int, int] | None


class _Columns:
    def __init__(self, level: Level, ranked: Ranked, cuts: list[int], arrange: Arrange) -> None:
        self.level = level
        self.outside = level.entries + level.exits
        self.columns = [_Column() for _ in cuts]
        self.column_of = self._columns_of(ranked, cuts)
        self.place: dict[int, int] = {}
        for vertex in range(self.outside, level.vertices):
            column = self.columns[self.column_of[vertex]]
            self.place[vertex] = len(column.boxes)
            column.boxes.append(vertex)
        self.lifts: dict[_Lift, None] = {}
        self.targets: dict[_Net, set[int]] = {}
        """The columns that each value is led up to."""
        self.plans = [self._plan(wire) for wire in level.wires]
        self.parts: list[Arranged] = []
        for column in self.columns:
            column.sort_entries(self._entry_order)
            self.parts.append(self._arranged_column(column, arrange))
        self._come_to_terms(arrange)
        self.lefts: list[float] = []
        self.gutter: dict[_Lift, float] = {}
        self.width = self._set_across()
        self.low: dict[_Net, float] = {}
        """y of wires under the columns, from the columns' upper ends."""
        self.high_track: dict[_Lift, int] = {}

    def _columns_of(self, ranked: Ranked, cuts: list[int]) -> list[int]:
        starts = set(cuts[1:])
        column, by_rank = 0, []
        for r in range(len(ranked.layers)):
            column += r in starts
            by_rank.append(column)
        columns = [by_rank[ranked.rank[vertex]] for vertex in range(self.level.vertices)]
        # What hangs on one consumer goes with it. Consumers come first: ranks from the bottom up.
        free = [wire for wire in self.level.wires if ranked.is_free[wire.source]]
        for wire in sorted(free, key=lambda wire: -ranked.rank[wire.source]):
            columns[wire.source] = columns[wire.target]
        return columns

    def _plan(self, wire: Wire) -> _Plan:
        entries = self.level.entries
        comes_in, goes_out = wire.source < entries, entries <= wire.target < self.outside
        start, end = (wire.source, wire.source_port), (wire.target, wire.target_port)
        there = 0 if comes_in and goes_out else self.column_of[wire.target]
        here = there if comes_in or goes_out else self.column_of[wire.source]
        if goes_out and not comes_in:
            here = there = self.column_of[wire.source]
        net: _Net = start
        if not comes_in and not goes_out and here == there:
            return _Plan((here, self.columns[here].wire(start, end)), None, None)
        leaving = arriving = None
        if comes_in:
            start = (_IN, self._entry(there, net))
        if goes_out:
            end = (_OUT, self._exit(here, net))
        if comes_in or goes_out:
            piece = (there, self.columns[there].wire(start, end))
            return _Plan(None, net, piece) if comes_in else _Plan(piece, net, None)
        leaving = (here, self.columns[here].wire(start, (_OUT, self._exit(here, net))))
        arriving = (there, self.columns[there].wire((_IN, self._entry(there, net)), end))
        self.lifts.setdefault((net, there))
        self.targets.setdefault(net, set()).add(there)
        return _Plan(leaving, net, arriving)

    def _entry(self, column: int, net: _Net) -> int:
        entries = self.columns[column].entries
        return entries.setdefault(net, len(entries))

    def _exit(self, column: int, net: _Net) -> int:
        exits = self.columns[column].exits
        return exits.setdefault(net, len(exits))

    # The order in which wires come in and go out

    def _arranged_column(self, column: _Column, arrange: Arrange) -> Arranged:
        """One column; its wires in the order that suits those around it where that spares crossings altogether."""
        free = arrange(column.level(self.level, self.place))
        xs = free.exit_xs
        wrong = _inversions(free.entry_xs) + self._crossings_below(
            sorted(column.exits, key=lambda n: xs[column.exits[n]])
        )
        if not wrong:
            return free
        best, fewest, ends = free, free.crossings + wrong, (column.exits, column.wires)
        place = {net: xs[number] for net, number in column.exits.items()}
        for side in (1, -1):  # what is led around the other side of the boxes is there the other way round
            column.sort_exits(lambda net: (-self._reach(net), len(self.targets.get(net, ())), side * place[net]))  # noqa: B023
            pinned = arrange(column.level(self.level, self.place, "ends"))
            found = pinned.crossings + self._crossings_below(list(column.exits))
            if found < fewest:
                best, fewest, ends = pinned, found, (column.exits, column.wires)
        column.exits, column.wires = ends
        return best

    def _come_to_terms(self, arrange: Arrange) -> None:
        """Where lines cross, let them leave each column as suits those further right, if fewer cross then."""
        for _ in range(TERMS):
            crossings = self._crossings()
            if not crossings:
                return
            parts, ends = list(self.parts), [(column.exits, column.wires) for column in self.columns]
            self.parts[-1] = arrange(self.columns[-1].level(self.level, self.place))
            for k in range(len(self.columns) - 2, -1, -1):
                self.columns[k].sort_exits(self._wish)
                self.parts[k] = arrange(self.columns[k].level(self.level, self.place, "exits"))
            if self._crossings() >= crossings:
                self.parts = parts
                for column, (exits, wires) in zip(self.columns, ends, strict=True):
                    column.exits, column.wires = exits, wires
                return

    def _wish(self, net: _Net) -> tuple[int, int, float]:
        """Where a net is best among those that leave its column: further left the further it goes."""
        targets = self.targets.get(net)
        if targets is None:
            return -len(self.columns), 0, self._exit_order(net)[1]
        first = min(targets)
        return -max(targets), len(targets), self.parts[first].entry_xs[self.columns[first].entries[net]]

    def _crossings(self) -> int:
        """How often lines cross in the columns, above and below them."""
        total = 0
        for column, part in zip(self.columns, self.parts, strict=True):
            came = sorted(column.entries, key=self._entry_order)
            left = sorted(column.exits, key=lambda net: part.exit_xs[column.exits[net]])
            total += part.crossings + _inversions([part.entry_xs[column.entries[net]] for net in came])
            total += self._crossings_below(left)
        return total

    def _reach(self, net: _Net) -> int:
        """The last column that a value is led to; one more than there are for what leaves the level."""
        return max(self.targets.get(net, ()), default=len(self.columns))

    def _crossings_below(self, nets: list[_Net]) -> int:
        """How often wires cross under a column that leave it in this order, from left to right."""
        return sum(
            sum(column < self._reach(other) for column in self.targets.get(net, ()))
            for k, net in enumerate(nets)
            for other in nets[k + 1 :]
        )

    # Across

    def _set_across(self) -> float:
        """Put the columns side by side with room for the wires that climb between them; returns the width."""
        into: list[list[_Lift]] = [[] for _ in self.columns]
        for lift in self.lifts:
            into[lift[1]].append(lift)
        x = 0.0
        for j, (lifts, part) in enumerate(zip(into, self.parts, strict=True)):
            lifts.sort(key=lambda lift: self._exit_order(lift[0]), reverse=True)
            side = COLUMN_GAP / 2
            for k, lift in enumerate(lifts):
                self.gutter[lift] = x + (side if j else 0.0) + k * TRACK_GAP
            if j or lifts:
                x += (side if j else 0.0) + max(len(lifts) - 1, 0) * TRACK_GAP + side
            self.lefts.append(x)
            x += part.width
        return x

    def _entry_order(self, net: _Net) -> tuple[int, float]:
        """The order in which wires are to come in, so that they need not cross before: as they left their columns.

        The level's own entries come from above all others, and are the last ones.
        """
        if net[0] < self.level.entries:
            return self._start(net)
        column = self.column_of[net[0]]
        return self._exit_order(net) if column < len(self.parts) else (column, net[0])

    def _start(self, net: _Net) -> tuple[int, float]:
        """Where one of the level's own entries is: above the first column that it leads to."""
        for number, (column, part) in enumerate(zip(self.columns, self.parts, strict=False)):
            if net in column.entries:
                return len(self.columns) + number, part.entry_xs[column.entries[net]]
        return 2 * len(self.columns), net[0]

    def _exit_order(self, net: _Net) -> tuple[int, float]:
        column = self.column_of[net[0]]
        return column, self.parts[column].exit_xs[self.columns[column].exits[net]]

    def _exit_x(self, net: _Net) -> float:
        column, x = self._exit_order(net)
        return self.lefts[column] + x

    def _entry_x(self, lift: _Lift) -> float:
        net, column = lift
        return self.lefts[column] + self.parts[column].entry_xs[self.columns[column].entries[net]]

    def _own_entries(self) -> list[float]:
        """x of the level's own entries: above the first column that each leads to."""
        found = [0.0] * self.level.entries
        for column in range(len(self.columns) - 1, -1, -1):
            for net in self.columns[column].entries:
                if net[0] < self.level.entries:
                    found[net[0]] = self._entry_x((net, column))
        return found

    # Down

    def arranged(self) -> Arranged:
        entry_xs = self._own_entries()
        lowest = self._set_low()
        high = self._high_tracks(entry_xs)
        self.top = FIRST_TRACK + TRACK_GAP * high if high else 0.0
        height = self.top + max(*(part.height for part in self.parts), lowest + TRACK_GAP if lowest else 0.0)
        routes = [self._route(plan, entry_xs, height) for plan in self.plans]
        exit_xs = [0.0] * self.level.exits
        for wire, route in zip(self.level.wires, routes, strict=True):
            if self.level.entries <= wire.target < self.outside:
                exit_xs[wire.target - self.level.entries] = route[-1][0]
        lefts, tops = [0.0] * len(self.level.boxes), [0.0] * len(self.level.boxes)
        for column, part, left in zip(self.columns, self.parts, self.lefts, strict=True):
            for vertex, x, y in zip(column.boxes, part.lefts, part.tops, strict=True):
                lefts[vertex - self.outside] = left + x
                tops[vertex - self.outside] = self.top + y
        return Arranged(self.width, height, lefts, tops, entry_xs, exit_xs, routes, len(self.columns))

    def _set_low(self) -> float:
        """Lead wires under the columns that they pass, those from the right closer to them; returns the lowest y."""
        spans: dict[_Net, tuple[float, float]] = {}
        for lift in self.lifts:
            net = lift[0]
            low, high = spans.get(net, (self._exit_x(net), self._exit_x(net)))
            spans[net] = min(low, self.gutter[lift]), max(high, self.gutter[lift])
        done: list[tuple[float, float, float]] = []
        for net in sorted(spans, key=self._exit_x, reverse=True):
            low, high = spans[net]
            passed = [
                part.height
                for left, part in zip(self.lefts, self.parts, strict=True)
                if left < high and low <= left + part.width
            ]
            above = [y for other_low, other_high, y in done if other_low <= high and low <= other_high]
            y = max(max(passed, default=0.0) + FIRST_TRACK, max(above, default=0.0) + TRACK_GAP)
            self.low[net] = y
            done.append((low, high, y))
        return max(self.low.values(), default=0.0)

    def _high_tracks(self, entry_xs: list[float]) -> int:
        """Tracks over the columns, counted from them upwards; the level's own entries run above all others."""
        spans = {lift: (self.gutter[lift], self._entry_x(lift)) for lift in self.lifts}
        lifts = sorted(spans, key=self.gutter.__getitem__, reverse=True)
        for j, column in enumerate(self.columns):
            for net in sorted(column.entries, key=column.entries.__getitem__):
                if net[0] < self.level.entries:
                    start, end = entry_xs[net[0]], self._entry_x((net, j))
                    if start != end:
                        spans[net, j] = (min(start, end), max(start, end))
                        lifts.append((net, j))
        tracks = _tracks([spans[lift] for lift in lifts])
        self.high_track = dict(zip(lifts, tracks, strict=True))
        return max(tracks, default=0)

    def _route(self, plan: _Plan, entry_xs: list[float], height: float) -> Route:
        points: Route = []
        if plan.leaving is not None:
            points += self._piece(*plan.leaving)
        if plan.net is None:
            return points
        if plan.arriving is None:
            return simplified([*points, (points[-1][0], height)])
        arriving = self._piece(*plan.arriving)
        lift = (plan.net, plan.arriving[0])
        x = arriving[0][0]
        y = self.top - FIRST_TRACK - TRACK_GAP * (self.high_track.get(lift, 1) - 1)
        if plan.leaving is None:
            start = entry_xs[plan.net[0]]
            points = [(start, 0.0), (start, y), (x, y)] if start != x else [(start, 0.0)]
            points += arriving
            if self._ends_outside(plan):
                points.append((points[-1][0], height))
            return simplified(points)
        low = self.top + self.low[plan.net]
        gutter = self.gutter[lift]
        points += [(points[-1][0], low), (gutter, low), (gutter, y), (x, y)]
        return simplified(points + arriving)

    def _ends_outside(self, plan: _Plan) -> bool:
        assert plan.arriving is not None
        column, wire = plan.arriving
        return self.columns[column].wires[wire][1][0] == _OUT

    def _piece(self, column: int, wire: int) -> Route:
        left = self.lefts[column]
        return [(left + x, self.top + y) for x, y in self.parts[column].routes[wire]]


def _inversions(xs: list[float]) -> int:
    """How many pairs are not in the order of their numbers."""
    return sum(xs[k] > other for k in range(len(xs)) for other in xs[k + 1 :])


def _tracks(spans: Iterable[tuple[float, float]]) -> list[int]:
    """The lowest free track for each span in turn, above those of all earlier ones that it overlaps."""
    done: list[tuple[float, float, int]] = []
    result = []
    for low, high in spans:
        over = [track for other_low, other_high, track in done if other_low <= high and low <= other_high]
        result.append(max(over, default=0) + 1)
        done.append((low, high, result[-1]))
    return result
