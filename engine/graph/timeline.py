"""The events of a training step in order: forward operations, backward steps, updates; and the ways to walk them.

An event's number counts from 0 through all three phases. A position is what a cursor holds: the number of backward
steps taken, below zero where forward operations are still to run (-1: one is), and above `len(trace.backward)` where
the optimizer has updated leaves. At position p the events up to number `p + forward - 1` have happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .model import Graph, Node, ScopePath, Source, TensorInfo
from .trace import BackwardStep, Trace
from .values import Values

RECOMPUTED_MODULE = "recomputed in the backward pass"
"""`Scope.module` of what a checkpoint computes again: it is no part of the forward pass."""


class Phase(IntEnum):
    """Which part of a training step an event belongs to."""

    FORWARD = 0
    BACKWARD = 1
    UPDATE = 2


class Update(NamedTuple):
    """A leaf that `optimizer.step()` changed.

    `amount` is the Euclidean norm of the change; None where it was not measured. `text` is the optimizer's class.
    `after` is the leaf as it was then, with a note where its values were not kept.
    """

    node: Node
    amount: float | None
    text: str
    source: Source | None
    after: TensorInfo


class Event(NamedTuple):
    """One thing that happens: the forward operation, the backward step, or the update of `node`.

    `ordinal` counts within the phase, from 0.
    """

    phase: Phase
    ordinal: int
    node: Node


class Timeline:
    """All events of a trace.

    Attributes
    ----------
    forward : nodes whose operation is run in the forward pass, in that order.
    backward : the trace's backward steps.
    updates : leaves that optimizers changed after the backward pass.
    nodes : (events,) the id of each event's node.
    ran : (nodes,) the position from which the output of each node is known.
    """

    def __init__(self, trace: Trace) -> None:
        graph = trace.graph
        again = {path for path, scope in graph.scopes.items() if scope.module == RECOMPUTED_MODULE}
        self.forward = [n for n in graph.nodes if n.kind == "op" and not (again and _is_inside(n.scope, again))]
        self.backward: list[BackwardStep] = trace.backward
        self.updates = updates_of(trace)
        self.nodes = np.array(
            [
                *(node.id for node in self.forward),
                *(step.node.id for step in self.backward),
                *(update.node.id for update in self.updates),
            ],
            dtype=np.int64,
        )
        self.ran = self._moments_of_values(graph)
        self._scopes: list[ScopePath] | None = None

    def _moments_of_values(self, graph: Graph) -> npt.NDArray[np.int64]:
        ran = np.full(len(graph.nodes), self.first, dtype=np.int64)
        ran[[node.id for node in graph.nodes if node.kind == "op"]] = 0
        count = len(self.forward)
        ran[self.nodes[:count]] = np.arange(1 - count, 1)
        return ran

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def first(self) -> int:
        """The lowest position: no operation has run."""
        return -len(self.forward)

    @property
    def last(self) -> int:
        """The highest position: every leaf is updated."""
        return len(self.backward) + len(self.updates)

    @property
    def stops(self) -> tuple[int, ...]:
        """Where phases begin and end: each position once, in order."""
        return tuple(sorted({self.first, 0, len(self.backward), self.last}))

    def event(self, number: int) -> Event | None:
        """The event with this number; None where there is none."""
        forward, backward = len(self.forward), len(self.backward)
        if not 0 <= number < len(self):
            return None
        if number < forward:
            return Event(Phase.FORWARD, number, self.forward[number])
        number -= forward
        if number < backward:
            return Event(Phase.BACKWARD, number, self.backward[number].node)
        number -= backward
        return Event(Phase.UPDATE, number, self.updates[number].node)

    def at(self, position: int) -> Event | None:
        """The event that happened last at a position; None before the first."""
        return self.event(position + len(self.forward) - 1)

    def ahead(self, position: int) -> Event | None:
        """The event that happens next; None after the last."""
        return self.event(position + len(self.forward))

    def position_after(self, number: int) -> int:
        """The position at which the event with this number has just happened."""
        return number - len(self.forward) + 1

    def clamp(self, position: int) -> int:
        """The position, or the nearest end."""
        return max(self.first, min(position, self.last))

    # Modules

    def scope(self, number: int) -> ScopePath:
        """Module calls around an event."""
        if self._scopes is None:
            updates = [() for _ in self.updates]
            self._scopes = [*(n.scope for n in self.forward), *(s.node.scope for s in self.backward), *updates]
        return self._scopes[number]

    def over(self, position: int, direction: int = 1) -> int:
        """Where a step leads that does not enter module calls: a call that begins here is passed as a whole.

        Backwards (`direction` -1) it is the same walk from the other end.
        """
        number = self._next_number(position, direction)
        if number is None:
            return position
        before = number - direction
        scope = self.scope(number)
        shared = 0
        if self._is_same_phase(before, number):
            shared = _common(self.scope(before), scope)
        if len(scope) > shared:
            return self._leave(number, scope[: shared + 1], direction)
        return position + direction

    def out(self, position: int, direction: int = 1) -> int:
        """Where the module call around the cursor ends (backwards: begins); outside of any, where the phase does.

        The call is that of the event that happened last; where another one begins here, it is the one around both.
        """
        number = self._next_number(position, direction)
        if number is None:
            return position
        here = number - direction
        if not self._is_same_phase(here, number):
            return self._leave(number, self.scope(number), direction)
        scope = self.scope(here)
        shared = _common(scope, self.scope(number))
        # At the end of a call already: then out of the one around it.
        return self._leave(number, scope[:shared], direction)

    def _next_number(self, position: int, direction: int) -> int | None:
        number = position + len(self.forward) - (direction < 0)
        return number if 0 <= number < len(self) else None

    def _is_same_phase(self, first: int, second: int) -> bool:
        one, other = self.event(first), self.event(second)
        return one is not None and other is not None and one.phase is other.phase

    def _leave(self, number: int, scope: ScopePath, direction: int) -> int:
        """The position beyond the events from `number` on that lie within a call, in the same phase."""
        depth, start = len(scope), number
        while 0 <= number < len(self) and self._is_same_phase(start, number) and self.scope(number)[:depth] == scope:
            number += direction
        return self.position_after(number - 1 if direction > 0 else number)

    def position_of(self, node_id: int, after: int) -> int | None:
        """The next position at which something happens to a node, counted from `after`; else the last one before.

        None where nothing ever does.
        """
        return _next_of(np.flatnonzero(self.nodes == node_id) - len(self.forward) + 1, after)

    def entry_of(self, nodes: Sequence[int], after: int) -> int | None:
        """The next position, counted from `after`, at which a group of nodes is entered.

        A group is entered again after something else happened in between, and in each phase. Behind the last entry it
        is the last one before; None where nothing ever happens to any of them.
        """
        inside = np.isin(self.nodes, np.asarray(nodes, dtype=np.int64))
        is_entry = inside.copy()
        is_entry[1:] &= ~inside[:-1]
        for border in (len(self.forward), len(self.forward) + len(self.backward)):
            if 0 < border < len(inside):
                is_entry[border] = inside[border]
        positions = np.flatnonzero(is_entry) - len(self.forward) + 1
        return _next_of(positions, after)


def _next_of(positions: npt.NDArray[np.int64], after: int) -> int | None:
    """The first position beyond `after`, else the last one; None where there is none."""
    if not len(positions):
        return None
    ahead = positions[positions > after]
    return int(ahead[0] if len(ahead) else positions[-1])


def updates_of(trace: Trace) -> list[Update]:
    """What optimizers changed after the backward pass, in the order in which they did."""
    nodes = trace.graph.nodes
    return [
        Update(
            nodes[node],
            seen.amounts[place] if place < len(seen.amounts) else None,
            seen.text,
            seen.source,
            _after(nodes[node], seen.after[place] if place < len(seen.after) else None),
        )
        for seen in trace.observations
        if seen.kind == "update"
        for place, node in enumerate(seen.nodes)
    ]


NOT_KEPT = "The optimizer has changed it; the values after that were not kept."


def _after(leaf: Node, values: Values | None) -> TensorInfo:
    """The leaf after an update."""
    before = leaf.outputs[0] if leaf.outputs else TensorInfo(shape=(), dtype="float32")
    array = None if values is None or values.shape != tuple(before.shape) else values.array
    return TensorInfo(
        shape=before.shape,
        dtype=before.dtype,
        device=before.device,
        layout=before.layout,
        requires_grad=before.requires_grad,
        version=before.version,
        array=array,
        name=before.name,
        note=None if array is not None else NOT_KEPT,
    )


def why_no_update(trace: Trace) -> str:
    """A sentence on why no update of this step is known; "" where some are, or where there is none to expect."""
    if any(seen.kind == "update" for seen in trace.observations):
        return ""
    for seen in trace.observations:
        if seen.kind == "no-update":
            return seen.text
    if trace.step is None or not trace.backward:
        return ""
    if not any(seen.kind == "optimizer" for seen in trace.observations):
        return "No optimizer was alive when this step was recorded, so no update is known."
    return (
        "The step was recorded up to its backward pass: the leaves still have the values that these gradients are of. "
        "A training that is held here updates them when it goes on."
    )


def _is_inside(scope: ScopePath, paths: set[ScopePath]) -> bool:
    return any(scope[:depth] in paths for depth in range(1, len(scope) + 1))


def _common(first: ScopePath, second: ScopePath) -> int:
    """How many outer calls two paths share."""
    length = min(len(first), len(second))
    return next((depth for depth in range(length) if first[depth] != second[depth]), length)
