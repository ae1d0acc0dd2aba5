"""What is to be drawn of a graph under given folds: a tree of items, and the links between its leaves."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

import msgspec
import numpy as np
import numpy.typing as npt

from ..drawing import Item, ItemKind
from ..fold import Folds
from ..model import Graph, Node, ScopePath
from .pace import Pace

_SMALL = 40
"""Up to so many operations in sight, a tensor that is used a few times is drawn once, with a line to each use."""
_FEW = 4
_STAGE = 0.25
"""Finding scopes, placing operations, placing tensors, numbering: each takes about as much of the time."""


class View(msgspec.Struct, eq=False, kw_only=True):
    """Items in an order in which groups precede their contents, and the links between items.

    `children[k]` are the items directly inside `groups[k]`; `groups[0]` is -1, the drawing itself. `links` are
    (source item, target item, indices of the edges it stands for).
    """

    items: list[Item]
    groups: list[int]
    children: list[list[int]]
    links: list[tuple[int, int, tuple[int, ...]]]
    item_of_node: npt.NDArray[np.int64]


class _Box(msgspec.Struct, eq=False):
    """An item in the making; `node` is a node's id, for a folded group the number of its scope."""

    kind: ItemKind
    scope: int
    node: int | None = None
    key: float = 0.0
    """Its place in the order of execution; a tensor comes just before its first consumer."""
    members: list[int] = msgspec.field(default_factory=list)
    number: int = -1


_BY_KEY: Callable[[tuple[float, _Box | int]], float] = itemgetter(0)


def _is_same_module(one: str, other: str) -> bool:
    return one == other or one.partition("@")[0] == other.partition("@")[0]


def view_of(graph: Graph, folds: Folds, pace: Pace) -> View:
    """Work out the items and links of `graph` when the calls in `folds` are folded, as the section that has begun."""
    return _Viewer(graph, folds).view(pace)


class _Viewer:
    def __init__(self, graph: Graph, folds: Folds) -> None:
        self.graph = graph
        self.folds = folds
        self.paths: list[ScopePath] = [()]
        self.parents: list[int] = [-1]
        self.folded_in: list[int] = [-1]
        """The outermost folded scope that a scope is or lies in; -1 if it is open."""
        self._number: dict[ScopePath, int] = {(): 0}
        self.repeats: dict[int, int] = {}
        """How many folded calls share the box of a folded scope, where there are several."""
        self.periods: dict[int, int] = {}
        self.folded: dict[int, _Box] = {}
        self.contents: dict[int, list[_Box]] = {}
        self.box_of: list[_Box | None] = [None] * len(graph.nodes)
        self.chips: dict[tuple[int, int], _Box] = {}
        self.unseen: set[tuple[int, int]] = set()
        """Tensors (by node and folded box) that a further call of their own module uses: that goes without saying."""

    def view(self, pace: Pace) -> View:
        scope_of = [self._scope(node) for node in self.graph.nodes]
        pace.advance(_STAGE)
        for node, scope in zip(self.graph.nodes, scope_of, strict=True):
            if node.kind == "op":
                self._place(node, scope)
        pace.advance(_STAGE)
        is_small = sum(box is not None for box in self.box_of) <= _SMALL
        for node, scope in zip(self.graph.nodes, scope_of, strict=True):
            if node.kind != "op":
                self._place_tensor(node, scope, is_small=is_small)
        pace.advance(_STAGE)
        return self._numbered()

    def _scope(self, node: Node) -> int:
        path = () if node.kind == "input" else self.folds.scope_of(node)
        found = self._number.get(path)
        if found is not None:
            return found
        parent = 0
        for depth in range(1, len(path) + 1):
            part = path[:depth]
            number = self._number.get(part)
            if number is None:
                number = self._number[part] = len(self.paths)
                self.paths.append(part)
                self.parents.append(parent)
                outer = self.folded_in[parent]
                if outer < 0 and part in self.folds:
                    outer = self._sharing(part, number)
                self.folded_in.append(outer)
            parent = number
        return parent

    def _sharing(self, path: ScopePath, number: int) -> int:
        """The folded scope whose box shows the folded scope of this path and number: of a collapsed run, the first."""
        if self.folds.run_of(path) is None:
            return number
        shared = self.folds.sharing_box(path)
        if len(shared) == 1:
            return number
        first = self._number.get(shared[0], number)
        self.periods[first] = self.folds.period_of(path)
        self.repeats[first] = self.repeats.get(first, 0) + 1
        return first

    def _place(self, node: Node, scope: int) -> None:
        """Draw a node in its scope, or hide it in the folded box around that."""
        folded = self.folded_in[scope]
        if folded < 0:
            self.box_of[node.id] = self._add(_Box("node", scope, node.id, node.id))
            return
        box = self.folded.get(folded)
        if box is None:
            box = self.folded[folded] = self._add(_Box("group", self.parents[folded], folded, node.id))
        box.members.append(node.id)
        self.box_of[node.id] = box

    def _add(self, box: _Box) -> _Box:
        self.contents.setdefault(box.scope, []).append(box)
        return box

    def _place_tensor(self, node: Node, scope: int, *, is_small: bool) -> None:
        """Draw a tensor once, or as a chip at each place where it is used, or hide it in the box that owns it."""
        consumers: dict[int, _Box] = {}
        for edge in self.graph.outgoing(node.id):
            box = self.box_of[edge.target]
            if box is not None and edge.target != node.id:
                consumers.setdefault(id(box), box)
        own = {key for key, box in consumers.items() if box.kind == "group" and self._owns(box, node.scope)}
        if self.folded_in[scope] >= 0 or len(own) < len(consumers):
            for number in own:
                del consumers[number]
                self.unseen.add((node.id, number))
        if self.folded_in[scope] >= 0:
            self._place(node, scope)
            home = self.box_of[node.id]
            for box in consumers.values():
                if box is not home:
                    self._add_chip(node, box)
            return
        users = list(consumers.values())
        key = min((box.key for box in users), default=float(node.id)) - 0.5
        levels = {box.scope for box in users}
        if len(users) <= 1 or (len(levels) == 1 and is_small and len(users) <= _FEW):
            where = users[0].scope if users and node.kind != "input" else scope
            self.box_of[node.id] = self._add(_Box("node", where, node.id, key))
        elif node.kind == "input" and len(users) <= _FEW:
            self.box_of[node.id] = self._add(_Box("node", scope, node.id, key))
        else:
            for box in users:
                chip = self._add_chip(node, box)
                if self.box_of[node.id] is None:
                    self.box_of[node.id] = chip

    def _owns(self, box: _Box, scope: ScopePath) -> bool:
        """Whether a folded box is another call of the module that a tensor belongs to, or of one around that."""
        assert box.node is not None
        path = self.paths[box.node]
        return len(path) <= len(scope) and all(map(_is_same_module, path, scope))

    def _add_chip(self, node: Node, consumer: _Box) -> _Box:
        chip = self._add(_Box("chip", consumer.scope, node.id, consumer.key - 0.5))
        self.chips[node.id, id(consumer)] = chip
        return chip

    def _numbered(self) -> View:
        """Number the boxes, outer ones first and in the order of execution, and collect the links."""
        first: dict[int, float] = {}
        inner: dict[int, list[int]] = {}
        for scope in range(len(self.paths) - 1, -1, -1):
            keys = [first[part] for part in inner.get(scope, [])]
            keys += [box.key for box in self.contents.get(scope, [])]
            if keys and self.folded_in[scope] < 0:
                first[scope] = min(keys)
                inner.setdefault(self.parents[scope], []).append(scope)
        items: list[Item] = []
        groups = [-1]
        children: list[list[int]] = [[]]
        waiting = [(0, -1, 0)]
        while waiting:
            scope, number, slot = waiting.pop()
            found: list[tuple[float, _Box | int]] = [(box.key, box) for box in self.contents.get(scope, [])]
            found += [(first[part], part) for part in inner.get(scope, [])]
            for _, part in sorted(found, key=_BY_KEY):
                children[slot].append(len(items))
                if isinstance(part, _Box):
                    part.number = len(items)
                    items.append(self._item(part, number))
                    continue
                waiting.append((part, len(items), len(groups)))
                groups.append(len(items))
                children.append([])
                items.append(Item(kind="group", scope=self.paths[part], parent=number))
        shown = np.array([-1 if box is None else box.number for box in self.box_of], dtype=np.int64)
        return View(items=items, groups=groups, children=children, links=self._links(), item_of_node=shown)

    def _item(self, box: _Box, parent: int) -> Item:
        if box.kind == "group":
            assert box.node is not None
            return Item(
                kind="group",
                scope=self.paths[box.node],
                parent=parent,
                is_folded=True,
                members=tuple(sorted(box.members)),
                repeats=self.repeats.get(box.node, 1) // (period := self.periods.get(box.node, 1)),
                period=period,
            )
        return Item(kind=box.kind, scope=self.paths[box.scope], node=box.node, parent=parent)

    def _links(self) -> list[tuple[int, int, tuple[int, ...]]]:
        found: dict[tuple[int, int], list[int]] = {}
        chips, box_of, unseen = self.chips, self.box_of, self.unseen
        for index, edge in enumerate(self.graph.edges):
            target = box_of[edge.target]
            if target is None:
                continue
            key = (edge.source, id(target))
            source = chips.get(key) or box_of[edge.source]
            if source is None or (source is target and source.kind == "group") or key in unseen:
                continue
            ends = (source.number, target.number)
            bundle = found.get(ends)
            if bundle is None:
                found[ends] = [index]
            else:
                bundle.append(index)
        folded = {box.number for box in self.folded.values()}
        links: list[tuple[int, int, tuple[int, ...]]] = []
        for (start, end), edges in found.items():
            if len(edges) == 1 or len(edges) > _FEW or start in folded or end in folded:
                links.append((start, end, tuple(edges)))
            else:
                links += [(start, end, (edge,)) for edge in edges]
        return links
