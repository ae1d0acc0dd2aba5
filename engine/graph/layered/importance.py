"""Which wires make the main line of a level and are to run straight, before which others."""

from __future__ import annotations

from .level import Level
from .order import segments_of
from .ranks import Ranked
from .sorter import Segment

Importance = tuple[int, int, int]
"""Smaller is more important."""

_MAIN, _LONG_MAIN, _MIDDLE, _END, _SIDE = range(5)


def importance_of(level: Level, ranked: Ranked) -> dict[Segment, Importance]:
    """Rate every segment by the most important wire in it.

    Every box has one main wire into it: from what the data flows through rather than from parameters, over the fewest
    ranks, from where most has been done already. Main lines come first, then the middle parts of long wires; what
    comes from parameters alone is last.
    """
    is_side = _sides(level, ranked)
    before, after = _lengths(level, ranked, is_down=False), _lengths(level, ranked, is_down=True)
    main: dict[int, tuple[int, int, int]] = {}
    for index, (wire, chain) in enumerate(zip(level.wires, ranked.chains, strict=True)):
        if not chain.is_backward and not is_side[wire.source]:
            rating = (len(chain.vertices), -before[wire.source], index)
            main[wire.target] = min(main.get(wire.target, rating), rating)
    result: dict[Segment, Importance] = {}
    for index, (wire, pieces) in enumerate(zip(level.wires, segments_of(level, ranked), strict=True)):
        is_main = main.get(wire.target, (0, 0, -1))[2] == index
        for k, segment in enumerate(pieces):
            if is_side[wire.source]:
                kind = _SIDE
            elif is_main:
                kind = _MAIN if len(pieces) == 1 else _LONG_MAIN
            else:
                kind = _MIDDLE if 0 < k < len(pieces) - 1 else _END
            rating = (kind, -after[wire.target], index)
            result[segment] = min(result.get(segment, rating), rating)
    return result


def _by_rank(level: Level, ranked: Ranked) -> list[int]:
    return sorted(range(level.vertices), key=ranked.rank.__getitem__)


def _sides(level: Level, ranked: Ranked) -> list[bool]:
    """Whether a vertex is computed from parameters and constants alone; nowhere, if everything is."""
    outside = level.entries + level.exits
    sources: list[list[int]] = [[] for _ in range(level.vertices)]
    for wire, chain in zip(level.wires, ranked.chains, strict=True):
        if not chain.is_backward:
            sources[wire.target].append(wire.source)
    is_side = [False] * level.vertices
    for vertex in _by_rank(level, ranked):
        if vertex < outside and not sources[vertex]:
            continue
        if sources[vertex]:
            is_side[vertex] = all(is_side[source] for source in sources[vertex])
        else:
            box = level.boxes[vertex - outside]
            is_side[vertex] = box.is_side or not box.is_tensor
    return [False] * level.vertices if all(is_side[outside:]) else is_side


def _lengths(level: Level, ranked: Ranked, *, is_down: bool) -> list[int]:
    """Length of the longest way down from each vertex, or up."""
    length = [0] * level.vertices
    following: list[list[int]] = [[] for _ in range(level.vertices)]
    for wire, chain in zip(level.wires, ranked.chains, strict=True):
        if not chain.is_backward:
            start, end = (wire.source, wire.target) if is_down else (wire.target, wire.source)
            following[start].append(end)
    vertices = _by_rank(level, ranked)
    for vertex in reversed(vertices) if is_down else vertices:
        length[vertex] = max((length[other] + 1 for other in following[vertex]), default=0)
    return length
