"""Ranks of a level's vertices, and the chains of vertices that its wires run through."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..walk import break_cycles
from .level import Level
from .rows import split_wide_ranks

MERGE_FROM = 12
"""From so many wires at one end on, they share one trunk."""


class Chain(NamedTuple):
    """The vertices that one wire runs through, from rank to rank downwards.

    A wire against the flow has `is_backward`: it leaves its source at the bottom, turns, climbs through the chain
    (which is listed downwards and holds only bends) and turns again to enter its target at the top.
    """

    vertices: list[int]
    is_backward: bool = False


class Ranked(NamedTuple):
    """Vertices with their ranks. Those from `Level.vertices` on are bends that a wire passes through.

    `is_free` marks tensors, and what is computed from parameters alone, that hang on a single consumer. `sides` are
    bends that belong to the very left (-1) or the very right (1) of their rank.
    """

    rank: list[int]
    layers: list[list[int]]
    chains: list[Chain]
    is_free: list[bool]
    sides: dict[int, int]


def assign_ranks(level: Level) -> Ranked:
    """Rank the vertices so that wires point down, as compactly as their order allows; entries first, exits last."""
    count, entries, exits = level.vertices, level.entries, level.exits
    inner = [(w.source, w.target) for w in level.wires if w.source != w.target]
    order = break_cycles(count, inner)
    place = [0] * count
    for index, vertex in enumerate(order):
        place[vertex] = index
    is_forward = [entries <= w.source < entries + exits or place[w.source] < place[w.target] for w in level.wires]
    after: list[list[int]] = [[] for _ in range(count)]
    incoming = [0] * count
    for wire, forward in zip(level.wires, is_forward, strict=True):
        if forward:
            after[wire.source].append(wire.target)
            incoming[wire.target] += 1
    first = 1 if entries else 0
    rank = [0 if vertex < entries else first for vertex in range(count)]
    for vertex in order:
        for other in after[vertex]:
            rank[other] = max(rank[other], rank[vertex] + 1)
    last = max((rank[v] for v in range(entries + exits, count)), default=0)
    for vertex in range(entries, entries + exits):
        rank[vertex] = last + 1 if last or entries or level.boxes else 0
    is_free = _pull_down(rank, order, after, incoming, entries)
    _keep_flow(level, order, after, is_free)
    trunks = _trunks(level)
    has_rows = split_wide_ranks(level, rank, order, is_free, trunks)
    chains, layers, bends = _chains(level, rank, is_forward, trunks)
    # Past rows of boxes, what comes from one box runs down on the left, and what goes to one box on the right.
    sides = {vertex: 1 if key[0] < 0 else -1 for key, vertex in bends.items()} if has_rows else {}
    return Ranked(rank, layers, chains, is_free, sides)


def _pull_down(
    rank: list[int], order: list[int], after: list[list[int]], incoming: list[int], entries: int
) -> list[bool]:
    """Lower what shortens wires by it, so that tensors stand right above their first use.

    That is what has more wires below it than above it, and what is computed from nothing that is used elsewhere: all
    above it can follow. Those are returned, as a flag for each vertex. Where it makes no difference, a vertex goes to
    that end which is nearer in the order of execution: each step of an unrolled loop keeps what it works with.
    """
    is_free = [vertex >= entries for vertex in range(len(rank))]
    for vertex in order:
        if not is_free[vertex] or len(after[vertex]) > 1:
            for other in after[vertex]:
                is_free[other] = False
    fed = [0] * len(rank)
    producer = [0] * len(rank)
    for vertex in order:
        if not is_free[vertex] or len(after[vertex]) > 1:
            for other in after[vertex]:
                fed[other] += 1
                producer[other] = max(producer[other], vertex)
    for vertex in reversed(order):
        following = after[vertex]
        if vertex < entries or not following:
            continue
        is_nearer = len(following) == fed[vertex] and min(following) - vertex < vertex - producer[vertex]
        if is_free[vertex] or is_nearer or len(following) > incoming[vertex]:
            rank[vertex] = max(rank[vertex], min(rank[other] for other in following) - 1)
    return [free and len(after[vertex]) == 1 for vertex, free in enumerate(is_free)]


def _keep_flow(level: Level, order: list[int], after: list[list[int]], is_free: list[bool]) -> None:
    """Of the operations, leave only those free that are computed from parameters alone and are joined by data."""
    outside = level.entries + level.exits
    is_side = [vertex >= outside for vertex in range(level.vertices)]
    for vertex in order:
        box = level.boxes[vertex - outside] if vertex >= outside else None
        if box is not None and box.is_tensor:
            is_side[vertex] = box.is_side
        if not is_side[vertex]:
            for other in after[vertex]:
                is_side[other] = False
    for vertex in range(level.vertices):
        if is_free[vertex] and not (vertex >= outside and level.boxes[vertex - outside].is_tensor):
            is_free[vertex] = is_side[vertex] and not is_side[after[vertex][0]]


def _chains(
    level: Level, rank: list[int], is_forward: list[bool], shared: list[tuple[int, int] | None]
) -> tuple[list[Chain], list[list[int]], dict[tuple[int, int, int], int]]:
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for vertex, r in enumerate(rank):
        layers[r].append(vertex)
    bends: dict[tuple[int, int, int], int] = {}

    def bend(r: int, key: tuple[int, int] | None) -> int:
        if key is not None and (known := bends.get((*key, r))) is not None:
            return known
        vertex = len(rank)
        rank.append(r)
        layers[r].append(vertex)
        if key is not None:
            bends[*key, r] = vertex
        return vertex

    chains: list[Chain] = []
    for index, wire in enumerate(level.wires):
        high, low = rank[wire.source], rank[wire.target]
        if high == low - 1:
            chains.append(Chain([wire.source, wire.target]))
        elif high < low:  # also what broke a cycle may point down in the end
            passed = [bend(r, shared[index]) for r in range(high + 1, low)]
            chains.append(Chain([wire.source, *passed, wire.target]))
        else:
            chains.append(Chain([bend(r, None) for r in range(low, high + 1)], is_backward=True))
    return chains, layers, bends


def _trunks(level: Level) -> list[tuple[int, int] | None]:
    """A key per wire that is equal for wires that share one line as far as they can: those of one fixed port."""
    out_count = Counter(wire[:2] for wire in level.wires)
    in_count = Counter(wire[2:] for wire in level.wires)
    many_out = {
        end: end
        for end, count in out_count.items()
        if count >= (2 if end[0] < level.entries or end[1] >= 0 else MERGE_FROM)
    }
    many_in = {end: (-1 - end[0], end[1]) for end, count in in_count.items() if count >= MERGE_FROM}
    if not many_out and not many_in:
        return [None] * len(level.wires)
    return [many_out.get(wire[:2]) or many_in.get(wire[2:]) for wire in level.wires]
