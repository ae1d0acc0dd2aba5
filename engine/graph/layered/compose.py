"""Levels put together: inner ones first, then everything in one place, with links stitched across borders."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from ..drawing import Drawing, Item, Link, Sizes
from ..model import NodeKind
from .arrange import Arranger
from .level import Arranged, Box, Level, Route, Wire, simplified
from .view import View

SIDE = 16.0
BOTTOM = 12.0
UNDER_TITLE = 6.0

KindOf = Callable[[Item], NodeKind | None]
_SIDE_KINDS = frozenset(["leaf", "buffer", "constant"])


def compose(
    view: View,
    kind_of: KindOf,
    sizes: Sizes,
    arranger: Arranger,
    check: Callable[[], None],
    *,
    is_across: bool = False,
) -> Drawing:
    """Lay out `view`, with the data flowing down, or to the right if `is_across`.

    `check` is called between levels and may raise to end the work.
    """
    return _Composer(view, kind_of, sizes, arranger, check, is_across=is_across).drawing()


class _Draft:
    """The level of one open group while its wires are collected. Ends are ("in" | "out" | child, net)."""

    def __init__(self, group: int, children: list[int]) -> None:
        self.group = group
        self.children = children
        self.place = {child: k for k, child in enumerate(children)}
        self.entries: dict[int, int] = {}
        self.exits: dict[int, int] = {}
        self.wires: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self.known: dict[tuple[tuple[int, int], tuple[int, int]], int] = {}

    def wire(self, start: tuple[int, int], end: tuple[int, int], *, is_own: bool) -> int:
        """Number of the wire between two ends; a new one, or (unless it `is_own`) the one that is there already."""
        if not is_own and (start, end) in self.known:
            return self.known[start, end]
        self.known[start, end] = len(self.wires)
        self.wires.append((start, end))
        return len(self.wires) - 1


_ENTRY, _EXIT = -1, -2
_SHORT = 5
"""A level of at most so many module calls is not long."""


class _Composer:
    def __init__(
        self,
        view: View,
        kind_of: KindOf,
        sizes: Sizes,
        arranger: Arranger,
        check: Callable[[], None],
        *,
        is_across: bool,
    ) -> None:
        self.is_across = is_across
        """Everything is laid out downwards; for the other direction x and y are exchanged before and after."""
        self.view = view
        self.kind_of = kind_of
        self.arranger = arranger
        self.check = check
        self.sizes = [sizes(item) for item in view.items]
        self.drafts = {
            group: _Draft(group, children) for group, children in zip(view.groups, view.children, strict=True)
        }
        self.folded_sizes = {
            group: sizes(msgspec.structs.replace(view.items[group], is_folded=True))
            for group in view.groups
            if group >= 0
        }
        self.arranged: dict[int, Arranged] = {}
        self.boxes: dict[int, Box] = {}
        self.chains = [self._chain(source, target) for source, target, _ in view.links]

    def _chain(self, source: int, target: int) -> list[tuple[int, int]]:
        """The (group, wire) pieces that a link consists of, from its source to its target."""
        items = self.view.items
        outs = self._groups_around(source)
        ins = self._groups_around(target)
        while len(outs) > 1 and len(ins) > 1 and outs[-2] == ins[-2]:
            outs.pop()
            ins.pop()
        pieces: list[tuple[int, int]] = []
        end = (source, -1)
        for group in outs[:-1]:
            draft = self.drafts[group]
            draft.exits.setdefault(source, len(draft.exits))
            pieces.append((group, draft.wire(end, (_EXIT, source), is_own=False)))
            end = (group, source)
        into = [(group, source) for group in ins[:-1]][::-1]
        goal = into[0] if into else (target, -1)
        is_own = end[1] < 0 and goal[1] < 0
        pieces.append((outs[-1], self.drafts[outs[-1]].wire(end, goal, is_own=is_own)))
        for index, (group, _) in enumerate(into):
            draft = self.drafts[group]
            draft.entries.setdefault(source, len(draft.entries))
            goal = into[index + 1] if index + 1 < len(into) else (target, -1)
            pieces.append((group, draft.wire((_ENTRY, source), goal, is_own=False)))
        del items
        return pieces

    def _groups_around(self, item: int) -> list[int]:
        groups = []
        while item >= 0:
            item = self.view.items[item].parent
            groups.append(item)
        return groups

    # Inner levels first

    def _arrange_all(self) -> None:
        for group in reversed(self.view.groups):
            self.check()
            draft = self.drafts[group]
            level = self._level(draft)
            arranged = self.arranged[group] = self.arranger.arrange(level)
            if group >= 0:
                self.boxes[group] = self._group_box(group, arranged)

    def _level(self, draft: _Draft) -> Level:
        first = len(draft.entries) + len(draft.exits)

        def end(item: int, net: int, *, is_source: bool) -> tuple[int, int]:
            if item == _ENTRY:
                return draft.entries[net], -1
            if item == _EXIT:
                return len(draft.entries) + draft.exits[net], -1
            if net < 0:
                return first + draft.place[item], -1
            inner = self.drafts[item]
            return first + draft.place[item], (inner.exits if is_source else inner.entries)[net]

        wires = tuple(Wire(*end(*start, is_source=True), *end(*goal, is_source=False)) for start, goal in draft.wires)
        boxes = tuple(self._box(child) for child in draft.children)
        return Level(len(draft.entries), len(draft.exits), boxes, wires, self._is_trunk(draft.group))

    def _is_trunk(self, group: int) -> bool:
        """Whether a group fills the drawing: no level around it is long."""
        while group >= 0:
            group = self.view.items[group].parent
            children = self.drafts[group].children
            if sum(self.view.items[child].kind == "group" for child in children) > _SHORT:
                return False
        return True

    def _box(self, item: int) -> Box:
        known = self.boxes.get(item)
        if known is not None:
            return known
        width, height = self._turned(self.sizes[item])
        kind = self.kind_of(self.view.items[item])
        return Box(width, height, is_tensor=kind not in (None, "op"), is_side=kind in _SIDE_KINDS)

    def _group_box(self, group: int, arranged: Arranged) -> Box:
        least, title = self.sizes[group]
        if self.is_across:  # the title bar is at what is the left side until x and y are exchanged
            height = max(least, arranged.height + 2 * SIDE)
            left, top = title + UNDER_TITLE, (height - arranged.height) / 2
            width = left + arranged.width + BOTTOM
        else:
            width = max(least, arranged.width + 2 * SIDE)
            left, top = (width - arranged.width) / 2, title + UNDER_TITLE
            height = top + arranged.height + BOTTOM
        self.insets[group] = (left, top)
        return Box(
            width,
            height,
            tuple(x + left for x in arranged.entry_xs),
            tuple(x + left for x in arranged.exit_xs),
            folded=self._turned(self.folded_sizes[group]),
        )

    def _turned(self, size: tuple[float, float]) -> tuple[float, float]:
        return size[::-1] if self.is_across else size

    # Then everything in its place

    def drawing(self) -> Drawing:
        """The finished drawing, the upper left corner of its boxes at the origin."""
        self.insets: dict[int, tuple[float, float]] = {-1: (0.0, 0.0)}
        self._arrange_all()
        view = self.view
        rects = np.zeros((len(view.items), 4))
        origin: dict[int, tuple[float, float]] = {}
        for group, children in zip(view.groups, view.children, strict=True):
            left, top = self.insets[group]
            x, y = (0.0, 0.0) if group < 0 else (float(rects[group, 0]), float(rects[group, 1]))
            origin[group] = (x + left, y + top)
            arranged = self.arranged[group]
            for child, dx, dy in zip(children, arranged.lefts, arranged.tops, strict=True):
                box = self._box(child)
                rects[child] = (x + left + dx, y + top + dy, box.width, box.height)
        self.check()
        if self.is_across:
            rects = rects[:, [1, 0, 3, 2]]
        links = [
            Link(source=source, target=target, edges=edges, points=self._points(chain, origin))
            for (source, target, edges), chain in zip(view.links, self.chains, strict=True)
        ]
        return Drawing(items=view.items, rects=rects, links=links, item_of_node=view.item_of_node)

    def _points(self, chain: list[tuple[int, int]], origin: dict[int, tuple[float, float]]) -> npt.NDArray[np.float64]:
        points: Route = []
        for group, wire in chain:
            x, y = origin[group]
            points += [(x + dx, y + dy) for dx, dy in self.arranged[group].routes[wire]]
        result = np.array(simplified(points), dtype=np.float64).reshape(-1, 2)
        return np.ascontiguousarray(result[:, ::-1]) if self.is_across else result
