"""Down: tracks for the horizontal parts between ranks, y coordinates, and the wires' polylines."""

from __future__ import annotations

from typing import NamedTuple

from .level import Arranged, Level, Point, Route, Wire, simplified
from .order import Ordered, segments_of
from .place import Placed
from .ranks import Chain, Ranked
from .sorter import Segment

STRAIGHT_GAP = 34.0
BENT_GAP = 44.0
EDGE_GAP = 6.0
"""Room between a level's own border and its first or last boxes where wires cross that border."""
TRACK_GAP = 14.0
"""Beside each line there is room for the way back, and between that and the next line."""
HEAD_GAP = 20.0
"""From a box to the first track: an arrow head and a rounded corner, of the way back too."""
MARGIN = 7.0
SIFTINGS = 4
"""How often all lines of one channel are given the chance to move to a better track."""
MANY = 80
"""Beyond so many bent lines in one channel their order is guessed instead of compared pair by pair."""


class Net:
    """Lines in one channel that share a horizontal part: ends at the rank above, and at the one below."""

    __slots__ = ("high", "low", "lowers", "track", "uppers")

    def __init__(self, uppers: list[float], lowers: list[float]) -> None:
        self.uppers = uppers
        self.lowers = lowers
        self.low = min(uppers + lowers)
        self.high = max(uppers + lowers)
        self.track = 0


class _Turns(NamedTuple):
    """U-turns of wires that run against the flow: pairs of x per channel, at its upper and at its lower side."""

    at_top: dict[int, dict[int, tuple[float, float]]]
    at_bottom: dict[int, dict[int, tuple[float, float]]]


def route_down(level: Level, ranked: Ranked, ordered: Ordered, placed: Placed) -> Arranged:
    """Give every rank its y coordinate and every wire its route."""
    layers = ordered.layers
    turns = _turns(level, ranked, placed)
    first, last = (min(turns.at_bottom, default=0), max(turns.at_top, default=-1))
    nets: dict[Segment, Net] = {}
    back: dict[tuple[int, int], Net] = {}
    y = 0.0
    if first < 0:
        y += _tracks([], turns, -1, back) * TRACK_GAP + BENT_GAP / 2
    tops: list[float] = []
    bottoms: list[float] = []
    spans: list[tuple[float, float]] = []
    heights = [max((_height(level, v) for v in layer), default=0.0) for layer in layers]
    for r in range(len(layers)):
        tops.append(y)
        y += heights[r]
        bottoms.append(y)
        channel = ordered.channels[r] if r < len(ordered.channels) else []
        bent = [s for s in channel if abs(placed.upper[s] - placed.lower[s]) >= 0.5]
        groups = _merged(bent, placed)
        for net, segments in groups:
            nets.update(dict.fromkeys(segments, net))
        tracks = _tracks([net for net, _ in groups], turns, r, back)
        if r + 1 < len(layers):
            is_edge = (r == 0 and level.entries > 0) or (r + 2 == len(layers) and level.exits > 0)
            gap = _gap(tracks, is_edge=is_edge)
        else:
            gap = tracks * TRACK_GAP + BENT_GAP / 2 if last >= r else 0.0
        spans.append(_span(y, gap, tracks))
        y += gap
    frame = _Frame(level, ordered, tops, bottoms, heights)
    lines = _Lines(frame, placed, nets, back, spans)
    routes = [
        lines.route(index, wire, chain, pieces)
        for index, (wire, chain, pieces) in enumerate(
            zip(level.wires, ranked.chains, segments_of(level, ranked), strict=True)
        )
    ]
    return _arranged(level, placed, frame, routes, y)


def _gap(tracks: int, *, is_edge: bool) -> float:
    if is_edge:
        return EDGE_GAP + (TRACK_GAP * (tracks + 1) if tracks else 0.0)
    return BENT_GAP + TRACK_GAP * (tracks - 1) if tracks else STRAIGHT_GAP


def _span(y: float, gap: float, tracks: int) -> tuple[float, float]:
    """y of the first track in a channel, and how far apart its tracks are."""
    if tracks < 2 or gap < 2 * HEAD_GAP + TRACK_GAP * (tracks - 1):
        return y + gap / (tracks + 1), gap / (tracks + 1)
    return y + HEAD_GAP, (gap - 2 * HEAD_GAP) / (tracks - 1)


def _height(level: Level, vertex: int) -> float:
    box = vertex - level.entries - level.exits
    return level.boxes[box].height if 0 <= box < len(level.boxes) else 0.0


def _merged(bent: list[Segment], placed: Placed) -> list[tuple[Net, list[Segment]]]:
    """Bent segments by the horizontal part that they share: from one port, or else to one port."""
    by_upper: dict[tuple[int, float], list[Segment]] = {}
    for segment in bent:
        by_upper.setdefault((segment.upper, placed.upper[segment]), []).append(segment)
    by_lower: dict[tuple[int, float], list[Segment]] = {}
    groups: list[list[Segment]] = []
    for segments in by_upper.values():
        if len(segments) > 1:
            groups.append(segments)
        else:
            by_lower.setdefault((segments[0].lower, placed.lower[segments[0]]), []).append(segments[0])
    groups += by_lower.values()
    return [
        (Net(sorted({placed.upper[s] for s in group}), sorted({placed.lower[s] for s in group})), group)
        for group in groups
    ]


def _turns(level: Level, ranked: Ranked, placed: Placed) -> _Turns:
    turns = _Turns({}, {})
    for index, (wire, chain) in enumerate(zip(level.wires, ranked.chains, strict=True)):
        if chain.is_backward:
            start = _port(level, placed, wire.source, wire.source_port, is_out=True)
            end = _port(level, placed, wire.target, wire.target_port, is_out=False)
            low, high = chain.vertices[-1], chain.vertices[0]
            turns.at_top.setdefault(ranked.rank[low], {})[index] = (start, placed.centers[low])
            turns.at_bottom.setdefault(ranked.rank[high] - 1, {})[index] = (placed.centers[high], end)
    return turns


def _port(level: Level, placed: Placed, vertex: int, port: int, *, is_out: bool) -> float:
    """Where a wire against the flow meets its box: at its fixed port, else off the middle, where no other wire is."""
    box = vertex - level.entries - level.exits
    ports = level.boxes[box].out_ports if is_out else level.boxes[box].in_ports
    if ports is not None and port >= 0:
        return placed.centers[vertex] - placed.widths[vertex] / 2 + ports[port]
    return placed.centers[vertex] + placed.widths[vertex] * 0.4


def _tracks(nets: list[Net], turns: _Turns, r: int, back: dict[tuple[int, int], Net]) -> int:
    """Put nets that overlap on different tracks, in an order that crosses little. Returns the number of tracks."""
    nets = list(nets)
    for index, ends in turns.at_top.get(r, {}).items():
        back[index, 0] = Net(list(ends), [])
        nets.append(back[index, 0])
    for index, ends in turns.at_bottom.get(r, {}).items():
        back[index, 1] = Net([], list(ends))
        nets.append(back[index, 1])
    used = 0
    done: list[Net] = []
    for net in _sorted_nets(nets):
        over = [other.track for other in done if other.low - MARGIN < net.high and net.low < other.high + MARGIN]
        net.track = max(over, default=0) + 1
        used = max(used, net.track)
        done.append(net)
    return used


def _sorted_nets(nets: list[Net]) -> list[Net]:
    """Nets from the top track to the bottom one."""
    if len(nets) > MANY:
        return sorted(nets, key=_slant)
    score = [0.0] * len(nets)
    worse: dict[tuple[int, int], float] = {}
    """How much worse it is when the first of two nets runs above the second than the other way round."""
    for i, a in enumerate(nets):
        for j in range(i):
            b = nets[j]
            if a.low - MARGIN < b.high and b.low < a.high + MARGIN:
                difference = _cost(a, b) - _cost(b, a)
                if difference:
                    worse[i, j], worse[j, i] = difference, -difference
                score[i] += difference
                score[j] -= difference
    order = sorted(range(len(nets)), key=lambda k: (score[k], _slant(nets[k])))
    return [nets[k] for k in (_sifted(order, worse) if worse else order)]


def _sifted(order: list[int], worse: dict[tuple[int, int], float]) -> list[int]:
    """The order after moving one after the other to where it gets on best with the rest, until none moves."""
    for _ in range(SIFTINGS):
        has_moved = False
        for net in list(order):
            here = order.index(net)
            best, best_change = here, 0.0
            for step in (-1, 1):
                change, at = 0.0, here + step
                while 0 <= at < len(order):
                    change += step * worse.get((order[at], net), 0.0)
                    if change < best_change:
                        best, best_change = at, change
                    at += step
            if best != here:
                order.insert(best, order.pop(here))
                has_moved = True
        if not has_moved:
            break
    return order


def _cost(above: Net, below: Net) -> float:
    """How badly two nets get on when the first runs above the second: crossings, and lines on top of each other."""
    cost = float(sum(above.low < x < above.high for x in below.uppers))
    cost += sum(below.low < x < below.high for x in above.lowers)
    return cost + 10.0 * sum(abs(x - other) < 2.0 for x in below.uppers for other in above.lowers)


def _slant(net: Net) -> tuple[int, float]:
    """Lines to the right: the rightmost on top; to the left: the leftmost on top."""
    start = net.uppers[0] if net.uppers else net.low
    end = net.lowers[0] if net.lowers else net.high
    return (0, -start) if end > start else (1, start)


class _Frame(NamedTuple):
    level: Level
    ordered: Ordered
    tops: list[float]
    bottoms: list[float]
    heights: list[float]

    def has_port(self, vertex: int) -> bool:
        """Whether lines to a vertex lead on from there, or end at places that are given."""
        box = vertex - self.level.entries - self.level.exits
        return box < 0 or (box < len(self.level.boxes) and self.level.boxes[box].in_ports is not None)

    def top(self, vertex: int) -> float:
        """Upper border of a box: low boxes are centred in their rank, or keep close to what they are connected to."""
        r = self.ordered.rank[vertex]
        height = _height(self.level, vertex)
        spare = self.heights[r] - height
        if spare <= 40.0:
            return self.tops[r] + spare / 2
        if not self.ordered.above[vertex] and self.ordered.below[vertex]:
            return self.tops[r] + spare
        return self.tops[r]


class _Lines:
    def __init__(
        self,
        frame: _Frame,
        placed: Placed,
        nets: dict[Segment, Net],
        back: dict[tuple[int, int], Net],
        spans: list[tuple[float, float]],
    ) -> None:
        self.frame = frame
        self.placed = placed
        self.nets = nets
        self.back = back
        self.spans = spans

    def _track(self, r: int, net: Net) -> float:
        if r < 0:
            return self.frame.tops[0] - BENT_GAP / 2 - (net.track - 1) * TRACK_GAP
        start, gap = self.spans[r]
        return start + gap * (net.track - 1)

    def _pieces(self, pieces: list[Segment]) -> Route:
        points: Route = []
        x = self.placed.upper[pieces[0]] if pieces else 0.0  # a loop passes no rank
        for segment in pieces:
            r = self.frame.ordered.rank[segment.upper]
            net = self.nets.get(segment)
            if net is not None:
                y = self._track(r, net)
                points += [(x, y), (self.placed.lower[segment], y)]
                x = self.placed.lower[segment]
            else:  # as good as straight: what follows begins where this ends
                points += [(x, self.frame.bottoms[r]), (x, self.frame.tops[r + 1])]
        if pieces and self.placed.lower[pieces[-1]] != x and self.frame.has_port(pieces[-1].lower):
            # What goes on from a port begins exactly there.
            (_, high), (_, low) = points[-2:]
            end = self.placed.lower[pieces[-1]]
            points[-1:] = [(x, (high + low) / 2), (end, (high + low) / 2), (end, low)]
        return points

    def route(self, index: int, wire: Wire, chain: Chain, pieces: list[Segment]) -> Route:
        frame = self.frame
        start_y = frame.top(wire.source) + _height(frame.level, wire.source)
        end_y = frame.top(wire.target)
        if not chain.is_backward:
            middle = self._pieces(pieces)
            start: Point = (middle[0][0], start_y)
            return simplified([start, *middle, (middle[-1][0], end_y)])
        rank = frame.ordered.rank
        low_net, high_net = self.back[index, 0], self.back[index, 1]
        low_y = self._track(rank[chain.vertices[-1]], low_net)
        high_y = self._track(rank[chain.vertices[0]] - 1, high_net)
        points: Route = [(low_net.uppers[0], start_y), (low_net.uppers[0], low_y), (low_net.uppers[1], low_y)]
        points += self._pieces(pieces)[::-1]
        points += [(high_net.lowers[0], high_y), (high_net.lowers[1], high_y), (high_net.lowers[1], end_y)]
        return simplified(points)


def _arranged(level: Level, placed: Placed, frame: _Frame, routes: list[Route], height: float) -> Arranged:
    outside = level.entries + level.exits
    right = max((x + w / 2 for x, w in zip(placed.centers, placed.widths, strict=True)), default=0.0)
    boxes = range(outside, level.vertices)
    return Arranged(
        width=right,
        height=height,
        lefts=[placed.centers[v] - placed.widths[v] / 2 for v in boxes],
        tops=[frame.top(v) for v in boxes],
        entry_xs=placed.centers[: level.entries],
        exit_xs=placed.centers[level.entries : outside],
        routes=routes,
    )
