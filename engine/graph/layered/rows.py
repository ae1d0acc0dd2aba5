"""Very wide ranks as several rows, so that a value with thousands of uses does not make one endless line of boxes."""

from __future__ import annotations

import math

from .level import Level

WIDEST = 60
"""A rank of more boxes is split."""
BOXES_PER_ROW = 0.75
"""Square of the boxes in a row, by their number: rows of cards then have about the proportions of a window."""
MOST_PASSED = 400_000
"""Rows become longer than that where all wires together would have to be led past so many of them."""
MOST_BENDS = 60_000
"""Ranks are rather left wide than split if wires had to pass more rows than this altogether."""


def split_wide_ranks(
    level: Level, rank: list[int], order: list[int], is_free: list[bool], trunks: list[tuple[int, int] | None]
) -> bool:
    """Change `rank` so that no rank has many more than `WIDEST` boxes; returns whether that was necessary.

    What is free goes along with its consumer.
    """
    outside = level.entries + level.exits
    members: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for vertex in range(outside, level.vertices):
        members[rank[vertex]].append(vertex)
    if max(map(len, members), default=0) <= WIDEST:
        return False
    target_of = {wire.source: wire.target for wire in level.wires if is_free[wire.source]}
    changed, start = list(rank), 0
    for boxes in members:
        held = [vertex for vertex in boxes if vertex not in target_of]
        crowd = [vertex for vertex in boxes if vertex in target_of]
        if len(held) <= WIDEST < len(crowd) and len({target_of[vertex] for vertex in crowd}) <= WIDEST:
            held = boxes  # many tensors that few boxes use: these cannot go along
            for vertex in crowd:
                del target_of[vertex]
        split = held if len(held) > WIDEST else []
        per_row = max(1, math.isqrt(int(len(split) * BOXES_PER_ROW)), len(split) ** 2 // (2 * MOST_PASSED))
        for vertex in boxes:
            changed[vertex] = start + 1
        for place, vertex in enumerate(split):
            changed[vertex] = start + 1 + place // per_row * 2  # between two rows is room for what goes along
        start += 1 + (max(len(split) - 1, 0) // per_row) * 2
    for vertex in range(outside):
        changed[vertex] = 0 if vertex < level.entries else start + 1
    for vertex in reversed(order):
        if vertex in target_of:
            changed[vertex] = changed[target_of[vertex]] - 1
    if _bends(level, changed, trunks) > MOST_BENDS:
        return False
    used = {r: place for place, r in enumerate(sorted(set(changed)))}
    rank[:] = [used[r] for r in changed]
    return True


def _bends(level: Level, rank: list[int], trunks: list[tuple[int, int] | None]) -> int:
    """How many bends the wires need; those of one trunk share them."""
    shared: dict[tuple[int, int], int] = {}
    total = 0
    for wire, key in zip(level.wires, trunks, strict=True):
        span = abs(rank[wire.target] - rank[wire.source])
        if key is None:
            total += span
        else:
            shared[key] = max(shared.get(key, 0), span)
    return total + sum(shared.values())
