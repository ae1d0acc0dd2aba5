"""One drawing as arrays for painting and picking: boxes, roles, routes, and which nodes stand behind each box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Drawing, Item
from engine.graph.model import ScopePath
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace

from . import routes
from .chunks import Chunks
from .group_labels import TITLE_BAR
from .look import ROLE_OF_KIND, Role
from .routes import ROOM
from .shares import Shares
from .states import SceneStates, States
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
        self.is_outermost: Bools = np.array([item.parent < 0 for item in self.items], dtype=bool)
        self.is_stack: Bools = np.array([item.repeats > 1 for item in self.items], dtype=bool)
        self.shares = Shares(trace, drawing.links)
        heights = corners[self.boxes, 3] - corners[self.boxes, 1]
        # The first median of numpy's imports its masked arrays, which takes as long as everything else here.
        self.box_height = float(np.sort(heights)[len(heights) // 2]) if len(heights) else 1.0
        """Height of a typical box: the level of detail follows it."""
        self._item_chunks, self._link_chunks = Chunks(corners), Chunks(self.routes.boxes)
        frames = corners[self.frames]
        self._frame_chunks = Chunks(frames)
        self.bars: Floats = np.column_stack([frames[:, :3], np.minimum(frames[:, 1] + TITLE_BAR, frames[:, 3])])
        """(frames, 4) the title bars of the open groups."""
        self._title_chunks = Chunks(self.bars)
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
        graph, links = self.trace.graph, self.drawing.links
        edge_link = np.repeat(np.arange(len(links)), [len(link.edges) for link in links]).astype(np.int64)
        link_edge = np.array([edge for link in links for edge in link.edges], dtype=np.int64)
        is_cut = np.array([edge.cut is not None for edge in graph.edges], dtype=bool)
        self.is_cut: Bools = np.bincount(edge_link[~is_cut[link_edge]], minlength=len(links)) == 0
        order = np.argsort(link_edge, kind="stable")
        self._link_edge, self._edge_link = link_edge[order].astype(np.int32), edge_link[order].astype(np.int32)
        self._states = States(self.trace, len(self.items), self._member_node, self._member_item, link_edge, edge_link)

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
        edges = self.trace.graph.edges
        joins = np.array([is_wanted[edge.source] and is_wanted[edge.target] for edge in edges], dtype=bool)
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
        if len(edges) == 0:
            return []
        begin, end = (np.searchsorted(self._link_edge, edges, side=side) for side in ("left", "right"))
        return sorted({int(link) for a, b in zip(begin, end, strict=True) for link in self._edge_link[a:b]})

    def visible(self, x: float, y: float, right: float, bottom: float) -> tuple[Ints, Ints, Ints]:
        """Indices of boxes, frames and links that touch a region."""
        items = self._item_chunks.touching(x, y, right, bottom)
        is_frame = self.roles[items] == Role.FRAME
        return items[~is_frame], items[is_frame], self._link_chunks.touching(x, y, right, bottom)

    def visible_in(self, regions: Sequence[tuple[float, float, float, float]]) -> tuple[Ints, Ints, Ints]:
        """The same for several regions, each index once."""
        if len(regions) == 1:
            return self.visible(*regions[0])
        found = [self.visible(*region) for region in regions]
        boxes, frames, links = (np.unique(np.concatenate(column)) for column in zip(*found, strict=True))
        return boxes, frames, links

    def frames_at(self, x: float, y: float, right: float, bottom: float) -> list[int]:
        """Indices of the open groups that touch a region."""
        found: list[int] = self.frames[self._frame_chunks.touching(x, y, right, bottom)].tolist()
        return found

    def titles_on(self, links: Sequence[int], x: float, y: float, right: float, bottom: float) -> list[int]:
        """Indices of the open groups in a region through whose title bars some links run, there or back."""
        found = self._title_chunks.touching(x, y, right, bottom)
        ways = self.routes.straight.of(np.array(links, dtype=np.int64))
        if not len(found) or not len(ways):
            return []
        bars = self.bars[found]
        low, high = np.minimum(ways[:, :2], ways[:, 2:]) - ROOM, np.maximum(ways[:, :2], ways[:, 2:]) + ROOM
        is_on = (bars[:, None, 0] <= high[:, 0]) & (bars[:, None, 2] >= low[:, 0])
        is_on &= (bars[:, None, 1] <= high[:, 1]) & (bars[:, None, 3] >= low[:, 1])
        crossed: list[int] = self.frames[found[is_on.any(axis=1)]].tolist()
        return crossed

    def largest(self, of_node: Floats) -> Floats:
        """(n,) the largest of what the nodes behind each item have; NaN where none has anything."""
        return self._gathered(np.fmax, of_node)

    def total(self, of_node: Floats) -> Floats:
        """(n,) the sum of what the nodes behind each item have; NaN where nothing is behind it."""
        return self._gathered(np.add, of_node)

    def least(self, of_node: Floats) -> Floats:
        """(n,) the least of what the nodes behind each item have; NaN where none has anything."""
        return self._gathered(np.fmin, of_node)

    def _gathered(self, combine: np.ufunc, of_node: Floats) -> Floats:
        found = np.full(len(self.items), np.nan)
        if len(self._member_item):
            first = np.flatnonzero(np.diff(self._member_item, prepend=-1))
            found[self._member_item[first]] = combine.reduceat(of_node[self._member_node], first)
        return found

    def states(self, stepper: Stepper) -> SceneStates:
        """What every item and link looks like at the stepper's position; quick next to the last one asked for."""
        return self._states.at(stepper, len(self.routes))


def _role(trace: Trace, item: Item, roots: set[int]) -> Role:
    if item.kind == "group" or item.node is None:
        return Role.FRAME if not item.is_folded else Role.FUNCTION if is_function(item.scope) else Role.GROUP
    if item.node in roots and trace.graph.nodes[item.node].kind == "op":
        return Role.LOSS
    return ROLE_OF_KIND[trace.graph.nodes[item.node].kind]
