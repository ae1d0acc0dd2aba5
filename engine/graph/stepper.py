"""Where every node stands at one moment of the backward pass: a pure function of the position, cheap both ways."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .model import Node
from .trace import BackwardStep, Trace

_NEVER = np.iinfo(np.int64).max


class NodeState(IntEnum):
    """What the backward pass has done with a node so far."""

    IDLE = 0
    """No gradient ever reaches it."""
    WAITING = 1
    """Gradients are still to arrive."""
    READY = 2
    """All its gradients have arrived; its own step is still to come (or never does)."""
    CURRENT = 3
    DONE = 4


class Stepper:
    """A cursor over the recorded backward steps of a trace.

    Position k means that k steps have been taken: at 0 only the forward pass has run and the roots are ready, at
    `len(trace.backward)` everything is done. The current step is `trace.backward[k - 1]`. Nothing depends on the way
    that led to a position.

    Parameters
    ----------
    trace : the recorded pass; it is only read, and must not change afterwards.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._position = 0
        count = len(trace.graph.nodes)
        self._step = np.full(count, _NEVER)
        for index, step in enumerate(trace.backward):
            self._step[step.node.id] = index
        edges, sources, moments = self._contributions()
        self._arrival = self._arrivals(sources, moments)
        self._by_source = _Grouped(sources, moments, count)
        self._by_step = _Grouped(moments - 1, edges, len(trace.backward))
        self._states = self._compute()

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
        current = self.current
        if current is not None:
            states[current.node.id] = NodeState.CURRENT
        states.flags.writeable = False
        return states

    @property
    def position(self) -> int:
        """How many backward steps have been taken."""
        return self._position

    @property
    def length(self) -> int:
        """How many backward steps there are."""
        return len(self.trace.backward)

    @property
    def current(self) -> BackwardStep | None:
        """The step taken last; None at position 0."""
        return self.trace.backward[self._position - 1] if self._position else None

    @property
    def states(self) -> npt.NDArray[np.uint8]:
        """The `NodeState` of every node, shape (nodes,). Read-only; a move makes a new array and leaves this one."""
        return self._states

    @property
    def active_edges(self) -> list[int]:
        """Indices in `graph.edges` of the edges along which the current step hands gradients on."""
        return self._by_step[self._position - 1].tolist() if self._position else []

    def move_to(self, position: int) -> None:
        """Go to a position, from wherever the cursor is.

        Raises
        ------
        IndexError
            The position is not within 0 and the number of steps.
        """
        if not 0 <= position <= self.length:
            raise IndexError(f"The backward pass has {self.length} steps: there is no position {position}.")
        if position != self._position:
            self._position = position
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
        return bool(self._states[node_id.__index__()] >= NodeState.READY)


class _Grouped:
    """Values sorted by a key in 0 … count - 1; `grouped[key]` are the values of one key, in their first order."""

    def __init__(self, keys: npt.NDArray[np.int64], values: npt.NDArray[np.int64], count: int) -> None:
        self._values = values[np.argsort(keys, kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))])

    def __getitem__(self, key: int) -> npt.NDArray[np.int64]:
        return self._values[self._starts[key] : self._starts[key + 1]]
