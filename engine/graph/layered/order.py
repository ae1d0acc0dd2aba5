"""The order of vertices within each rank: few crossings, otherwise as executed."""

from __future__ import annotations

from bisect import bisect_right, insort
from random import Random
from typing import NamedTuple

from .level import Level
from .ranks import Ranked

SWEEPS = 8
MORE_SWEEPS = 24
"""In levels that are small enough to try neighbours the other way round as well."""
PATIENCE = 3
"""Sweeps without a better result, after which there will be none."""
SMALL = 3000
"""A level of at most so many segments is small."""
TRIED_SEGMENTS = 3000
MOST_TRIALS = 24
"""Where crossings are left, other beginnings are tried: at most so many, of so many segments altogether."""
RETRY_SWEEPS = 16
NEARBY = 6
"""Ranks above and below that are shuffled together."""


class Segment(NamedTuple):
    """A piece of one or more wires between two vertices of neighbouring ranks; ports as in `Wire`.

    `lane` tells apart the wires that connect the same two boxes directly.
    """

    upper: int
    upper_port: int
    lower: int
    lower_port: int
    lane: int = 0


class Ordered(NamedTuple):
    """Ranked vertices with their order settled: `layers` from left to right, `position` within the layer.

    `channels[r]` holds the segments between ranks r and r + 1; `above` and `below` list every vertex's segments.
    `crossings` are those that are left.
    """

    rank: list[int]
    layers: list[list[int]]
    position: list[int]
    channels: list[list[Segment]]
    above: list[list[Segment]]
    below: list[list[Segment]]
    crossings: int = 0


def settle_order(level: Level, ranked: Ranked) -> Ordered:
    """Order every rank by sweeps of barycentres, and keep the order with the fewest crossings."""
    channels, above, below = _segments(level, ranked)
    sorter = _Sorter(level, ranked, channels, above, below)
    sorter.start()
    size = sum(map(len, channels))
    best, crossings = _improved(sorter, MORE_SWEEPS if size <= SMALL else SWEEPS, is_small=size <= SMALL)
    if crossings:
        best, crossings = _tried_again(sorter, best, crossings, min(MOST_TRIALS, TRIED_SEGMENTS // size))
    if ranked.sides:
        for layer in best:
            layer.sort(key=lambda vertex: ranked.sides.get(vertex, 0))
    sorter.layers = best
    sorter.number()
    return Ordered(ranked.rank, best, sorter.position, channels, above, below, crossings)


def _improved(
    sorter: _Sorter, sweeps: int, *, is_small: bool, is_down_first: bool = True
) -> tuple[list[list[int]], int]:
    """The best order that sweeps from the present one come by, and its crossings."""
    best, crossings = [list(layer) for layer in sorter.layers], sorter.crossings()
    unchanged = 0
    for sweep in range(sweeps):
        if crossings == 0 or unchanged > PATIENCE:
            break
        sorter.sweep(is_down=(sweep % 2 == 0) == is_down_first)
        if is_small:
            sorter.exchange()
        found = sorter.crossings()
        unchanged += 1
        if found < crossings:
            best, crossings, unchanged = [list(layer) for layer in sorter.layers], found, 0
    return best, crossings


def _tried_again(sorter: _Sorter, best: list[list[int]], crossings: int, trials: int) -> tuple[list[list[int]], int]:
    """What sweeps make of other beginnings, if that has fewer crossings than `best`, and those crossings.

    Sweeps end where no single change is a gain, which is rarely the best there is. At first, wires that pass boxes are
    led around all of them, on the right or on the left, and the first sweep goes down or up; then the best order so far
    is shuffled, in a few ranks or in all of them. The random numbers are always the same ones.
    """
    random = Random(0)
    sorter.start()
    first = sorter.layers
    for trial in range(trials):
        if crossings == 0:
            break
        layers = [list(layer) for layer in (first if trial < 4 else best)]
        if trial < 4:
            for layer in layers:
                boxes = [vertex for vertex in layer if vertex < sorter.count]
                bends = [vertex for vertex in layer if vertex >= sorter.count]
                layer[:] = bends + boxes if trial % 2 else boxes + bends
        else:
            reach = NEARBY if trial % 2 else len(layers)
            middle = random.randrange(len(layers))
            for r in range(max(0, middle - reach), min(middle + reach, len(layers))):
                if r not in sorter.pinned:
                    random.shuffle(layers[r])
        sorter.layers = layers
        sorter.number()
        if trial < 4:
            sorter.exchange()
        order, found = _improved(sorter, RETRY_SWEEPS, is_small=True, is_down_first=not 2 <= trial < 4)
        if found < crossings:
            best, crossings = order, found
    return best, crossings


def segments_of(level: Level, ranked: Ranked) -> list[list[Segment]]:
    """The segments of each wire, from its upper end downwards."""
    copies: dict[Segment, int] = {}
    result = []
    for wire, chain in zip(level.wires, ranked.chains, strict=True):
        vertices, last = chain.vertices, len(chain.vertices) - 2
        pieces = []
        for k in range(last + 1):
            upper_port = wire.source_port if k == 0 and not chain.is_backward else -1
            lower_port = wire.target_port if k == last and not chain.is_backward else -1
            pieces.append(Segment(vertices[k], upper_port, vertices[k + 1], lower_port))
        if len(pieces) == 1 and wire.source_port < 0 and wire.target_port < 0 and not chain.is_backward:
            lane = copies.get(pieces[0], 0)
            copies[pieces[0]] = lane + 1
            pieces[0] = pieces[0]._replace(lane=lane)
        result.append(pieces)
    return result


def _segments(level: Level, ranked: Ranked) -> tuple[list[list[Segment]], list[list[Segment]], list[list[Segment]]]:
    channels: list[dict[Segment, None]] = [{} for _ in ranked.layers]
    for pieces in segments_of(level, ranked):
        for segment in pieces:
            channels[ranked.rank[segment.upper]].setdefault(segment)
    above: list[list[Segment]] = [[] for _ in ranked.rank]
    below: list[list[Segment]] = [[] for _ in ranked.rank]
    for channel in channels:
        for segment in channel:
            above[segment.lower].append(segment)
            below[segment.upper].append(segment)
    return [list(channel) for channel in channels[:-1]], above, below


class _Sorter:
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
        if level.is_pinned:
            self.pinned.update([0] if level.entries else [])
            self.pinned.update([len(ranked.layers) - 1] if level.exits else [])

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

    def number(self) -> None:
        for layer in self.layers:
            for place, vertex in enumerate(layer):
                self.position[vertex] = place

    def _upper(self, segment: Segment) -> float:
        ports = self.outs[segment.upper] if segment.upper < self.count else None
        return self.position[segment.upper] + (ports[segment.upper_port] if ports and segment.upper_port >= 0 else 0.5)

    def _lower(self, segment: Segment) -> float:
        ports = self.ins[segment.lower] if segment.lower < self.count else None
        return self.position[segment.lower] + (ports[segment.lower_port] if ports and segment.lower_port >= 0 else 0.5)

    def sweep(self, *, is_down: bool) -> None:
        ranks = range(1, len(self.layers)) if is_down else range(len(self.layers) - 2, -1, -1)
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

    def exchange(self) -> None:
        """Swap neighbours wherever that undoes crossings, until nothing is gained by it."""
        for _ in range(4):
            gains = [
                self._exchange_in(layer)
                for r, layer in enumerate(self.layers)
                if len(layer) > 1 and r not in self.pinned
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
        return sum(self._crossings_in(channel) for channel in self.channels)

    def _crossings_in(self, channel: list[Segment]) -> int:
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
