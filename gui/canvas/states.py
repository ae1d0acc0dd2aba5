"""What every item and link of a scene looks like at one position of the backward pass; the next one from the last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
MOST_CHANGES = 512
"""More changed nodes than this, and everything is counted anew."""
STATES = len(NodeState)


class SceneStates:
    """State and progress of every item, and which links have carried a gradient, at one position."""

    def __init__(
        self, position: int, nodes: npt.NDArray[np.uint8], counts: npt.NDArray[np.int32], carried: npt.NDArray[np.int32]
    ) -> None:
        self.position = position
        self.nodes = nodes
        """(nodes,) `NodeState` of every node."""
        self.counts = counts
        """(n, STATES) how many of an item's nodes are in each state."""
        self.carried = carried
        """(m,) along how many of a link's edges a gradient has come."""
        self.state = np.empty(len(counts), dtype=np.uint8)
        self.progress = np.empty(len(counts))
        self.links: Bools = carried > 0

    def settle(self, items: Ints) -> None:
        """Work out state and progress of some items from their counts."""
        counts = self.counts[items]
        total = counts[:, 1:].sum(axis=1)
        done, current = counts[:, NodeState.DONE], counts[:, NodeState.CURRENT]
        state = np.full(len(items), NodeState.WAITING, dtype=np.uint8)
        state[counts[:, NodeState.READY] > 0] = NodeState.READY
        state[(total > 0) & (done == total)] = NodeState.DONE
        state[total == 0] = NodeState.IDLE
        state[(total > 0) & (counts[:, NodeState.ABSENT] == counts.sum(axis=1))] = NodeState.ABSENT
        state[counts[:, NodeState.COMPUTED] > 0] = NodeState.COMPUTED
        state[current > 0] = NodeState.CURRENT
        self.state[items] = state
        self.progress[items] = (done + current) / np.maximum(total, 1)

    def differing(self, other: SceneStates) -> Ints:
        """Items that look different at the two positions."""
        return np.flatnonzero((self.state != other.state) | (self.progress != other.progress))


class States:
    """Counts the nodes behind the items, and the edges behind the links, of one scene.

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

    def _flowing(self, trace: Trace) -> Bools:
        """Along which edges a gradient comes back at all."""
        flows = np.zeros(len(trace.graph.edges), dtype=bool)
        for index, edge in enumerate(trace.graph.edges):
            if edge.grad_index is not None:
                step = trace.step_of(edge.target)
                if step is not None and edge.grad_index < len(step.grad_inputs):
                    flows[index] = step.grad_inputs[edge.grad_index] is not None
        return flows

    def at(self, stepper: Stepper, links: int, before: SceneStates | None = None) -> SceneStates:
        """The states at the stepper's position; quick where `before` is a position nearby."""
        nodes = stepper.states
        if before is not None and len(before.nodes) == len(nodes):
            changed = np.flatnonzero(nodes != before.nodes)
            if len(changed) <= MOST_CHANGES:
                return self._changed(before, stepper, changed)
        codes = self._member_item * STATES + nodes[self._member_node]
        counts = np.bincount(codes, minlength=STATES * self._items).astype(np.int32).reshape(-1, STATES)
        is_done = nodes[self._target[self._flow_edge]] == NodeState.DONE
        carried = np.bincount(self._flow_link[is_done], minlength=links).astype(np.int32)
        states = SceneStates(stepper.position, nodes, counts, carried)
        states.settle(np.arange(self._items))
        return states

    def _changed(self, before: SceneStates, stepper: Stepper, changed: Ints) -> SceneStates:
        nodes, counts, carried = stepper.states, before.counts.copy(), before.carried.copy()
        touched: list[int] = []
        for node in changed.tolist():
            was, now = int(before.nodes[node]), int(nodes[node])
            items = self._by_node[node]
            counts[items, was] -= 1  # an item shows a node once
            counts[items, now] += 1
            touched += items.tolist()
            came = (now == NodeState.DONE) - (was == NodeState.DONE)
            if came:
                np.add.at(carried, self._by_target[node], came)
        states = SceneStates(stepper.position, nodes, counts, carried)
        states.state[:], states.progress[:] = before.state, before.progress
        states.settle(np.array(sorted(set(touched)), dtype=np.int64))
        return states


class _Grouped:
    """Values by a key in 0 … count - 1."""

    def __init__(self, keys: Ints, values: Ints, count: int) -> None:
        self._values = values[np.argsort(keys, kind="stable")].astype(np.int32)
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).astype(np.int32)

    def __getitem__(self, key: int) -> npt.NDArray[np.int32]:
        return self._values[self._starts[key] : self._starts[key + 1]]
