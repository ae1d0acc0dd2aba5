"""Which node of one trace is which of another: by structure, and robust to operations put in, left out or replaced."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence

from .model import Node
from .trace import Trace

_MOST_DIFFERENCES = 48
"""Beyond this many differences in one stretch, tokens that occur once on both sides split it first."""
_Pair = tuple[int, int]


def align(before: Trace, after: Trace) -> list[int]:
    """For each node of `before` the id of its counterpart in `after`, -1 where it has none.

    Traces of the same structure are aligned by index. Otherwise the operations are matched in their order by kind,
    module call and name; what is left between two matches by kind alone; and a single operation left on both sides of
    one gap is taken for the same place with another operation in it. Leaves and inputs are matched by their names,
    wherever they stand, and those without one by the operations that read them.
    """
    ours, theirs = before.graph.nodes, after.graph.nodes
    if len(ours) == len(theirs) and all(_is_same(a, b) for a, b in zip(ours, theirs, strict=True)):
        return list(range(len(ours)))
    found = [-1] * len(ours)
    mine = [node for node in ours if node.kind == "op"]
    other = [node for node in theirs if node.kind == "op"]
    for first, second in _match_operations(mine, other):
        found[mine[first].id] = other[second].id
    _match_named(ours, theirs, found)
    _match_read(before, after, found)
    return found


def _match_operations(ours: Sequence[Node], theirs: Sequence[Node]) -> list[_Pair]:
    found = [-1] * len(ours)
    for first, second in match_sequences([_full(node) for node in ours], [_full(node) for node in theirs]):
        found[first] = second
    _match_gaps(ours, theirs, found)
    return [(index, place) for index, place in enumerate(found) if place >= 0]


def _is_same(a: Node, b: Node) -> bool:
    """Whether nothing speaks against two nodes in the same place being the same."""
    if (a.kind, a.op, a.grad_fn) != (b.kind, b.op, b.grad_fn) or len(a.outputs) != len(b.outputs):
        return False
    if a.kind != "op" and a.name != b.name:
        return False
    return all(tuple(one.shape) == tuple(two.shape) for one, two in zip(a.outputs, b.outputs, strict=True))


def _form(node: Node) -> tuple[Hashable, ...]:
    return node.kind, node.op, node.grad_fn


def _full(node: Node) -> tuple[Hashable, ...]:
    # An operation's variable may be renamed at any time, but a leaf without its name is any leaf.
    return node.kind, node.op, node.scope, node.name


def _match_named(ours: Sequence[Node], theirs: Sequence[Node], found: list[int]) -> None:
    """Tensors from outside whose name, kind and module are unique among those left, in whatever order they are used."""
    taken = set(found)
    left = {_full(node): node.id for node in ours if node.kind != "op" and node.name and found[node.id] < 0}
    counts = Counter(_full(node) for node in ours if node.kind != "op" and node.name and found[node.id] < 0)
    others = Counter(_full(node) for node in theirs if node.kind != "op" and node.name and node.id not in taken)
    for node in theirs:
        key = _full(node)
        if node.id not in taken and counts.get(key) == 1 and others.get(key) == 1:
            found[left[key]] = node.id


def _match_read(before: Trace, after: Trace, found: list[int]) -> None:
    """Tensors from outside that are read as the same input of the same operation."""
    ours, theirs = before.graph, after.graph
    taken = set(found)
    for node in ours.nodes:
        if node.kind != "op" or found[node.id] < 0:
            continue
        inputs = {edge.input_nr: edge.source for edge in theirs.incoming(found[node.id])}
        for edge in ours.incoming(node):
            place = inputs.get(edge.input_nr, -1)
            one = ours.nodes[edge.source]
            if (
                place < 0
                or found[one.id] >= 0
                or place in taken
                or one.kind == "op"
                or theirs.nodes[place].kind == "op"
            ):
                continue
            found[one.id] = place
            taken.add(place)


def _match_gaps(ours: Sequence[Node], theirs: Sequence[Node], found: list[int]) -> None:
    taken = set(found)
    for first, second in _gaps(found, len(theirs)):
        mine = [index for index in first if found[index] < 0]
        other = [index for index in second if index not in taken]
        if not mine or not other:
            continue
        pairs = match_sequences([_form(ours[index]) for index in mine], [_form(theirs[index]) for index in other])
        for a, b in pairs:
            found[mine[a]] = other[b]
        lone = [index for index in mine if found[index] < 0]
        matched = {other[b] for _, b in pairs}
        alone = [index for index in other if index not in matched]
        if len(lone) == len(alone) == 1:
            found[lone[0]] = alone[0]


def _gaps(found: Sequence[int], count: int) -> list[tuple[range, range]]:
    """The stretches between two neighbours in an increasing chain of matches; pairs out of order do not part them."""
    chain = _increasing([(index, place) for index, place in enumerate(found) if place >= 0])
    gaps = []
    last, end = -1, -1
    for index, place in [*chain, (len(found), count)]:
        if index - last > 1 and place - end > 1:
            gaps.append((range(last + 1, index), range(end + 1, place)))
        last, end = index, place
    return gaps


def match_sequences(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[_Pair]:
    """Pairs of positions with equal tokens, increasing on both sides: a long common subsequence.

    Exactly the longest where the two differ little. In about linear time: stretches that differ much are split at the
    tokens that occur once on both sides, and where there are none they are matched piece by piece.
    """
    numbers: dict[Hashable, int] = {}
    a = [numbers.setdefault(token, len(numbers)) for token in first]
    b = [numbers.setdefault(token, len(numbers)) for token in second]
    pairs: list[_Pair] = []
    pending = [(0, len(a), 0, len(b))]
    while pending:
        low, high, left, right = pending.pop()
        while low < high and left < right and a[low] == b[left]:
            pairs.append((low, left))
            low, left = low + 1, left + 1
        while low < high and left < right and a[high - 1] == b[right - 1]:
            high, right = high - 1, right - 1
            pairs.append((high, right))
        if low == high or left == right:
            continue
        edited, x, y = _edit(a[low:high], b[left:right])
        if low + x == high and left + y == right:
            pairs.extend((low + k, left + m) for k, m in edited)
            continue
        anchors = [(low + k, left + m) for k, m in _unique_anchors(a[low:high], b[left:right])]
        if anchors:
            pairs.extend(anchors)
            starts = [(low, left), *((k + 1, m + 1) for k, m in anchors)]
            ends = [*anchors, (high, right)]
            pending.extend((k0, k1, m0, m1) for (k0, m0), (k1, m1) in zip(starts, ends, strict=True))
        else:
            pairs.extend((low + k, left + m) for k, m in edited)
            pending.append((low + x, high, left + y, right))
    return sorted(pairs)


def _edit(a: Sequence[int], b: Sequence[int]) -> tuple[list[_Pair], int, int]:
    """Myers' greedy search, as far as it gets within a number of differences: the pairs, and the ends on both sides."""
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(min(len(a) + len(b), _MOST_DIFFERENCES) + 1):
        history.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            is_down = _is_down(furthest, diagonal, edits)
            x = furthest.get(diagonal + 1, 0) if is_down else furthest.get(diagonal - 1, 0) + 1
            y = x - diagonal
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x >= len(a) and y >= len(b):
                return _trace_back(history, x, y), x, y
    reached = [
        (x + x - diagonal, x, x - diagonal)
        for diagonal, x in furthest.items()
        if x <= len(a) and 0 <= x - diagonal <= len(b) and (diagonal + len(history)) % 2
    ]
    _, x, y = max(reached)
    return _trace_back(history, x, y), x, y


def _is_down(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    """Whether the furthest way to a diagonal comes from the one above it: a token of the second sequence is put in."""
    if diagonal in (-edits, edits):
        return diagonal == -edits
    return furthest[diagonal - 1] < furthest[diagonal + 1]


def _trace_back(history: Sequence[dict[int, int]], x: int, y: int) -> list[_Pair]:
    pairs = []
    for edits in range(len(history) - 1, -1, -1):
        furthest = history[edits]
        diagonal = x - y
        is_down = _is_down(furthest, diagonal, edits)
        before = diagonal + 1 if is_down else diagonal - 1
        start = furthest.get(before, 0)
        middle = start if is_down else start + 1  # after the edit, and before the equal tokens that follow it
        while x > middle:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = start, start - before
    return pairs


def _unique_anchors(a: Sequence[int], b: Sequence[int]) -> list[_Pair]:
    ours, theirs = Counter(a), Counter(b)
    place = {token: index for index, token in enumerate(b) if theirs[token] == 1}
    return _increasing([(index, place[token]) for index, token in enumerate(a) if ours[token] == 1 and token in place])


def _increasing(pairs: Sequence[_Pair]) -> list[_Pair]:
    """A longest subsequence of `pairs` (sorted by their first) whose seconds increase."""
    tails: list[int] = []
    tail_at: list[int] = []
    previous = [-1] * len(pairs)
    for index, (_, place) in enumerate(pairs):
        rank = bisect_left(tails, place)
        previous[index] = tail_at[rank - 1] if rank else -1
        if rank == len(tails):
            tails.append(place)
            tail_at.append(index)
        else:
            tails[rank] = place
            tail_at[rank] = index
    chain = []
    index = tail_at[-1] if tail_at else -1
    while index >= 0:
        chain.append(pairs[index])
        index = previous[index]
    return chain[::-1]
