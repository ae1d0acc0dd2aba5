"""Across: ports along the boxes' borders, and x coordinates that keep the main line and long wires straight."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from .importance import Importance
from .level import Level
from .order import Ordered
from .sorter import Segment

BOX_GAP = 24.0
BEND_GAP = 14.0
PORT_GAP = 18.0
BORDER, NEAR_BORDER = 12.0, 6.0
"""Least distances of a port from a box's corner: where the way back runs beside it, and on the other side."""
CROWDED = 14.0
"""Ports closer than that are spread over the whole border, even if what is straight then leaves the middle."""
SWEEPS = 10
ALIKE = 0.1
"""Open groups as high as each other whose widths differ by no more than this share look the same."""


class Placed(NamedTuple):
    """`centers` of all vertices; `upper` and `lower` are the x of every segment's two ends."""

    centers: list[float]
    widths: list[float]
    upper: dict[Segment, float]
    lower: dict[Segment, float]


def place_across(
    level: Level, ordered: Ordered, importance: dict[Segment, Importance], *, is_back_right: bool = False
) -> Placed:
    """Give every vertex and every end of a segment its x coordinate; the leftmost box border is at 0.

    Beside each line there is to be room for the way back, on its left or `is_back_right`.
    """
    return _Placer(level, ordered, importance, is_back_right=is_back_right).placed()


class _Placer:
    def __init__(
        self, level: Level, ordered: Ordered, importance: dict[Segment, Importance], *, is_back_right: bool
    ) -> None:
        self.level = level
        self.borders = (NEAR_BORDER, BORDER) if is_back_right else (BORDER, NEAR_BORDER)
        self.importance = importance
        self.ordered = ordered
        self.outside = level.entries + level.exits
        self.count = level.vertices
        bends = len(ordered.rank) - self.count
        self.widths = [0.0] * self.outside + [box.width for box in level.boxes] + [0.0] * bends
        self.aligned_below: dict[int, Segment] = {}
        self.aligned_above: dict[int, Segment] = {}
        self.upper_offset: dict[Segment, float] = {}
        self.lower_offset: dict[Segment, float] = {}
        self.crowns: dict[int, list[int]] = {}
        """Tensors that stand in a row, evenly, above the box that alone uses them, by that box."""

    def placed(self) -> Placed:
        for channel in self.ordered.channels:
            self._align(channel)
        self._spread_ports()
        centers = self._centers()
        left = min((x - w / 2 for x, w in zip(centers, self.widths, strict=True)), default=0.0)
        centers = [x - left for x in centers]
        upper = {s: centers[s.upper] + offset for s, offset in self.upper_offset.items()}
        lower = {s: centers[s.lower] + offset for s, offset in self.lower_offset.items()}
        return Placed(centers, self.widths, upper, lower)

    def _box(self, vertex: int) -> int:
        """Index of a vertex's box; -1 for entries, exits and bends."""
        return vertex - self.outside if self.outside <= vertex < self.count else -1

    # Alignment: which segments are to be straight

    def _align(self, channel: list[Segment]) -> None:
        """Choose segments of one channel that do not cross, the most important ones first, at most one per vertex."""
        position = self.ordered.position
        lefts: list[int] = []
        rights: list[int] = []
        for segment in sorted(channel, key=self.importance.__getitem__):
            if segment.upper in self.aligned_below or segment.lower in self.aligned_above:
                continue
            if not self._may_align(segment):
                continue
            high, low = position[segment.upper], position[segment.lower]
            at = bisect_left(lefts, high)
            if (at > 0 and rights[at - 1] >= low) or (at < len(rights) and rights[at] <= low):
                continue
            lefts.insert(at, high)
            rights.insert(at, low)
            self.aligned_below[segment.upper] = segment
            self.aligned_above[segment.lower] = segment
        for vertex in dict.fromkeys(segment.lower for segment in channel):
            self._crown(vertex, lefts, rights)

    def _may_align(self, segment: Segment) -> bool:
        """A tensor is put above its consumer only where it is the only input: two are spread evenly instead."""
        upper = self._box(segment.upper)
        if upper < 0 or not self.level.boxes[upper].is_tensor:
            return True
        return len(self.ordered.above[segment.lower]) == 1

    def _crown(self, vertex: int, lefts: list[int], rights: list[int]) -> None:
        """Keep the tensors above a box together with it, where it has no other input and nothing is between them."""
        above = [segment.upper for segment in self.ordered.above[vertex]]
        if vertex in self.aligned_above or len(set(above)) != len(above) or not all(map(self._is_private, above)):
            return
        places = sorted(self.ordered.position[upper] for upper in above)
        low = self.ordered.position[vertex]
        at = bisect_left(lefts, places[0])
        is_row = places[-1] - places[0] == len(places) - 1 and bisect_left(lefts, places[-1]) == at
        if is_row and (at == 0 or rights[at - 1] < low) and (at == len(rights) or rights[at] > low):
            layer = self.ordered.layers[self.ordered.rank[above[0]]]
            self.crowns[vertex] = [layer[place] for place in places]
            lefts[at:at] = places
            rights[at:at] = [low] * len(places)

    def _is_private(self, vertex: int) -> bool:
        """Whether a vertex is a tensor with a single use."""
        box = self._box(vertex)
        return box >= 0 and self.level.boxes[box].is_tensor and len(self.ordered.below[vertex]) == 1

    # Ports

    def _spread_ports(self) -> None:
        """Put the ends of segments along the borders in the order of their other ends, the straight one amid."""
        position = self.ordered.position
        outs, ins = self.ordered.below, self.ordered.above
        for vertex in range(len(self.ordered.rank)):
            box = self._box(vertex)
            fixed_out = self.level.boxes[box].out_ports if box >= 0 else None
            fixed_in = self.level.boxes[box].in_ports if box >= 0 else None
            half = self.widths[vertex] / 2
            downs = sorted(outs[vertex], key=lambda s: (position[s.lower], s.lower_port, s.lane))
            ups = sorted(ins[vertex], key=lambda s: (position[s.upper], s.upper_port, s.lane))
            if fixed_out is not None:
                self.upper_offset.update({s: fixed_out[s.upper_port] - half for s in downs})
            else:
                self.upper_offset.update(self._spread(downs, self.aligned_below.get(vertex), half, merged=box < 0))
            if fixed_in is not None:
                self.lower_offset.update({s: fixed_in[s.lower_port] - half for s in ups})
            else:
                self.lower_offset.update(self._spread(ups, self.aligned_above.get(vertex), half, merged=box < 0))

    def _spread(
        self, segments: list[Segment], straight: Segment | None, half: float, *, merged: bool
    ) -> dict[Segment, float]:
        """Offsets of ports from the middle of a border; the straight one is there, unless that makes a crowd."""
        if merged or len(segments) == 1:
            return dict.fromkeys(segments, 0.0)
        last = len(segments) - 1
        middle = segments.index(straight) if straight is not None else last / 2
        low, high = (max(half - border, 0.0) for border in self.borders)
        gap = min(PORT_GAP, low / max(middle, 1e-9), high / max(last - middle, 1e-9))
        shift = 0.0
        if gap < CROWDED:
            gap = min(PORT_GAP, (low + high) / last)
            shift = min(max(0.0, middle * gap - low), high - (last - middle) * gap)
        return {segment: shift + (k - middle) * gap for k, segment in enumerate(segments)}

    # Blocks: vertices joined by straight segments move together

    def _centers(self) -> list[float]:
        count = len(self.ordered.rank)
        block = [-1] * count
        shift = [0.0] * count
        blocks = 0
        crowned = {upper for row in self.crowns.values() for upper in row}
        for layer in self.ordered.layers:
            for vertex in layer:
                segment = self.aligned_above.get(vertex)
                if segment is not None:
                    block[vertex] = block[segment.upper]
                    lean = self.upper_offset[segment] - self.lower_offset[segment]
                    shift[vertex] = shift[segment.upper] + (0.0 if self._is_repeat(segment) else lean)
                elif vertex not in crowned:
                    block[vertex] = blocks
                    blocks += 1
                    self._join_crown(vertex, block, shift)
        return _Relaxation(self, block, shift, blocks).centers()

    def _is_repeat(self, segment: Segment) -> bool:
        """Whether two open groups alike follow each other that several lines join, such as the cells of an LSTM.

        They stand right below each other: only one of the lines could be straight, and the column would drift.
        """
        upper, lower = self._box(segment.upper), self._box(segment.lower)
        if upper < 0 or lower < 0:
            return False
        one, other = self.level.boxes[upper], self.level.boxes[lower]
        if one.out_ports is None or other.in_ports is None:
            return False
        is_alike = one.height == other.height and abs(one.width - other.width) <= ALIKE * one.width
        return is_alike and sum(line.lower == segment.lower for line in self.ordered.below[segment.upper]) > 1

    def _join_crown(self, vertex: int, block: list[int], shift: list[float]) -> None:
        row = self.crowns.get(vertex, [])
        widths = [self.widths[upper] for upper in row]
        ports = [self.lower_offset[self.ordered.below[upper][0]] for upper in row]
        # Right above their ports if there is room; the ports that the layout chooses itself are close together.
        offsets = spaced(ports, widths, BOX_GAP)
        for upper, offset in zip(row, offsets, strict=True):
            block[upper] = block[vertex]
            shift[upper] = offset


def spaced(wishes: list[float], widths: list[float], gap: float) -> list[float]:
    """Centers as close to `wishes` (ascending) as boxes of these widths allow, `gap` apart: least squares, in order."""
    before = 0.0
    groups: list[tuple[float, int]] = []  # sum and number of the wishes of boxes that touch, less the room before them
    rooms = []
    for k, (wish, width) in enumerate(zip(wishes, widths, strict=True)):
        before += (widths[k - 1] + width) / 2 + gap if k else 0.0
        rooms.append(before)
        groups.append((wish - before, 1))
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] >= groups[-1][0] / groups[-1][1]:
            (total, count), (other, number) = groups.pop(), groups.pop()
            groups.append((total + other, count + number))
    starts = [total / count for total, count in groups for _ in range(count)]
    return [start + room for start, room in zip(starts, rooms, strict=True)]


class _Relaxation:
    """Blocks slide between their neighbours towards the median of what they are connected to."""

    def __init__(self, placer: _Placer, block: list[int], shift: list[float], count: int) -> None:
        self.block = block
        self.shift = shift
        self.count = count
        self.rights: list[dict[int, float]] = [{} for _ in range(count)]
        self.lefts: list[dict[int, float]] = [{} for _ in range(count)]
        widths = placer.widths
        for layer in placer.ordered.layers:
            for a, b in pairwise(layer):
                is_box = (widths[a] > 0) + (widths[b] > 0)
                gap = BOX_GAP if is_box == 2 else BEND_GAP + 2.0 * is_box
                apart = (widths[a] + widths[b]) / 2 + gap + shift[a] - shift[b]
                if block[a] != block[b]:
                    known = self.rights[block[a]].get(block[b], -1e18)
                    self.rights[block[a]][block[b]] = max(known, apart)
        for a, row in enumerate(self.rights):
            for b, apart in row.items():
                self.lefts[b][a] = apart
        self.pulls: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        for channel in placer.ordered.channels:
            for segment in channel:
                a, b = block[segment.upper], block[segment.lower]
                if a == b:
                    continue
                lean = shift[segment.upper] + placer.upper_offset[segment]
                lean -= shift[segment.lower] + placer.lower_offset[segment]
                self.pulls[b].append((a, lean))
                self.pulls[a].append((b, -lean))

    def centers(self) -> list[float]:
        order = self._order()
        low = [0.0] * self.count
        for b in order:
            low[b] = max((low[a] + apart for a, apart in self.lefts[b].items()), default=0.0)
        width = max(low, default=0.0)
        high = [width] * self.count
        for a in reversed(order):
            high[a] = min((high[b] - apart for b, apart in self.rights[a].items()), default=width)
        x = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        for sweep in range(SWEEPS):
            moved = 0.0
            for b in order if sweep % 2 else reversed(order):
                if not self.pulls[b]:
                    continue
                wish = _median([x[a] + lean for a, lean in self.pulls[b]], x[b])
                wish = max(wish, max((x[a] + apart for a, apart in self.lefts[b].items()), default=wish))
                wish = min(wish, min((x[c] - apart for c, apart in self.rights[b].items()), default=wish))
                moved = max(moved, abs(wish - x[b]))
                x[b] = wish
            if moved < 0.5:
                break
        return [x[block] + shift for block, shift in zip(self.block, self.shift, strict=True)]

    def _order(self) -> list[int]:
        """Blocks from left to right, such that every one comes after those left of it."""
        missing = [len(row) for row in self.lefts]
        order = [b for b in range(self.count) if missing[b] == 0]
        for b in order:
            for c in self.rights[b]:
                missing[c] -= 1
                if missing[c] == 0:
                    order.append(c)
        return order


def _median(values: list[float], now: float) -> float:
    """The median; of an even number, the point between the two middle ones that is nearest to where things are."""
    values.sort()
    half = len(values) // 2
    if len(values) % 2:
        return values[half]
    if len(values) == 2:
        return (values[0] + values[1]) / 2
    return min(max(now, values[half - 1]), values[half])
