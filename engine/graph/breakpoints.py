"""Breakpoints: on a node, a kind of operation, a module call or a condition; and at which positions they stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from .condition_terms import texts_of
from .conditions import parse
from .event_columns import EventColumns
from .model import Graph, Node
from .query import QueryError
from .timeline import Timeline
from .trace import Trace

BreakpointKind = Literal["node", "op", "module", "condition"]
Positions = npt.NDArray[np.int64]
MOST_BREAKPOINTS = 200


class Breakpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where to stop. It outlives the trace: another run of the same program is stopped at the same places.

    Attributes
    ----------
    kind : "node" stops where the node's operation has run and where its backward step has; "op" at each node of that
        operation; "module" where a module call is entered, forward and backward; "condition" at every event at which
        it holds (see `engine.graph.conditions`).
    text : the `node_key`, the operation's label, the path of the call joined by dots, or the condition.
    """

    kind: BreakpointKind
    text: str
    is_enabled: bool = True


class _Resolved(msgspec.Struct):
    positions: Positions
    fault: QueryError | None = None


class Stops:
    """At which positions of one trace breakpoints stop; worked out once for each, and kept."""

    def __init__(self, trace: Trace, timeline: Timeline | None = None) -> None:
        self.trace = trace
        self.timeline = timeline or Timeline(trace)
        self._columns = EventColumns(trace, self.timeline)
        self._known: dict[tuple[BreakpointKind, str], _Resolved] = {}
        self._nodes: dict[str, int] | None = None

    def positions(self, breakpoint_: Breakpoint) -> Positions:
        """Where a breakpoint stops, in order, whether it is enabled or not; empty where it is not understood."""
        return self._resolved(breakpoint_).positions

    def fault(self, breakpoint_: Breakpoint) -> QueryError | None:
        """Why a condition is none."""
        return self._resolved(breakpoint_).fault

    def node_of(self, breakpoint_: Breakpoint) -> int | None:
        """Id of the node that a breakpoint of kind "node" is on; None where this trace has no such node."""
        if breakpoint_.kind != "node":
            return None
        if self._nodes is None:
            self._nodes = {key: node for node, key in enumerate(node_keys(self.trace.graph))}
        return self._nodes.get(breakpoint_.text)

    def all(self, breakpoints: Iterable[Breakpoint]) -> Positions:
        """Where any of the enabled breakpoints stops, in order, each position once."""
        found = [self.positions(b) for b in breakpoints if b.is_enabled]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def _resolved(self, breakpoint_: Breakpoint) -> _Resolved:
        key = (breakpoint_.kind, breakpoint_.text)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._resolve(breakpoint_)
        return found

    def _resolve(self, breakpoint_: Breakpoint) -> _Resolved:
        kind, text = breakpoint_.kind, breakpoint_.text
        if kind == "condition":
            try:
                condition = parse(text)
            except QueryError as error:
                return _Resolved(np.empty(0, dtype=np.int64), error)
            return _Resolved(self._where(condition.holds(self._columns)))
        if kind == "node":
            node = self.node_of(breakpoint_)
            holds = self.timeline.nodes == (-1 if node is None else node)
        elif kind == "op":
            wanted = text.casefold()
            holds = self._columns.of_nodes(lambda n: wanted in (alias.casefold() for alias in texts_of(n, "op")))
        else:
            return _Resolved(self._entries(text))
        return _Resolved(self._where(holds))

    def _entries(self, path: str) -> Positions:
        """The first event inside a module call, in the forward and in the backward pass."""
        depths = range(1, path.count(".") + 2)
        inside = self._columns.of_nodes(lambda n: any(".".join(n.scope[:depth]) == path for depth in depths))
        firsts = []
        for phase in ("forward", "backward"):
            found = np.flatnonzero(inside & self._columns.phase(phase))
            firsts += found[:1].tolist()
        return np.array(firsts, dtype=np.int64) - len(self.timeline.forward) + 1

    def _where(self, holds: npt.NDArray[np.bool_]) -> Positions:
        return np.flatnonzero(holds) - len(self.timeline.forward) + 1


def node_keys(graph: Graph) -> list[str]:
    """A name for each node that it keeps in another run of the program, and while other parts of it change."""
    seen: dict[str, int] = {}
    keys = []
    for node in graph.nodes:
        key = "/".join((*node.scope, node.name or "", node.label))
        seen[key] = seen.get(key, 0) + 1
        keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return keys


def on_node(graph: Graph, node: int | Node) -> Breakpoint:
    """A breakpoint on one node."""
    return Breakpoint(kind="node", text=node_keys(graph)[node.__index__()])


def next_stop(positions: Positions, cursor: int, direction: int) -> int | None:
    """The nearest position beyond the cursor, upwards (1) or downwards (-1)."""
    place = int(np.searchsorted(positions, cursor, side="right" if direction > 0 else "left"))
    if direction > 0:
        return int(positions[place]) if place < len(positions) else None
    return int(positions[place - 1]) if place else None
