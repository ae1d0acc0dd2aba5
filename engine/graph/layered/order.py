"""The order of vertices within each rank: few crossings, otherwise as executed."""

from __future__ import annotations

from typing import NamedTuple

from .level import Level
from .ranks import Ranked
from .sorter import Segment, Sorter
from .untangle import untangle

SWEEPS = 8
MORE_SWEEPS = 24
"""In levels that are small enough to try neighbours the other way round as well."""
PATIENCE = 3
"""Sweeps without a better result, after which there will be none."""
SMALL = 3000
"""A level of at most so many segments is small."""


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
    sorter = Sorter(level, ranked, channels, above, below)
    sorter.start()
    size = sum(map(len, channels))
    crossings = sorter.improve(MORE_SWEEPS if size <= SMALL else SWEEPS, PATIENCE, is_small=size <= SMALL)
    if crossings:
        crossings = untangle(sorter, crossings)
    if ranked.sides:
        for layer in sorter.layers:
            layer.sort(key=lambda vertex: ranked.sides.get(vertex, 0))
        sorter.number()
    return Ordered(ranked.rank, sorter.layers, sorter.position, channels, above, below, crossings)


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
