"""What every item and link of a scene looks like at one position of the backward pass; the next one from the last."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
MOST_CHANGES = 512
"""More changed nodes than this, and everything is counted anew."""
STATES = len(NodeState)


class SceneStates:
    """State and progress of every item, and which links have carried a gradient, at one position."""

    def __init__(
        self,
        position: int,
        nodes: npt.NDArray[np.uint8],
        state: npt.NDArray[np.uint8],
        progress: npt.NDArray[np.float32],
        links: Bools,
    ) -> None:
        self.position = position
        self.nodes = nodes
        """(nodes,) `NodeState` of every node."""
        self.state = state
        self.progress = progress
        self.links = links

    @cached_property
    def here(self) -> list[int]:
        """The items at the cursor: where a step or an operation has just been taken."""
        is_here = (self.state == NodeState.CURRENT) | (self.state == NodeState.COMPUTED)
        found: list[int] = np.flatnonzero(is_here).tolist()
        return found

    def differing(self, other: SceneStates) -> Ints:
        """Items that look different at the two positions."""
        return np.flatnonzero((self.state != other.state) | (self.progress != other.progress))


class States:
    """Counts the nodes behind the items, and the edges behind the links, of one scene; of the last position asked for.

    Parameters
    ----------
    items : how many items there are.
    member_node, member_item : pairs of a node and an item that shows it.
    link_edge, edge_link : pairs of an edge and a link that stands for it.
    """

    def __init__(
        self, trace: Trace, items: int, member_node: Ints, member_item: Ints, link_edge: Ints, edge_link: Ints
    ) -> None:
        self._items = items
        self._member_node, self._member_item = member_node, member_item
        self._by_node = _Grouped(member_node, member_item, len(trace.graph.nodes))
        self._target = np.array([edge.target for edge in trace.graph.edges], dtype=np.int64)
        self._flows = self._flowing(trace)
        is_flowing = self._flows[link_edge]
        self._flow_edge, self._flow_link = link_edge[is_flowing], edge_link[is_flowing]
        self._by_target = _Grouped(self._target[self._flow_edge], self._flow_link, len(trace.graph.nodes))
        self._counts: npt.NDArray[np.int32] = np.empty((0, STATES), dtype=np.int32)
        """(n, STATES) how many of an item's nodes are in each state, at the last position."""
        self._carried: npt.NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """(m,) along how many of a link's edges a gradient has come, at the last position."""
        self._last: SceneStates | None = None

    def _flowing(self, trace: Trace) -> Bools:
        """Along which edges a gradient comes back at all."""
        flows = np.zeros(len(trace.graph.edges), dtype=bool)
        for index, edge in enumerate(trace.graph.edges):
            if edge.grad_index is not None:
                step = trace.step_of(edge.target)
                if step is not None and edge.grad_index < len(step.grad_inputs):
                    flows[index] = step.grad_inputs[edge.grad_index] is not None
        return flows

    def at(self, stepper: Stepper, links: int) -> SceneStates:
        """The states at the stepper's position; quick where the last one that was asked for is nearby."""
        nodes, last = stepper.states, self._last
        if last is not None and len(last.nodes) == len(nodes):
            changed = np.flatnonzero(nodes != last.nodes)
            if len(changed) <= MOST_CHANGES:
                self._last = self._changed(last, stepper, changed)
                return self._last
        codes = self._member_item * STATES + nodes[self._member_node]
        self._counts = np.bincount(codes, minlength=STATES * self._items).astype(np.int32).reshape(-1, STATES)
        is_done = nodes[self._target[self._flow_edge]] == NodeState.DONE
        self._carried = np.bincount(self._flow_link[is_done], minlength=links).astype(np.int32)
        state, progress = np.empty(self._items, dtype=np.uint8), np.empty(self._items, dtype=np.float32)
        self._settle(np.arange(self._items), state, progress)
        self._last = SceneStates(stepper.position, nodes, state, progress, self._carried > 0)
        return self._last

    def _changed(self, last: SceneStates, stepper: Stepper, changed: Ints) -> SceneStates:
        """Count on from the last position."""
        nodes, links = stepper.states, last.links.copy()
        touched: list[int] = []
        for node, was, now in zip(changed.tolist(), last.nodes[changed].tolist(), nodes[changed].tolist(), strict=True):
            items = self._by_node[node]
            self._counts[items, was] -= 1  # an item shows a node once
            self._counts[items, now] += 1
            touched += items.tolist()
            came = (now == NodeState.DONE) - (was == NodeState.DONE)
            if came:
                carrying = self._by_target[node]
                np.add.at(self._carried, carrying, came)
                links[carrying] = self._carried[carrying] > 0
        state, progress = last.state.copy(), last.progress.copy()
        self._settle(np.array(sorted(set(touched)), dtype=np.int64), state, progress)
        return SceneStates(stepper.position, nodes, state, progress, links)

    def _settle(self, items: Ints, states: npt.NDArray[np.uint8], progress: npt.NDArray[np.float32]) -> None:
        """Work out state and progress of some items from their counts."""
        counts = self._counts[items]
        total = counts[:, 1:].sum(axis=1)
        updated, current = counts[:, NodeState.UPDATED], counts[:, NodeState.CURRENT]
        done = counts[:, NodeState.DONE] + updated
        state = np.full(len(items), NodeState.WAITING, dtype=np.uint8)
        state[counts[:, NodeState.READY] > 0] = NodeState.READY
        state[(total > 0) & (done == total)] = NodeState.DONE
        state[(total > 0) & (updated == total)] = NodeState.UPDATED
        state[total == 0] = NodeState.IDLE
        state[(total > 0) & (counts[:, NodeState.ABSENT] == counts.sum(axis=1))] = NodeState.ABSENT
        state[counts[:, NodeState.COMPUTED] > 0] = NodeState.COMPUTED
        state[current > 0] = NodeState.CURRENT
        states[items] = state
        progress[items] = (done + current) / np.maximum(total, 1)


class _Grouped:
    """Values by a key in 0 … count - 1."""

    def __init__(self, keys: Ints, values: Ints, count: int) -> None:
        self._values = values[np.argsort(keys, kind="stable")].astype(np.int32)
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).astype(np.int32)

    def __getitem__(self, key: int) -> npt.NDArray[np.int32]:
        return self._values[self._starts[key] : self._starts[key + 1]]
