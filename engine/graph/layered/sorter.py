"""Ranks in order: crossings counted, ranks sorted by barycentres, neighbours swapped."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

from .level import Level
from .ranks import Ranked


class Segment(NamedTuple):
    """A piece of one or more wires between two vertices of neighbouring ranks; ports as in `Wire`.

    `lane` tells apart the wires that connect the same two boxes directly.
    """

    upper: int
    upper_port: int
    lower: int
    lower_port: int
    lane: int = 0


class Sorter:
    """The present order of every rank, and what changes it for the better."""

    def __init__(
        self,
        level: Level,
        ranked: Ranked,
        channels: list[list[Segment]],
        above: list[list[Segment]],
        below: list[list[Segment]],
    ) -> None:
        self.layers = [list(layer) for layer in ranked.layers]
        self.position = [0] * len(ranked.rank)
        self.channels = channels
        self.above = above
        self.below = below
        outside = level.entries + level.exits
        nothing: list[list[float] | None] = [None] * outside
        self.outs = nothing + [_fractions(box.out_ports, box.width) for box in level.boxes]
        self.ins = nothing + [_fractions(box.in_ports, box.width) for box in level.boxes]
        self.count = level.vertices
        self.rank = ranked.rank
        self.pinned: set[int] = set()
        """Ranks whose order is given."""
        if level.pinned == "ends" and level.entries:
            self.pinned.add(0)
        if level.pinned != "nothing" and level.exits:
            self.pinned.add(len(ranked.layers) - 1)

    def start(self) -> None:
        """First order: depth first from the top, in the order of execution, so that branches stay together."""
        seen = [False] * len(self.rank)
        layers: list[list[int]] = [[] for _ in self.layers]
        for top in range(len(self.rank)):
            if self.above[top]:
                continue
            waiting = [top]
            while waiting:
                vertex = waiting.pop()
                if seen[vertex]:
                    continue
                seen[vertex] = True
                layers[self.rank[vertex]].append(vertex)
                waiting.extend(segment.lower for segment in reversed(self.below[vertex]))
        for r in self.pinned:
            layers[r].sort()
        self.layers = layers
        self.number()

    def number(self, ranks: Iterable[int] | None = None) -> None:
        """Note the places in some ranks, or in all of them."""
        for r in range(len(self.layers)) if ranks is None else ranks:
            for place, vertex in enumerate(self.layers[r]):
                self.position[vertex] = place

    def improve(self, sweeps: int, patience: int, *, is_small: bool, is_down_first: bool = True) -> int:
        """Go on to the best order that sweeps over all ranks come by; returns its crossings."""
        best, crossings = [list(layer) for layer in self.layers], self.crossings()
        count = len(self.layers)
        unchanged = 0
        for sweep in range(sweeps):
            if crossings == 0 or unchanged > patience:
                break
            self.sweep(range(1, count) if (sweep % 2 == 0) == is_down_first else range(count - 2, -1, -1))
            if is_small:
                self.exchange(range(count))
            found = self.crossings()
            unchanged += 1
            if found < crossings:
                best, crossings, unchanged = [list(layer) for layer in self.layers], found, 0
        self.layers = best
        self.number()
        return crossings

    def _upper(self, segment: Segment) -> float:
        ports = self.outs[segment.upper] if segment.upper < self.count else None
        return self.position[segment.upper] + (ports[segment.upper_port] if ports and segment.upper_port >= 0 else 0.5)

    def _lower(self, segment: Segment) -> float:
        ports = self.ins[segment.lower] if segment.lower < self.count else None
        return self.position[segment.lower] + (ports[segment.lower_port] if ports and segment.lower_port >= 0 else 0.5)

    def sweep(self, ranks: range) -> None:
        """Sort each of these ranks by the middle of what it is connected to in the rank before."""
        is_down = ranks.step > 0
        for r in ranks:
            layer = self.layers[r]
            if len(layer) < 2 or r in self.pinned:
                continue
            keys: dict[int, float] = {}
            for vertex in layer:
                segments = self.above[vertex] if is_down else self.below[vertex]
                ends = [self._upper(s) if is_down else self._lower(s) for s in segments]
                keys[vertex] = sum(ends) / len(ends) if ends else -1.0
            _keep_free_ones(layer, keys)
            layer.sort(key=keys.__getitem__)
            for place, vertex in enumerate(layer):
                self.position[vertex] = place

    def exchange(self, ranks: range) -> None:
        """Swap neighbours in these ranks wherever that undoes crossings, until nothing is gained by it."""
        for _ in range(4):
            gains = [
                self._exchange_in(self.layers[r]) for r in ranks if len(self.layers[r]) > 1 and r not in self.pinned
            ]
            if not any(gains):
                return

    def _exchange_in(self, layer: list[int]) -> bool:
        """Swap neighbours of one rank, from left to right; whether anything was gained."""
        ends = [
            ([self._upper(segment) for segment in self.above[v]], [self._lower(segment) for segment in self.below[v]])
            for v in layer
        ]
        has_gained = False
        for place in range(len(layer) - 1):
            left, right = ends[place], ends[place + 1]
            if _gain(left[0], right[0]) + _gain(left[1], right[1]) > 0:
                layer[place], layer[place + 1] = layer[place + 1], layer[place]
                ends[place], ends[place + 1] = right, left
                has_gained = True
        if has_gained:
            for place, vertex in enumerate(layer):
                self.position[vertex] = place
        return has_gained

    def crossings(self) -> int:
        """How often segments cross in all."""
        return sum(self.crossings_below(r) for r in range(len(self.channels)))

    def crossings_below(self, r: int) -> int:
        """How often segments cross between a rank and the next one."""
        channel = self.channels[r]
        ends = sorted((self._upper(segment), self._lower(segment)) for segment in channel)
        passed: list[float] = []
        total = 0
        for _, low in ends:
            total += len(passed) - bisect_right(passed, low)
            insort(passed, low)
        return total


def _gain(left: list[float], right: list[float]) -> int:
    """How many crossings fewer there are when two neighbours whose lines end there change places."""
    gain = 0
    for end in left:
        for other in right:
            if other < end:
                gain += 1
            elif other > end:
                gain -= 1
    return gain


def _keep_free_ones(layer: list[int], keys: dict[int, float]) -> None:
    """Vertices without neighbours on that side stay beside the one that they followed."""
    last = -0.5
    for vertex in layer:
        if keys[vertex] < 0:
            keys[vertex] = last
        last = keys[vertex]


def _fractions(ports: tuple[float, ...] | None, width: float) -> list[float] | None:
    return [x / width for x in ports] if ports is not None else None
