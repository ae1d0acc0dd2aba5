"""One drawing as arrays for painting and picking: boxes, roles, routes, and which nodes stand behind each box."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Drawing, Item
from engine.graph.model import ScopePath
from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace

from . import routes
from .look import ROLE_OF_KIND, Role
from .shares import Shares
from .wording import is_function

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Scene:
    """Geometry of a `Drawing` together with what the painter must know of the trace. Never changes.

    Attributes
    ----------
    rects : (n, 4) boxes as x, y, right, bottom in scene units.
    roles : (n,) `Role` of each item.
    boxes, frames : indices of the cards, pills and chips, and of the open groups (outer ones first).
    routes : the links, ready to paint.
    is_cut : (m,) whether a link carries data only: none of its edges hands a gradient back.
    shares : how much of a tensor's gradient comes back along each link.
    """

    def __init__(self, trace: Trace, drawing: Drawing) -> None:
        self.trace = trace
        self.drawing = drawing
        self.items = drawing.items
        corners = np.array(drawing.rects, dtype=np.float64).reshape(-1, 4).copy()
        corners[:, 2:] += corners[:, :2]
        self.rects: Floats = corners
        roots = {node for node, _ in trace.roots}
        self.roles = np.array([_role(trace, item, roots) for item in self.items], dtype=np.int8)
        is_frame = self.roles == Role.FRAME
        self.boxes: Ints = np.flatnonzero(~is_frame)
        self.frames: Ints = np.flatnonzero(is_frame)
        self.routes = routes.build([link.points for link in drawing.links])
        self.bounds = drawing.bounds
        self.shares = Shares(trace, drawing.links)
        heights = corners[self.boxes, 3] - corners[self.boxes, 1]
        self.box_height = float(np.median(heights)) if len(heights) else 1.0
        """Height of a typical box: the level of detail follows it."""
        self._item_of_scope = self._collect_scopes()
        self._collect_members()
        self._collect_edges()

    def __len__(self) -> int:
        return len(self.items)

    def _collect_scopes(self) -> dict[ScopePath, int]:
        """The item of every call that has one; a run of repeated calls is that of each of them."""
        found: dict[ScopePath, int] = {}
        nodes = self.trace.graph.nodes
        for index, item in enumerate(self.items):
            if item.node is None:
                found.setdefault(item.scope, index)
                depth = len(item.scope)
                for member in item.members if item.repeats > 1 else ():
                    found.setdefault(nodes[member].scope[:depth], index)
        return found

    def _collect_members(self) -> None:
        nodes: list[int] = []
        owners: list[int] = []
        for index in self.boxes.tolist():
            item = self.items[index]
            members = item.members if item.kind == "group" else () if item.node is None else (item.node,)
            nodes.extend(members)
            owners.extend([index] * len(members))
        self._member_node = np.array(nodes, dtype=np.int64)
        self._member_item = np.array(owners, dtype=np.int64)

    def _collect_edges(self) -> None:
        edges, trace = self.trace.graph.edges, self.trace
        links = self.drawing.links
        self._edge_link = np.repeat(np.arange(len(links)), [len(link.edges) for link in links]).astype(np.int64)
        self._link_edge = np.array([edge for link in links for edge in link.edges], dtype=np.int64)
        flows = np.zeros(len(edges), dtype=bool)
        self._edge_target = np.array([edge.target for edge in edges], dtype=np.int64)
        for index, edge in enumerate(edges):
            if edge.grad_index is None:
                continue
            step = trace.step_of(edge.target)
            if step is not None and edge.grad_index < len(step.grad_inputs):
                flows[index] = step.grad_inputs[edge.grad_index] is not None
        self._flows: Bools = flows
        is_cut = np.array([edge.cut is not None for edge in edges], dtype=bool)
        self.is_cut: Bools = np.bincount(self._edge_link[~is_cut[self._link_edge]], minlength=len(links)) == 0
        self._links_of_edge: dict[int, list[int]] = {}
        for edge, link in zip(self._link_edge.tolist(), self._edge_link.tolist(), strict=True):
            self._links_of_edge.setdefault(edge, []).append(link)

    def item_of(self, node: int) -> int | None:
        """The item that shows a node (its own box, or the folded group around it)."""
        index = int(self.drawing.item_of_node[node]) if 0 <= node < len(self.drawing.item_of_node) else -1
        return index if index >= 0 else None

    def rect_of(self, item: int) -> tuple[float, float, float, float]:
        """An item's box as x, y, right, bottom."""
        x, y, right, bottom = self.rects[item].tolist()
        return x, y, right, bottom

    def item_of_scope(self, path: ScopePath) -> int | None:
        """The item of a module call, open or folded, alone or in a run; None while it is hidden in another."""
        return self._item_of_scope.get(path)

    def items_of(self, node: int) -> list[int]:
        """Every item that shows a node: its chips too."""
        found = self._member_item[self._member_node == node].tolist()
        return [int(index) for index in found]

    def items_with(self, nodes: Iterable[int]) -> Bools:
        """(n,) whether an item shows any of these nodes; ids of another trace count for nothing."""
        is_wanted = self._mask(nodes)
        owners = self._member_item[is_wanted[self._member_node]]
        found: Bools = np.bincount(owners, minlength=len(self.items)) > 0
        return found

    def links_within(self, nodes: Iterable[int]) -> Bools:
        """(m,) whether any edge of a link joins two of these nodes."""
        is_wanted = self._mask(nodes)
        source = np.array([edge.source for edge in self.trace.graph.edges], dtype=np.int64)
        joins = is_wanted[source] & is_wanted[self._edge_target]
        found: Bools = np.bincount(self._edge_link[joins[self._link_edge]], minlength=len(self.routes)) > 0
        return found

    def _mask(self, nodes: Iterable[int]) -> Bools:
        count = len(self.trace.graph.nodes)
        is_wanted = np.zeros(count, dtype=bool)
        is_wanted[[node for node in nodes if 0 <= node < count]] = True
        return is_wanted

    def links_of_items(self, item: int) -> list[int]:
        """The links that begin or end at an item."""
        links = self.drawing.links
        return [index for index, link in enumerate(links) if item in (link.source, link.target)]

    def links_of_edges(self, edges: list[int]) -> list[int]:
        """The links that stand for these edges, each once; edges inside a folded group have none."""
        return sorted({link for edge in edges for link in self._links_of_edge.get(edge, ())})

    def visible(self, x: float, y: float, right: float, bottom: float) -> tuple[Ints, Ints, Ints]:
        """Indices of boxes, frames and links that touch a region."""
        r = self.rects
        is_in = (r[:, 0] <= right) & (r[:, 2] >= x) & (r[:, 1] <= bottom) & (r[:, 3] >= y)
        b = self.routes.boxes
        links = np.flatnonzero((b[:, 0] <= right) & (b[:, 2] >= x) & (b[:, 1] <= bottom) & (b[:, 3] >= y))
        return self.boxes[is_in[self.boxes]], self.frames[is_in[self.frames]], links

    def frames_at(self, x: float, y: float, right: float, bottom: float) -> list[int]:
        """Indices of the open groups that touch a region."""
        r = self.rects[self.frames]
        is_in = (r[:, 0] <= right) & (r[:, 2] >= x) & (r[:, 1] <= bottom) & (r[:, 3] >= y)
        found: list[int] = self.frames[is_in].tolist()
        return found

    def states(self, stepper: Stepper) -> SceneStates:
        """What every item and link looks like at the stepper's position."""
        node_states = stepper.states
        count = len(self.items)
        of_member = node_states[self._member_node]
        owner = self._member_item
        total = np.bincount(owner[of_member != NodeState.IDLE], minlength=count)
        done = np.bincount(owner[of_member == NodeState.DONE], minlength=count)
        ready = np.bincount(owner[of_member == NodeState.READY], minlength=count)
        current = np.bincount(owner[of_member == NodeState.CURRENT], minlength=count)
        state = np.full(count, NodeState.WAITING, dtype=np.uint8)
        state[ready > 0] = NodeState.READY
        state[(total > 0) & (done == total)] = NodeState.DONE
        state[total == 0] = NodeState.IDLE
        state[current > 0] = NodeState.CURRENT
        progress = (done + current) / np.maximum(total, 1)
        has_flowed = self._flows & (node_states[self._edge_target] == NodeState.DONE)
        links = np.bincount(self._edge_link[has_flowed[self._link_edge]], minlength=len(self.routes)) > 0
        return SceneStates(stepper.position, state, progress, links)


class SceneStates:
    """State and progress of every item, and which links have carried a gradient, at one position."""

    def __init__(self, position: int, state: npt.NDArray[np.uint8], progress: Floats, links: Bools) -> None:
        self.position = position
        self.state = state
        self.progress = progress
        self.links = links

    def differing(self, other: SceneStates) -> Ints:
        """Items that look different at the two positions."""
        return np.flatnonzero((self.state != other.state) | (self.progress != other.progress))


def _role(trace: Trace, item: Item, roots: set[int]) -> Role:
    if item.kind == "group" or item.node is None:
        return Role.FRAME if not item.is_folded else Role.FUNCTION if is_function(item.scope) else Role.GROUP
    if item.node in roots and trace.graph.nodes[item.node].kind == "op":
        return Role.LOSS
    return ROLE_OF_KIND[trace.graph.nodes[item.node].kind]
