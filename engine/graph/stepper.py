"""Where every node stands at one moment of a training step: a pure function of the position, cheap both ways."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .model import Node, TensorInfo
from .timeline import Event, Phase, Timeline, Update
from .trace import BackwardStep, Trace

_NEVER = np.iinfo(np.int64).max


class NodeState(IntEnum):
    """What has been done with a node so far; the first five are of the backward pass, and begin with the first step."""

    IDLE = 0
    """No gradient ever reaches it."""
    WAITING = 1
    """Gradients are still to arrive."""
    READY = 2
    """All its gradients have arrived; its own step is still to come (or never does)."""
    CURRENT = 3
    DONE = 4
    ABSENT = 5
    """The forward pass has not run its operation yet: there is no value."""
    COMPUTED = 6
    """The forward pass has run its operation at this very position."""
    UPDATED = 7
    """An optimizer has changed it after the backward pass."""


class Stepper:
    """A cursor over the recorded backward steps of a trace, the forward pass before them, and the updates after.

    Position k means that k steps have been taken: at 0 only the forward pass has run and the roots are ready, at
    `len(trace.backward)` everything is done. The current step is `trace.backward[k - 1]`. At -j the last j operations
    of the forward pass are still to run; beyond the steps, leaves are updated one by one. Nothing depends on the way
    that led to a position.

    Parameters
    ----------
    trace : the recorded pass; it is only read, and must not change afterwards.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.timeline = Timeline(trace)
        self._position = 0
        count = len(trace.graph.nodes)
        self._step = np.full(count, _NEVER)
        for index, step in enumerate(trace.backward):
            self._step[step.node.id] = index
        edges, sources, moments = self._contributions()
        self._arrival = self._arrivals(sources, moments)
        self._by_source = _Grouped(sources, moments, count)
        self._by_step = _Grouped(moments - 1, edges, len(trace.backward))
        self._reads: _Grouped | None = None
        self._read_updates()
        self._states = self._compute()

    def _read_updates(self) -> None:
        """From which position on each leaf is changed, and by which updates."""
        self._changed = np.full(len(self._step), _NEVER)
        self._updates: dict[int, list[tuple[int, Update]]] = {}
        for number, update in enumerate(self.timeline.updates):
            position = self.length + number + 1
            self._updates.setdefault(update.node.id, []).append((position, update))
            self._changed[update.node.id] = min(position, self._changed[update.node.id])

    def _contributions(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Edges along which a gradient is handed back, the node that gets it, and the position from which it has it."""
        steps = self.trace.backward
        found: list[tuple[int, int, int]] = []
        if steps:
            step_of = self._step.tolist()
            for index, edge in enumerate(self.trace.graph.edges):
                moment = step_of[edge.target]
                if edge.grad_index is None or moment == _NEVER:
                    continue
                handed = steps[moment].grad_inputs
                if 0 <= edge.grad_index < len(handed) and handed[edge.grad_index] is not None:
                    found.append((index, edge.source, moment + 1))
        columns = np.array(found, dtype=np.int64).reshape(-1, 3)
        return columns[:, 0], columns[:, 1], columns[:, 2]

    def _arrivals(self, sources: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The position from which each node has its whole gradient."""
        last = np.full(len(self._step), -1, dtype=np.int64)
        np.maximum.at(last, sources, moments)
        if self.trace.backward:
            for node, _ in self.trace.roots:
                last[node] = max(last[node], 0)
        # The engine ran a node no earlier than its gradient was whole. That also places gradients of unknown origin.
        return np.where(last < 0, self._step, np.minimum(last, self._step))

    def _compute(self) -> npt.NDArray[np.uint8]:
        position = self._position
        has_arrived = self._arrival <= position
        states = np.full(len(self._step), NodeState.WAITING, dtype=np.uint8)
        states[has_arrived] = NodeState.READY
        states[self._step < position] = NodeState.DONE
        states[self._arrival == _NEVER] = NodeState.IDLE
        if position > self.length:
            states[self._changed <= position] = NodeState.UPDATED
        event = self.event
        if position < 0:
            states[self.timeline.ran > position] = NodeState.ABSENT
        if event is not None and position != 0:
            states[event.node.id] = NodeState.COMPUTED if event.phase is Phase.FORWARD else NodeState.CURRENT
        states.flags.writeable = False
        return states

    @property
    def position(self) -> int:
        """How many backward steps have been taken; outside the backward pass as the class says."""
        return self._position

    @property
    def length(self) -> int:
        """How many backward steps there are."""
        return len(self.trace.backward)

    @property
    def first(self) -> int:
        """The lowest position: no operation of the forward pass has run."""
        return self.timeline.first

    @property
    def last(self) -> int:
        """The highest position: every update has been made."""
        return self.timeline.last

    @property
    def current(self) -> BackwardStep | None:
        """The backward step taken last; None before the first, and once updates are made."""
        return self.trace.backward[self._position - 1] if 0 < self._position <= self.length else None

    @property
    def event(self) -> Event | None:
        """What happened last: an operation, a backward step or an update; None at the very beginning."""
        return self.timeline.at(self._position)

    @property
    def current_node(self) -> int | None:
        """Id of the node that the cursor stands at; None at the very beginning and between the two passes."""
        event = self.event
        return None if event is None or self._position == 0 else event.node.id

    @property
    def states(self) -> npt.NDArray[np.uint8]:
        """The `NodeState` of every node, shape (nodes,). Read-only; a move makes a new array and leaves this one."""
        return self._states

    @property
    def active_edges(self) -> list[int]:
        """Indices in `graph.edges` of the edges along which the current step hands gradients on."""
        return self._by_step[self._position - 1].tolist() if self.current is not None else []

    @property
    def data_edges(self) -> list[int]:
        """Indices of the edges whose data the operation at the cursor has just read; none outside the forward pass."""
        event = self.event
        if event is None or event.phase is not Phase.FORWARD or self._position == 0:
            return []
        if self._reads is None:
            targets = np.array([edge.target for edge in self.trace.graph.edges], dtype=np.int64)
            self._reads = _Grouped(targets, np.arange(len(targets)), len(self._step))
        found: list[int] = self._reads[event.node.id].tolist()
        return found

    def move_to(self, position: int) -> None:
        """Go to a position, from wherever the cursor is.

        Raises
        ------
        IndexError
            The position is not within `first` and `last`.
        """
        if not self.first <= position <= self.last:
            raise IndexError(
                f"The backward pass has {self.length} steps, positions go from {self.first} to {self.last}: "
                f"there is no position {position}."
            )
        if position != self._position:
            self._position = position
            self._states = self._compute()

    def read_updates(self) -> None:
        """Take in updates that were added to the trace since; the position stays."""
        self.timeline = Timeline(self.trace)
        self._read_updates()
        self._position = self.timeline.clamp(self._position)
        self._states = self._compute()

    def missing(self, node_id: int | Node) -> int:
        """How many gradients are still to arrive at a node; 0 where none ever does."""
        node = node_id.__index__()
        if self._states[node] != NodeState.WAITING:
            return 0
        to_come = int(np.count_nonzero(self._by_source[node] > self._position))
        return max(1, to_come)  # a gradient of unknown origin is one gradient

    def has_gradient(self, node_id: int | Node) -> bool:
        """Whether the whole gradient of a node's outputs is known at this position."""
        return bool(self._arrival[node_id.__index__()] <= self._position)

    def has_value(self, node_id: int | Node) -> bool:
        """Whether the forward pass has computed a node at this position; true of tensors from outside."""
        return bool(self.timeline.ran[node_id.__index__()] <= self._position)

    def all_updates(self, node_id: int | Node) -> list[tuple[int, Update]]:
        """What optimizers do to a leaf, and at which positions."""
        return self._updates.get(node_id.__index__(), [])

    def updates(self, node_id: int | Node) -> list[Update]:
        """What optimizers did to a leaf, as far as this position."""
        return [update for position, update in self.all_updates(node_id) if position <= self._position]

    def value(self, node_id: int | Node, output: int = 0) -> TensorInfo | None:
        """An output of a node as it is at this position: of a leaf that was updated, as it was left.

        None where there is no such output. Whether the forward pass has computed it already is for `has_value` to say.
        """
        updates = self.updates(node_id) if output == 0 and self._position > self.length else ()
        if updates:
            return updates[-1].after
        outputs = self.trace.graph.nodes[node_id.__index__()].outputs
        return outputs[output] if 0 <= output < len(outputs) else None

    def ready(self) -> npt.NDArray[np.int64]:
        """Nodes whose whole gradient has arrived and whose own step is still to come, the next one first."""
        return self._in_order((self._states == NodeState.READY) & (self._step < _NEVER))

    def waiting(self) -> npt.NDArray[np.int64]:
        """Nodes to which gradients are still to arrive, in the order in which they will run."""
        return self._in_order(self._states == NodeState.WAITING)

    def arrived(self, node_id: int | Node) -> int:
        """How many gradients have arrived at a node."""
        return int(np.count_nonzero(self._by_source[node_id.__index__()] <= self._position))

    def _in_order(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        found = np.flatnonzero(chosen)
        return found[np.argsort(self._step[found], kind="stable")]


class _Grouped:
    """Values sorted by a key in 0 … count - 1; `grouped[key]` are the values of one key, in their first order."""

    def __init__(self, keys: npt.NDArray[np.int64], values: npt.NDArray[np.int64], count: int) -> None:
        self._values = values[np.argsort(keys, kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))])

    def __getitem__(self, key: int) -> npt.NDArray[np.int64]:
        return self._values[self._starts[key] : self._starts[key + 1]]
