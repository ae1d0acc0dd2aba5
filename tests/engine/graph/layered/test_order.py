"""The order within ranks has few crossings: where that can be told, the fewest that there can be."""

from __future__ import annotations

from itertools import permutations, product
from random import Random

import pytest

from engine.graph.layered.level import Box, Level, Pinned, Wire
from engine.graph.layered.order import Ordered, settle_order
from engine.graph.layered.ranks import assign_ranks

RANKS, WIDTH = 4, 4


def random_level(seed: int, pinned: Pinned = "nothing") -> Level:
    """Ranks of a few boxes, with wires from each rank to the next; two wires come in, and two go out."""
    choose = Random(seed)
    box = Box(100.0, 40.0)
    wires = {(4 + r * WIDTH + k, 4 + (r + 1) * WIDTH + k) for r in range(RANKS - 1) for k in range(WIDTH)}
    for r, _ in product(range(RANKS - 1), range(3)):
        wires.add((4 + r * WIDTH + choose.randrange(WIDTH), 4 + (r + 1) * WIDTH + choose.randrange(WIDTH)))
    wires |= {(k, 4 + choose.randrange(WIDTH)) for k in range(2)}
    wires |= {(4 + (RANKS - 1) * WIDTH + choose.randrange(WIDTH), 2 + k) for k in range(2)}
    all_wires = tuple(Wire(source, -1, target, -1) for source, target in sorted(wires))
    return Level(2, 2, (box,) * (RANKS * WIDTH), all_wires, pinned=pinned)


def counted(ordered: Ordered, layers: list[list[int]]) -> int:
    """Crossings, pair by pair."""
    place = {vertex: k for layer in layers for k, vertex in enumerate(layer)}
    total = 0
    for channel in ordered.channels:
        ends = [(place[segment.upper], place[segment.lower]) for segment in channel]
        total += sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(ends) for c, d in ends[:k])
    return total


def fewest(ordered: Ordered) -> int:
    """The fewest crossings of all orders: from rank to rank, the fewest so far for each order of the last one."""
    reached = dict.fromkeys(permutations(ordered.layers[0]), 0)
    for r, channel in enumerate(ordered.channels):
        following: dict[tuple[int, ...], int] = {}
        for order in permutations(ordered.layers[r + 1]):
            low = {vertex: k for k, vertex in enumerate(order)}
            best = None
            for above, so_far in reached.items():
                high = {vertex: k for k, vertex in enumerate(above)}
                ends = [(high[segment.upper], low[segment.lower]) for segment in channel]
                found = so_far + sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(ends) for c, d in ends[:k])
                best = found if best is None else min(best, found)
            assert best is not None
            following[order] = best
        reached = following
    return min(reached.values())


@pytest.mark.parametrize("seed", range(6))
def test_small_levels_have_the_fewest_crossings_that_there_can_be(seed: int) -> None:
    level = random_level(seed)
    ordered = settle_order(level, assign_ranks(level))
    assert ordered.crossings == counted(ordered, ordered.layers) == fewest(ordered)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_pinned_stays_in_its_order(seed: int) -> None:
    kinds: list[Pinned] = ["exits", "ends"]
    for pinned in kinds:
        level = random_level(seed, pinned)
        ordered = settle_order(level, assign_ranks(level))
        assert ordered.layers[-1] == [2, 3]
        assert pinned == "exits" or ordered.layers[0] == [0, 1]
        assert ordered.crossings == counted(ordered, ordered.layers)
