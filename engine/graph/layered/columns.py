"""Where a long level is cut into columns."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise
from typing import NamedTuple

from .level import Level
from .ranks import Ranked

COLUMN_GAP = 40.0
RANK_GAP = 40.0
"""About the room between two ranks, for estimates."""
BOX_GAP = 24.0
MOST_COLUMNS = 2000
HARDLY_HIGHER, HARDLY_LARGER = 1.15, 1.05
"""Another column is not worth less, of a column's height and of a window's."""
LOOSE = 1.08
"""So much higher than necessary columns may be where that parts fewer wires."""
CLOSE_ENOUGH = 0.002
"""Of a column's height: a lower one is not looked for any longer."""
MANY_BOXES = 40
MANY_RANKS = 400
"""From so many ranks on, columns come out even anyway."""


class Shape(NamedTuple):
    """When levels are wrapped, and to which width divided by height.

    The trunk of a drawing is wrapped if it is `slender` times as high as wide and higher than `height`, counted as if
    everything in it were folded: opening a box then moves no other to another column. Any level is wrapped if it has
    `many` boxes or is `huge`, and slender; where few of many boxes are open, as if these were folded too.
    """

    aspect: float = 1.6
    height: float = 1400.0
    slender: float = 3.0
    many: int = MANY_BOXES
    huge: float = 12000.0


def column_cuts(level: Level, ranked: Ranked, shape: Shape) -> list[int]:
    """The ranks at which columns begin, the first (0) included; just that where the level is better left whole."""
    first = 1 if level.entries else 0
    last = len(ranked.layers) - (1 if level.exits else 0)
    if last - first < 2:
        return [first]
    heights, widths = _extent(level, ranked, first, last, is_folded=False)
    is_moderate = sum(heights) < max(shape.huge, shape.slender * max(widths))
    as_folded = is_moderate or _is_mostly_folded(level)
    if as_folded:
        if not level.is_trunk and len(level.boxes) <= shape.many:
            return [first]
        heights, widths = _extent(level, ranked, first, last, is_folded=True)
        if sum(heights) < max(shape.height, shape.slender * max(widths)):
            return [first]
    parted = _nets_cut(level, ranked, first, last)
    about = math.sqrt(shape.aspect * sum(heights) / (max(widths) + COLUMN_GAP))
    if len(heights) < MANY_RANKS:
        counts = range(max(1, int(about * 0.6)), min(int(about * 1.6) + 1, len(heights)) + 1)
        choices = [_levelled(heights, parted, count, is_filled=not as_folded) for count in counts]
    else:
        choices = [_balanced(heights, parted, min(round(about), MOST_COLUMNS))]
    needed = [_window(heights, widths, cuts, shape.aspect) for cuts in choices]
    best = next(cuts for cuts, need in zip(choices, needed, strict=True) if need <= HARDLY_LARGER * min(needed))
    return [first + cut for cut in best]


def cuts_below(level: Level, ranked: Ranked, most: float) -> list[int]:
    """The ranks at which columns begin, where no column is to be higher than `most`: as few columns as that takes."""
    first = 1 if level.entries else 0
    last = len(ranked.layers) - (1 if level.exits else 0)
    if last - first < 2:
        return [first]
    heights, _ = _extent(level, ranked, first, last, is_folded=False)
    needed = math.ceil(sum(heights) / most)
    if needed < 2:
        return [first]
    parted = _nets_cut(level, ranked, first, last)
    choices = [_levelled(heights, parted, count) for count in range(1, min(needed + 1, len(heights)) + 1)]
    reached = [max(_highest(heights, cuts), most) for cuts in choices]
    best = next(cuts for cuts, high in zip(choices, reached, strict=True) if high <= HARDLY_HIGHER * min(reached))
    return [first + cut for cut in best]


def _is_mostly_folded(level: Level) -> bool:
    """Whether few boxes are open, so that to open another one should not move boxes to other columns."""
    opened = [(box.height, box.folded[1]) for box in level.boxes if box.folded is not None]
    if not opened:
        return False
    folded = sum(box.height for box in level.boxes if box.folded is None) + sum(low for _, low in opened)
    gained = sum(height - low for height, low in opened)
    return 2 * len(opened) <= len(level.boxes) and gained < 3 * folded


def _window(heights: list[float], widths: list[float], cuts: list[int], aspect: float) -> float:
    """Height of the smallest window of the wanted proportions that holds the columns."""
    columns = list(pairwise([*cuts, len(heights)]))
    wide = sum(max(widths[start:end]) + COLUMN_GAP for start, end in columns)
    return max(_highest(heights, cuts), wide / aspect)


def _highest(heights: list[float], cuts: list[int]) -> float:
    return max(sum(heights[start:end]) for start, end in pairwise([*cuts, len(heights)]))


def _extent(level: Level, ranked: Ranked, first: int, last: int, *, is_folded: bool) -> tuple[list[float], list[float]]:
    """About the height and the width of every rank."""
    outside, count = level.entries + level.exits, level.vertices
    if is_folded:
        sizes = [box.folded if box.folded is not None else (box.width, box.height) for box in level.boxes]
    else:
        sizes = [(box.width, box.height) for box in level.boxes]
    heights, widths = [], []
    for layer in ranked.layers[first:last]:
        across = highest = 0.0
        for vertex in layer:
            if outside <= vertex < count:
                wide, high = sizes[vertex - outside]
                across += wide + BOX_GAP
                highest = max(highest, high)
        heights.append(highest + RANK_GAP)
        widths.append(across)
    return heights, widths


def _nets_cut(level: Level, ranked: Ranked, first: int, last: int) -> list[int]:
    """How many values a cut above each rank would part from their use; the many uses of one are led around together."""
    reach: dict[tuple[int, int], tuple[int, int]] = {}
    for wire, chain in zip(level.wires, ranked.chains, strict=True):
        if ranked.is_free[wire.source]:
            continue
        top, bottom = ranked.rank[chain.vertices[0]], ranked.rank[chain.vertices[-1]]
        known = reach.get(wire[:2], (top, bottom))
        reach[wire[:2]] = min(known[0], top), max(known[1], bottom)
    change = [0] * (len(ranked.layers) + 1)
    for top, bottom in reach.values():
        change[min(top + 1, len(change) - 1)] += 1
        change[min(bottom + 1, len(change) - 1)] -= 1
    total, cut = 0, []
    for r in range(last):
        total += change[r]
        cut.append(total)
    return cut[first:]


def _balanced(heights: list[float], parted: list[int], count: int) -> list[int]:
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
    return cuts


def _levelled(heights: list[float], parted: list[int], count: int, *, is_filled: bool = False) -> list[int]:
    """Cut into at most `count` columns the highest of which is about as low as can be; no more than that takes.

    Few wires are parted, and columns are about equally high. If they are to be filled, that holds of all but the last,
    and no column is higher than necessary unless that parts fewer wires: then as many equal boxes stand in each.
    """
    above = [0.0, *accumulate(heights)]
    total, end = above[-1], len(heights)
    highest = max(heights)
    low, high = max(highest, total / count), total / count + highest  # that many do in any case
    while high - low > CLOSE_ENOUGH * low:
        middle = (low + high) / 2
        low, high = (low, middle) if _columns_needed(above, middle) <= count else (middle, high)
    count = _columns_needed(above, high)
    most = high * LOOSE
    starts = [0] * count
    """The earliest rank at which each column can begin so that the rest has room."""
    following = end
    for k in range(count - 1, 0, -1):
        following = starts[k] = min(bisect_left(above, above[following] - most), following)
    cuts = [0]
    for k in range(1, count):
        furthest = min(bisect_right(above, above[cuts[-1]] + most) - 1, end - 1)
        choices = range(max(starts[k], cuts[-1] + 1), furthest + 1)
        if not choices:
            break
        full = above[cuts[-1]] + high
        goal, column = (full, high) if is_filled else (total * k / count, total / count)
        costs = {at: parted[at] + 3.0 * abs(above[at] - goal) / column for at in choices}
        if is_filled:
            fewest = min((parted[at] for at in choices if above[at] <= full), default=math.inf)
            costs = {at: cost for at, cost in costs.items() if above[at] <= full or parted[at] < fewest}
        cuts.append(min(costs, key=costs.__getitem__))
    return cuts


def _columns_needed(above: list[float], most: float) -> int:
    """How many columns no higher than `most` it takes."""
    at, count = 0, 0
    while at < len(above) - 1:
        at = max(bisect_right(above, above[at] + most) - 1, at + 1)
        count += 1
    return count
