"""What is wrong with a drawing: boxes that overlap or stick out, lines through boxes, crossings, broken links."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Drawing, Item

SLACK = 0.01
CELL = 256.0
"""Size of the cells that near things are looked for in."""


def _near(
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    other_low: npt.NDArray[np.float64],
    other_high: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of rectangles of two kinds that overlap, found by the cells of a grid that both touch."""
    cells, owner = _cells(low, high)
    other_cells, other_owner = _cells(other_low, other_high)
    order = np.argsort(other_cells, kind="stable")
    other_cells, other_owner = other_cells[order], other_owner[order]
    first, last = np.searchsorted(other_cells, cells, "left"), np.searchsorted(other_cells, cells, "right")
    counts = last - first
    one = np.repeat(owner, counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    other = other_owner[np.repeat(first, counts) + within]
    is_over = ((low[one] < other_high[other]) & (high[one] > other_low[other])).all(axis=1)
    pairs = np.unique(np.stack([one[is_over], other[is_over]], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _cells(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the grid's cells that each rectangle touches, and which rectangle it is."""
    first, last = np.floor(low / CELL).astype(np.int64), np.floor(high / CELL).astype(np.int64)
    wide, high_ = (last - first + 1).T
    counts = wide * high_
    owner = np.repeat(np.arange(len(low)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (first[owner, 0] + within % wide[owner]) * 10_000_000 + first[owner, 1] + within // wide[owner], owner


def overlaps(drawing: Drawing) -> list[tuple[int, int]]:
    """Pairs of items with the same parent whose boxes overlap."""
    if not drawing.items:
        return []
    low, high = drawing.rects[:, :2] + SLACK, drawing.rects[:, :2] + drawing.rects[:, 2:] - SLACK
    one, other = _near(low, high, low, high)
    parent = np.array([item.parent for item in drawing.items])
    is_found = (one < other) & (parent[one] == parent[other])
    return list(zip(one[is_found].tolist(), other[is_found].tolist(), strict=True))


def sticking_out(drawing: Drawing) -> list[int]:
    """Items that are not wholly inside their parent's box."""
    found = []
    for index, item in enumerate(drawing.items):
        if item.parent < 0:
            continue
        x, y, width, height = drawing.rects[index]
        left, top, outer_width, outer_height = drawing.rects[item.parent]
        is_inside = x > left - SLACK and y > top - SLACK
        if not (is_inside and x + width < left + outer_width + SLACK and y + height < top + outer_height + SLACK):
            found.append(index)
    return found


def routes_through_boxes(drawing: Drawing) -> list[tuple[int, int]]:
    """(link, item) where a link runs through the inside of a box that neither is nor holds one of its ends."""
    if not drawing.links:
        return []
    starts, ends, number = _segments(drawing)
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    box_low, box_high = drawing.rects[:, :2] + SLACK, drawing.rects[:, :2] + drawing.rects[:, 2:] - SLACK
    segment, item = _near(low, high, box_low, box_high)
    source = np.array([link.source for link in drawing.links])[number[segment]]
    target = np.array([link.target for link in drawing.links])[number[segment]]
    around = _around(drawing.items)
    depth = (around >= 0).sum(axis=1) - 1
    is_end = (item == source) | (item == target)
    holds_end = (around[source, depth[item]] == item) | (around[target, depth[item]] == item)
    is_wrong = np.where(is_end, source != target, ~holds_end)
    found = {
        (int(number[s]), int(k))
        for s, k in zip(segment[is_wrong], item[is_wrong], strict=True)
        if _cuts(starts[s], ends[s], box_low[k], box_high[k])
    }
    return sorted(found)


def _segments(
    drawing: Drawing,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Both ends of every piece of every link, and the link's number."""
    starts = np.concatenate([link.points[:-1] for link in drawing.links])
    ends = np.concatenate([link.points[1:] for link in drawing.links])
    return starts, ends, np.repeat(np.arange(len(drawing.links)), [len(link.points) - 1 for link in drawing.links])


def _around(items: list[Item]) -> npt.NDArray[np.int64]:
    """By item and depth: the open group around it, at its own depth itself, deeper -1."""
    paths: list[list[int]] = []
    for index, item in enumerate(items):
        paths.append([*(paths[item.parent] if item.parent >= 0 else []), index])
    deepest = max(map(len, paths))
    return np.array([path + [-1] * (deepest - len(path)) for path in paths])


def _cuts(
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
) -> bool:
    """Whether a piece of line meets the inside of a box (Liang and Barsky's clipping)."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] - start[axis]
        if step == 0:
            if not low[axis] < start[axis] < high[axis]:
                return False
            continue
        near, far = sorted(((low[axis] - start[axis]) / step, (high[axis] - start[axis]) / step))
        first, last = max(first, near), min(last, far)
    return first < last


def loose_ends(drawing: Drawing) -> list[int]:
    """Links that do not run from the border of their source to the border of their target."""
    found = []
    for number, link in enumerate(drawing.links):
        ends = ((link.source, link.points[0]), (link.target, link.points[-1])) if len(link.points) > 1 else ()
        if not ends or not all(_is_on_border(drawing.rects[index], point) for index, point in ends):
            found.append(number)
    return found


def _is_on_border(rect: npt.NDArray[np.float64], point: npt.NDArray[np.float64]) -> bool:
    x, y, width, height = rect
    across = x - SLACK <= point[0] <= x + width + SLACK
    down = y - SLACK <= point[1] <= y + height + SLACK
    on_side = min(abs(point[0] - x), abs(point[0] - x - width)) <= SLACK
    on_end = min(abs(point[1] - y), abs(point[1] - y - height)) <= SLACK
    return bool((across and on_end) or (down and on_side))


def slanted(drawing: Drawing) -> list[int]:
    """Links with a piece that is neither horizontal nor vertical."""
    found = []
    for number, link in enumerate(drawing.links):
        steps = np.abs(np.diff(link.points, axis=0))
        if (steps.min(axis=1, initial=np.inf) > SLACK).any():
            found.append(number)
    return found


def crossings(drawing: Drawing) -> int:
    """At how many places lines cross that belong to links with no end in common.

    Where several links share one line, as the many uses of one value do, they cross another line at one place.
    """
    if not drawing.links:
        return 0
    starts, ends, number = _segments(drawing)
    source = np.array([link.source for link in drawing.links])[number]
    target = np.array([link.target for link in drawing.links])[number]
    low, high = np.minimum(starts, ends) + SLACK, np.maximum(starts, ends) - SLACK
    down = np.flatnonzero(high[:, 0] < low[:, 0])
    across = np.flatnonzero((high[:, 1] < low[:, 1]) & (high[:, 0] > low[:, 0]))
    x, y = starts[down, 0], starts[across, 1]
    points_low, points_high = low[down].copy(), high[down].copy()
    points_low[:, 0] = points_high[:, 0] = x
    lines_low, lines_high = low[across].copy(), high[across].copy()
    lines_low[:, 1] = lines_high[:, 1] = y
    one, other = _near(points_low, points_high, lines_low, lines_high)
    a, b = down[one], across[other]
    is_apart = (source[a] != source[b]) & (target[a] != target[b])
    places = np.stack([x[one[is_apart]], y[other[is_apart]]], axis=1)
    return len(np.unique(places.round(2), axis=0))


def shared_lines(drawing: Drawing) -> list[tuple[int, int]]:
    """Pairs of links with no end in common that run along one line for a while."""
    if not drawing.links:
        return []
    starts, ends, number = _segments(drawing)
    source = np.array([link.source for link in drawing.links])[number]
    target = np.array([link.target for link in drawing.links])[number]
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    found = set()
    for along in (0, 1):
        pieces = np.flatnonzero(high[:, along] - low[:, along] > 4 * SLACK)
        pieces = pieces[(high - low)[pieces, 1 - along] < SLACK]
        first, last = low[pieces].copy(), high[pieces].copy()
        first[:, along] += SLACK
        last[:, along] -= SLACK
        first[:, 1 - along] -= SLACK
        last[:, 1 - along] += SLACK
        a, b = (pieces[k] for k in _near(first, last, first, last))
        is_apart = (source[a] != source[b]) & (target[a] != target[b]) & (a < b)
        found |= {(int(number[one]), int(number[other])) for one, other in zip(a[is_apart], b[is_apart], strict=True)}
    return sorted(found)


def title_hits(drawing: Drawing, title: float) -> list[int]:
    """Links that run through the first `title` units of an open group's upper border."""
    frames = [k for k, item in enumerate(drawing.items) if item.kind == "group" and not item.is_folded]
    found = []
    for number, link in enumerate(drawing.links):
        low, high = np.minimum(link.points[:-1], link.points[1:]), np.maximum(link.points[:-1], link.points[1:])
        for x, y, _, _ in drawing.rects[frames]:
            over = (low[:, 0] < x + title - SLACK) & (high[:, 0] > x + SLACK)
            if (over & (low[:, 1] < y + 1) & (high[:, 1] > y - SLACK) & (high[:, 1] - low[:, 1] > SLACK)).any():
                found.append(number)
                break
    return found


def problems(drawing: Drawing) -> dict[str, int]:
    """How many of each of the faults that no drawing may have; empty when it has none."""
    counts = {
        "overlaps": len(overlaps(drawing)),
        "sticking out": len(sticking_out(drawing)),
        "through boxes": len(routes_through_boxes(drawing)),
        "loose ends": len(loose_ends(drawing)),
        "not finite": int((~np.isfinite(drawing.rects)).sum()),
    }
    return {name: count for name, count in counts.items() if count}
