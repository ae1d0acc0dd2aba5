"""Where a long level is cut into columns."""

from __future__ import annotations

from typing import NamedTuple

from .level import Level
from .ranks import Ranked

COLUMN_GAP = 40.0
RANK_GAP = 40.0
"""About the room between two ranks, for estimates."""
BOX_GAP = 24.0
MOST_COLUMNS = 2000


class Shape(NamedTuple):
    """When levels are wrapped, and how: those higher than `height` and `slender` times as high as wide."""

    aspect: float = 1.6
    height: float = 1400.0
    slender: float = 3.0


def column_cuts(level: Level, ranked: Ranked, shape: Shape) -> list[int]:
    """The ranks at which columns begin, the first (0) included; just that where the level is better left whole."""
    first = 1 if level.entries else 0
    last = len(ranked.layers) - (1 if level.exits else 0)
    outside = level.entries + level.exits
    heights, widths = [], []
    for layer in ranked.layers[first:last]:
        boxes = [level.boxes[v - outside] for v in layer if outside <= v < level.vertices]
        heights.append(max((box.height for box in boxes), default=0.0) + RANK_GAP)
        widths.append(sum(box.width + BOX_GAP for box in boxes))
    height, width = sum(heights), max(widths, default=0.0)
    if len(heights) < 2 or height < shape.height or height < shape.slender * width:
        return [first]
    count = round((shape.aspect * height / (width + COLUMN_GAP)) ** 0.5)
    count = max(1, min(count, len(heights), MOST_COLUMNS))
    return _balanced(heights, _wires_cut(ranked, first, last), count, first)


def _wires_cut(ranked: Ranked, first: int, last: int) -> list[int]:
    """How many wires a cut above each rank would part."""
    change = [0] * (len(ranked.layers) + 1)
    for chain in ranked.chains:
        top, bottom = ranked.rank[chain.vertices[0]], ranked.rank[chain.vertices[-1]]
        change[min(top + 1, len(change) - 1)] += 1
        change[min(bottom + 1, len(change) - 1)] -= 1
    total, cut = 0, []
    for r in range(last):
        total += change[r]
        cut.append(total)
    return cut[first:]


def _balanced(heights: list[float], parted: list[int], count: int, first: int) -> list[int]:
    """Cut into `count` columns of about the same height, where few wires are parted."""
    total = sum(heights)
    above = [0.0]
    for height in heights:
        above.append(above[-1] + height)
    cuts = [0]
    r = 1
    for k in range(1, count):
        goal, reach = total * k / count, total / count * 0.3
        while r < len(heights) and above[r] < goal - reach:
            r += 1
        best, best_cost = -1, float("inf")
        at = max(r, cuts[-1] + 1)
        while at < len(heights) and (above[at] <= goal + reach or best < 0):
            cost = parted[at] + 3.0 * abs(above[at] - goal) / (total / count)
            if cost < best_cost:
                best, best_cost = at, cost
            at += 1
        if best < 0:
            break
        cuts.append(best)
    return [first + cut for cut in cuts]
