"""Two traces side by side: what changed in the graph, in its values, and in its gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from .alignment import align
from .deviation import Deviation, deviation
from .model import Edge, Node, TensorInfo
from .trace import Trace

GraphChange = Literal[
    "added", "removed", "operation", "shape", "dtype", "device", "inputs", "cut", "joined", "settings"
]
"""What is different about a node itself: it is there on one side only; another operation stands in its place; its
outputs have another shape, type or device; it reads other tensors; a gradient that flowed back along one of its inputs
does not any more ("cut"), or does now ("joined"); it has other arguments than tensors."""


class NodeChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changed at one node. `before` and `after` are its ids in the two traces; None where it is on one side only.

    `value` and `gradient` are those of the output that changed most; None where nothing changed. `was_cut` are the
    reasons why edges of it are cut in one trace and not in the other.
    """

    before: int | None
    after: int | None
    graph: tuple[GraphChange, ...] = ()
    value: Deviation | None = None
    gradient: Deviation | None = None
    was_cut: tuple[str, ...] = ()

    @property
    def amount(self) -> float:
        """How much changed: infinite for the graph, for NaN and for None; else the larger of value and gradient."""
        if self.graph:
            return math.inf
        return max(self.value.amount if self.value else 0.0, self.gradient.amount if self.gradient else 0.0)


class Comparison:
    """Two aligned traces.

    Attributes
    ----------
    before, after : the traces.
    to_after, to_before : for each node of one trace the id of its counterpart in the other, -1 where it has none.
    changes : every node at which something changed, in the order of execution of `after`; nodes that `after` lacks
        stand where they would have run.
    """

    def __init__(self, before: Trace, after: Trace, to_after: list[int], changes: list[NodeChange]) -> None:
        self.before = before
        self.after = after
        self.to_after = to_after
        self.to_before = [-1] * len(after.graph.nodes)
        for index, place in enumerate(to_after):
            if place >= 0:
                self.to_before[place] = index
        self.changes = changes
        self._by_after = {change.after: change for change in changes if change.after is not None}

    @property
    def has_same_structure(self) -> bool:
        """Whether only numbers changed."""
        return not any(change.graph for change in self.changes)

    @property
    def is_identical(self) -> bool:
        return not self.changes

    def change_of(self, node_id: int | Node) -> NodeChange | None:
        """What changed at a node of `after`; None where nothing did."""
        return self._by_after.get(node_id.__index__())

    def added(self) -> list[int]:
        """Ids of the nodes that only `after` has."""
        return [index for index, place in enumerate(self.to_before) if place < 0]

    def removed(self) -> list[int]:
        """Ids, in `before`, of the nodes that only `before` has."""
        return [index for index, place in enumerate(self.to_after) if place < 0]

    def ranked(self) -> list[NodeChange]:
        """The changes, the largest first; equal ones in the order of execution."""
        return sorted(self.changes, key=_rank)


def _rank(change: NodeChange) -> tuple[int, float]:
    kinds = set(change.graph)
    is_bad = any(part is not None and part.nan_appeared for part in (change.value, change.gradient))
    is_lost = any(
        part is not None and part.kind in ("appeared", "vanished") for part in (change.gradient, change.value)
    )
    first = 0 if kinds - {"added", "removed"} else 1 if kinds else 2 if is_bad else 3 if is_lost else 4
    return first, -change.amount


def compare(before: Trace, after: Trace) -> Comparison:
    """Align two traces by their structure and say what changed from `before` to `after`.

    Values and gradients are compared element by element where both sides kept them whole, else by their statistics.
    Takes a time that grows with the number of nodes, about linearly.
    """
    to_after = align(before, after)
    changes = []
    for index, place in _in_order(to_after, len(after.graph.nodes)):
        if place < 0:
            changes.append(NodeChange(before=index, after=None, graph=("removed",)))
        elif index < 0:
            changes.append(NodeChange(before=None, after=place, graph=("added",)))
        else:
            change = _compare_nodes(before, after, index, place, to_after)
            if change is not None:
                changes.append(change)
    return Comparison(before, after, to_after, changes)


def _in_order(to_after: Sequence[int], count: int) -> Iterator[tuple[int, int]]:
    """Pairs (before, after) with -1 for a missing one: by `after`, what it lacks right behind its predecessor."""
    behind: dict[int, list[int]] = {}
    last = -1
    source = [-1] * count
    for index, place in enumerate(to_after):
        if place >= 0:
            last = place
            source[place] = index
        else:
            behind.setdefault(last, []).append(index)
    for index in behind.get(-1, ()):
        yield index, -1
    for place in range(count):
        yield source[place], place
        for index in behind.get(place, ()):
            yield index, -1


def _compare_nodes(before: Trace, after: Trace, index: int, place: int, to_after: Sequence[int]) -> NodeChange | None:
    one, other = before.graph.nodes[index], after.graph.nodes[place]
    graph = _form_changes(one, other)
    ours, theirs = before.graph.incoming(index), after.graph.incoming(place)
    edges, cut = _edge_changes(ours, theirs, to_after)
    value = _worst([(info, _at(other.outputs, k), k) for k, info in enumerate(one.outputs)])
    gradient = _gradient(before, after, index, place)
    if not graph and not edges and value is None and gradient is None:
        return None
    return NodeChange(before=index, after=place, graph=(*graph, *edges), value=value, gradient=gradient, was_cut=cut)


def _form_changes(one: Node, other: Node) -> list[GraphChange]:
    found: list[GraphChange] = []
    if (one.kind, one.op) != (other.kind, other.op):
        found.append("operation")
    pairs = list(zip(one.outputs, other.outputs, strict=False))
    if len(one.outputs) != len(other.outputs) or any(tuple(a.shape) != tuple(b.shape) for a, b in pairs):
        found.append("shape")
    if any(a.dtype != b.dtype for a, b in pairs):
        found.append("dtype")
    if any(a.device != b.device for a, b in pairs):
        found.append("device")
    if one.op == other.op and one.params != other.params and not _same_settings(one.params, other.params):
        found.append("settings")
    return found


def _same_settings(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return repr(one) == repr(other)  # NaN does not equal itself, but reads the same


def _edge_changes(
    ours: Sequence[Edge], theirs: Sequence[Edge], to_after: Sequence[int]
) -> tuple[list[GraphChange], tuple[str, ...]]:
    found: list[GraphChange] = []
    reads = [(to_after[edge.source], edge.output_nr, edge.input_nr) for edge in ours]
    if sorted(reads) != sorted((edge.source, edge.output_nr, edge.input_nr) for edge in theirs):
        found.append("inputs")
    flows = {edge.input_nr: edge for edge in ours}
    reasons = []
    for edge in theirs:
        partner = flows.get(edge.input_nr)
        if partner is None or (partner.grad_index is None) == (edge.grad_index is None):
            continue
        change: GraphChange = "cut" if edge.grad_index is None else "joined"
        if change not in found:
            found.append(change)
        reason = edge.cut or partner.cut
        if reason and reason not in reasons:
            reasons.append(reason)
    return found, tuple(reasons)


def _gradient(before: Trace, after: Trace, index: int, place: int) -> Deviation | None:
    first, second = before.step_of(index), after.step_of(place)
    ours = [] if first is None else first.grad_outputs
    theirs = [] if second is None else second.grad_outputs
    pairs = [(_at(ours, k), _at(theirs, k), k) for k in range(max(len(ours), len(theirs)))]
    return _worst(pairs)


def _worst(pairs: Sequence[tuple[TensorInfo | None, TensorInfo | None, int]]) -> Deviation | None:
    """The largest of several deviations; None where all are equal or nothing is known."""
    worst: Deviation | None = None
    for before, after, output in pairs:
        found = deviation(before, after, output)
        if found.kind in ("equal", "unknown"):
            continue
        if worst is None or found.amount > worst.amount:
            worst = found
    return worst


def _at(infos: Sequence[TensorInfo | None], index: int) -> TensorInfo | None:
    return infos[index] if index < len(infos) else None
