"""What is wrong with a drawing: boxes that overlap or stick out, lines through boxes, crossings, broken links."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Drawing, Item

SLACK = 0.01


def overlaps(drawing: Drawing) -> list[tuple[int, int]]:
    """Pairs of items with the same parent whose boxes overlap."""
    siblings: dict[int, list[int]] = {}
    for index, item in enumerate(drawing.items):
        siblings.setdefault(item.parent, []).append(index)
    found = []
    for family in siblings.values():
        family.sort(key=lambda index: float(drawing.rects[index, 0]))
        for place, a in enumerate(family):
            x, y, width, height = drawing.rects[a]
            for b in family[place + 1 :]:
                other_x, other_y, _, other_height = drawing.rects[b]
                if other_x >= x + width - SLACK:
                    break
                if other_y < y + height - SLACK and y < other_y + other_height - SLACK:
                    found.append((a, b))
    return found


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
    items = drawing.items
    closed = [k for k, item in enumerate(items) if item.kind != "group" or item.is_folded]
    groups = [k for k, item in enumerate(items) if item.kind == "group" and not item.is_folded]
    found = []
    for number, link in enumerate(drawing.links):
        around = _ancestors(items, link.source) | _ancestors(items, link.target)
        for index in _hit(drawing, link.points, np.array(closed + groups, dtype=np.int64)):
            if index in (link.source, link.target):
                if link.source != link.target and _runs_inside(drawing, link.points, index):
                    found.append((number, index))
            elif index not in around:
                found.append((number, index))
    return found


def _hit(drawing: Drawing, points: npt.NDArray[np.float64], boxes: npt.NDArray[np.int64]) -> list[int]:
    if len(points) < 2 or not len(boxes):
        return []
    low = np.minimum(points[:-1], points[1:])
    high = np.maximum(points[:-1], points[1:])
    inside_low = drawing.rects[boxes, :2] + SLACK
    inside_high = drawing.rects[boxes, :2] + drawing.rects[boxes, 2:] - SLACK
    near = np.all((low[:, None] < inside_high[None]) & (high[:, None] > inside_low[None]), axis=2)
    hits = []
    for k in np.flatnonzero(near.any(axis=0)):
        segments = np.flatnonzero(near[:, k])
        if any(_cuts(points[s], points[s + 1], inside_low[k], inside_high[k]) for s in segments):
            hits.append(int(boxes[k]))
    return hits


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


def _runs_inside(drawing: Drawing, points: npt.NDArray[np.float64], index: int) -> bool:
    return bool(_hit(drawing, points, np.array([index])))


def _ancestors(items: list[Item], index: int) -> set[int]:
    found = set()
    while (index := items[index].parent) >= 0:
        found.add(index)
    return found


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
    """How often a horizontal and a vertical piece of links with no end in common cross."""
    if not drawing.links:
        return 0
    starts = np.concatenate([link.points[:-1] for link in drawing.links])
    ends = np.concatenate([link.points[1:] for link in drawing.links])
    number = np.repeat(np.arange(len(drawing.links)), [len(link.points) - 1 for link in drawing.links])
    source = np.array([link.source for link in drawing.links])[number]
    target = np.array([link.target for link in drawing.links])[number]
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    is_down = high[:, 0] - low[:, 0] <= SLACK
    down = np.flatnonzero(is_down)
    found = 0
    for k in np.flatnonzero(~is_down & (high[:, 1] - low[:, 1] <= SLACK)):
        x, y = low[down, 0], low[k, 1]
        is_across = (low[k, 0] + SLACK < x) & (x < high[k, 0] - SLACK)
        is_across &= (low[down, 1] + SLACK < y) & (y < high[down, 1] - SLACK)
        found += int((is_across & (source[down] != source[k]) & (target[down] != target[k])).sum())
    return found


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
