"""Levels put together: inner ones first, then everything in one place, with links stitched across borders."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from ..drawing import Drawing, Item, Link, Sizes
from ..model import NodeKind
from .arrange import Arranger
from .columns import MANY_BOXES
from .level import Arranged, Box, Level, Wire
from .pace import VIEW_SHARE, Pace
from .stitch import Stitcher
from .view import View

SIDE = 16.0
BOTTOM = 12.0
UNDER_TITLE = 6.0
BESIDE_TITLE = 4.0
"""From the title of an open group to the first link that comes in beside it."""

KindOf = Callable[[Item], NodeKind | None]
_SIDE_KINDS = frozenset(["leaf", "buffer", "constant"])
_End = tuple[int, int]
"""A child's place and port, or the code of an entry or exit and -1."""
_THREADED, _ARRANGED = 0.5, 0.9
"""How much of a large layout's time is over when links are led through levels, and when levels are arranged."""
_OFTEN = 2_000
"""After so many links it is asked whether the layout is still wanted."""
_SHORT = 5
"""A level of at most so many module calls is not long."""
_SLENDER, _CALM = 1.5, 900.0
"""A drawing so many times as high as would fill the window is laid out again in columns, if it is higher than that."""
_SMALL_SLENDER, _SMALL_CALM = 2.9, 1100.0
"""The same for small graphs, which rather keep one calm column."""
_MOST_TRIED = 3_000
"""So many boxes at most are laid out anew, all trials together."""
_WORTH_IT = 1.1
"""Other columns are taken where without them so much more of a window is needed."""
_AS_WELL, _MOST_UNDONE = 1.03, 6
"""One column is left to at most so many levels, where hardly more of a window is needed for it."""
_MOST_COLUMNS, _PATIENCE = 30, 2
"""So many columns at most are tried, and no more after that many failures."""


def compose(
    view: View,
    kind_of: KindOf,
    sizes: Sizes,
    arranger: Arranger,
    pace: Pace,
    *,
    is_across: bool = False,
) -> Drawing:
    """Lay out `view`, with the data flowing down, or to the right if `is_across`; its bounds begin at (0, 0).

    `pace` is told between levels how far the work is, which begins where `view` was made (`VIEW_SHARE`).
    """
    return _Composer(view, kind_of, sizes, arranger, pace, is_across=is_across).drawing()


class _Draft:
    """The level of one open group while its wires are collected.

    Entries and exits are numbered by the item that the data comes from. In `wires`, -1 - 2 k stands for entry k,
    -2 - 2 k for exit k, and anything else for a child's place.
    """

    __slots__ = ("entries", "exits", "known", "shape", "wires")

    def __init__(self) -> None:
        self.entries: dict[int, int] = {}
        self.exits: dict[int, int] = {}
        self.wires: list[tuple[int, int, int, int]] = []
        self.known: dict[tuple[int, int, int, int], int] = {}
        self.shape: tuple[object, ...] | None = None
        """All of it but the boxes, once that is complete."""

    def wire(self, start: _End, end: _End) -> int:
        """Number of the wire between two ends, one of which is at a border; the one that is there already, if any."""
        wire = start + end
        number = self.known.get(wire)
        if number is None:
            number = self.known[wire] = len(self.wires)
            self.wires.append(wire)
        return number


class _Composer:
    def __init__(
        self,
        view: View,
        kind_of: KindOf,
        sizes: Sizes,
        arranger: Arranger,
        pace: Pace,
        *,
        is_across: bool,
    ) -> None:
        self.is_across = is_across
        """Everything is laid out downwards; for the other direction x and y are exchanged before and after."""
        self.view = view
        self.kind_of = kind_of
        self.arranger = arranger
        self.pace = pace
        self.measure = sizes
        self.sizes = [sizes(item) for item in view.items]
        self.parents = [item.parent for item in view.items]
        self.place = [0] * len(view.items)
        for children in view.children:
            for place, child in enumerate(children):
                self.place[child] = place
        self.drafts = {group: _Draft() for group in view.groups}
        self.depth = {-1: 0}
        self.may_wrap = {-1: True}
        """Groups whose contents may be laid out in columns; those that fill the drawing always are the trunk."""
        self.is_trunk = {-1: True}
        self._judge_groups()
        self.boxes: list[Box] = []
        self._box_numbers: dict[Box, int] = {}
        self._closed_boxes: dict[tuple[tuple[float, float], NodeKind | None], int] = {}
        self.box_of = [-1] * len(view.items)
        self._known: dict[tuple[object, ...], Arranged] = {}
        self._group_boxes: dict[tuple[object, ...], tuple[int, tuple[float, float]]] = {}
        self.arranged: dict[int, Arranged] = {}
        self.held: dict[int, tuple[int, ...]] = {}
        """Numbers of the boxes that each group holds."""
        self.insets: dict[int, tuple[float, float]] = {-1: (0.0, 0.0)}
        self.stitcher = Stitcher()
        pace.begin(VIEW_SHARE, _THREADED)
        for number, (source, target, _) in enumerate(view.links):
            if number % _OFTEN == 0:
                pace.advance(_OFTEN / len(view.links))
            self._thread(source, target)

    def _judge_groups(self) -> None:
        items = self.view.items
        is_long: dict[int, bool] = {}
        for group, children in zip(self.view.groups, self.view.children, strict=True):
            is_long[group] = sum(items[child].kind == "group" for child in children) > _SHORT
            if group >= 0:
                parent = self.parents[group]
                self.depth[group] = self.depth[parent] + 1
                self.is_trunk[group] = self.is_trunk[parent] and not is_long[parent]
            self.may_wrap[group] = self.is_trunk[group] or len(children) > MANY_BOXES

    def _thread(self, source: int, target: int) -> None:
        """Lead a link through the levels between its ends; the stitcher learns which wires it runs along."""
        outer, inner = self.parents[source], self.parents[target]
        if outer == inner:
            wires = self.drafts[outer].wires
            self.stitcher.add(outer, len(wires))
            wires.append((self.place[source], -1, self.place[target], -1))
            self.stitcher.end_link()
            return
        into: list[int] = []
        end: _End = (self.place[source], -1)
        while outer != inner:
            if self.depth[outer] >= self.depth[inner]:
                draft = self.drafts[outer]
                number = draft.exits.setdefault(source, len(draft.exits))
                self.stitcher.add(outer, draft.wire(end, (-2 - 2 * number, -1)))
                end = (self.place[outer], number)
                outer = self.parents[outer]
            else:
                into.append(inner)
                inner = self.parents[inner]
        group = outer
        for inside in reversed(into):
            entries = self.drafts[inside].entries
            number = entries.setdefault(source, len(entries))
            self.stitcher.add(group, self.drafts[group].wire(end, (self.place[inside], number)))
            group, end = inside, (-1 - 2 * number, -1)
        self.stitcher.add(group, self.drafts[group].wire(end, (self.place[target], -1)))
        self.stitcher.end_link()

    # Inner levels first

    def _arrange_all(self) -> None:
        total, done = max(len(self.view.items), 1), 0
        for group, children in zip(reversed(self.view.groups), reversed(self.view.children), strict=True):
            start, done = done, done + len(children)
            self.pace.begin(*(_THREADED + (_ARRANGED - _THREADED) * part / total for part in (start, done)))
            boxes = tuple([self._box(child) for child in children])
            self._settle(group, boxes, self._arranged_level(group, boxes, None))
        self._fill_window()

    def _arranged_level(self, group: int, boxes: tuple[int, ...], most: float | None) -> Arranged:
        draft = self.drafts[group]
        if draft.shape is None:
            draft.shape = (len(draft.entries), len(draft.exits), self.is_trunk[group], tuple(draft.wires))
        key = (boxes, most, draft.shape)
        arranged = self._known.get(key)
        if arranged is None:
            arranged = self._known[key] = self.arranger.arrange_whole(self._level(group, boxes), most)
        return arranged

    def _settle(self, group: int, boxes: tuple[int, ...], arranged: Arranged) -> None:
        self.held[group] = boxes
        self.arranged[group] = arranged
        if group >= 0:
            self._close(group, arranged)

    def _fill_window(self) -> None:
        """Lay what is too slender for the window out in more columns, as few as do it."""
        whole, aspect = self.arranged[-1], self.arranger.aspect
        need = _window(whole, aspect)
        slender, calm = (_SLENDER, _CALM) if self.arranger.shape is not None else (_SMALL_SLENDER, _SMALL_CALM)
        if whole.height < max(calm / min(aspect, 1.0), slender * whole.width / aspect):
            return
        first = dict(self.arranged)
        held = dict(self.held)
        best = now = None
        """The height of columns that does best, and that of the columns which there are now; None: as at first."""
        failures = boxes = 0
        for count in range(2, _MOST_COLUMNS + 1):
            most = whole.height / count
            boxes += sum(len(held[group]) for group, one in first.items() if _is_high(one, most))
            if boxes > _MOST_TRIED:
                break
            self._arrange_below(most, first, held)
            now, found = most, _window(self.arranged[-1], aspect)
            if found * _WORTH_IT < need:
                best, need, failures = most, found, 0
            elif failures == _PATIENCE or self.arranged[-1].width > aspect * self.arranged[-1].height:
                break
            else:
                failures += 1
        if now != best:
            self._arrange_below(best, first, held)
        if best is not None:
            self._undo_idle_columns(best, first, held, need)

    def _undo_idle_columns(
        self, most: float, first: dict[int, Arranged], held: dict[int, tuple[int, ...]], need: float
    ) -> None:
        """Leave those levels in one column, outer ones first, for which the drawing fits the window as well."""
        whole: frozenset[int] = frozenset()
        for group in [group for group in self.view.groups if self.arranged[group].columns > 1][:_MOST_UNDONE]:
            self._arrange_below(most, first, held, whole | {group})
            if _window(self.arranged[-1], self.arranger.aspect) <= _AS_WELL * need:
                whole |= {group}
        self._arrange_below(most, first, held, whole)

    def _arrange_below(
        self,
        most: float | None,
        first: dict[int, Arranged],
        held: dict[int, tuple[int, ...]],
        whole: frozenset[int] = frozenset(),
    ) -> None:
        """Lay out anew what is higher than `most`, and what is around it; None gives what was there at first.

        The groups in `whole` stay in one column.
        """
        for group, children in zip(reversed(self.view.groups), reversed(self.view.children), strict=True):
            self.pace.check()
            boxes = tuple([self._box(child) for child in children])
            arranged = first[group]
            if most is not None and (boxes != held[group] or _is_high(arranged, most)):
                arranged = self._arranged_level(group, boxes, math.inf if group in whole else most)
            self._settle(group, boxes, arranged)

    def _level(self, group: int, boxes: tuple[int, ...]) -> Level:
        draft = self.drafts[group]
        entries, exits = len(draft.entries), len(draft.exits)

        def vertex(code: int) -> int:
            return (-1 - code) // 2 if code % 2 else entries + (-2 - code) // 2

        first = entries + exits
        wires = tuple(
            [
                Wire(first + a if a >= 0 else vertex(a), port, first + b if b >= 0 else vertex(b), other)
                for a, port, b, other in draft.wires
            ]
        )
        return Level(entries, exits, tuple(self.boxes[box] for box in boxes), wires, self.is_trunk[group])

    def _box(self, item: int) -> int:
        """Number of an item's box; equal boxes have one number."""
        number = self.box_of[item]
        if number < 0:
            key = (self.sizes[item], self.kind_of(self.view.items[item]))
            known = self._closed_boxes.get(key)
            if known is None:
                (width, height), kind = self._turned(key[0]), key[1]
                box = Box(width, height, is_tensor=kind not in (None, "op"), is_side=kind in _SIDE_KINDS)
                known = self._closed_boxes[key] = self._numbered(box)
            number = self.box_of[item] = known
        return number

    def _numbered(self, box: Box) -> int:
        number = self._box_numbers.setdefault(box, len(self.boxes))
        if number == len(self.boxes):
            self.boxes.append(box)
        return number

    def _close(self, group: int, arranged: Arranged) -> None:
        """Make the box of an open group whose contents are arranged."""
        folded = None
        if self.may_wrap[self.parents[group]]:
            folded = self._turned(self.measure(msgspec.structs.replace(self.view.items[group], is_folded=True)))
        key = (id(arranged), self.sizes[group], folded)
        known = self._group_boxes.get(key)
        if known is None:
            known = self._group_boxes[key] = self._framed(*self.sizes[group], arranged, folded)
        self.box_of[group], self.insets[group] = known

    def _framed(
        self, least: float, title: float, arranged: Arranged, folded: tuple[float, float] | None
    ) -> tuple[int, tuple[float, float]]:
        """The box around contents, and where they begin in it."""
        if self.is_across:  # the title bar is at what is the left side until x and y are exchanged
            height = max(least, arranged.height + 2 * SIDE)
            left, top = title + UNDER_TITLE, (height - arranged.height) / 2
            width = left + arranged.width + BOTTOM
        else:
            width = max(least, arranged.width + 2 * SIDE)
            left, top = (width - arranged.width) / 2, title + UNDER_TITLE
            # What comes in through the upper border passes the title on its right.
            shift = least + BESIDE_TITLE - left - min(arranged.entry_xs, default=least)
            if shift > 0:
                left += shift
                width = max(width, left + arranged.width + SIDE)
            height = top + arranged.height + BOTTOM
        entries, exits = tuple(x + left for x in arranged.entry_xs), tuple(x + left for x in arranged.exit_xs)
        return self._numbered(Box(width, height, entries, exits, folded=folded)), (left, top)

    def _turned(self, size: tuple[float, float]) -> tuple[float, float]:
        return size[::-1] if self.is_across else size

    # Then everything in its place

    def drawing(self) -> Drawing:
        self._arrange_all()
        view, boxes = self.view, self.boxes
        corners = [(0.0, 0.0)] * len(view.items)
        origins: dict[int, tuple[float, float]] = {}
        for group, children in zip(view.groups, view.children, strict=True):
            left, top = self.insets[group]
            x, y = (left, top) if group < 0 else (corners[group][0] + left, corners[group][1] + top)
            origins[group] = (x, y)
            arranged = self.arranged[group]
            for child, dx, dy in zip(children, arranged.lefts, arranged.tops, strict=True):
                corners[child] = (x + dx, y + dy)
        extents = [boxes[number][:2] for number in self.box_of]
        rects = np.concatenate([np.array(corners).reshape(-1, 2), np.array(extents).reshape(-1, 2)], axis=1)
        self.pace.begin(_ARRANGED, 1.0)
        points, ends = self.stitcher.stitched(self.arranged, origins)
        if len(rects):
            low = np.minimum(rects[:, :2].min(axis=0), points.min(axis=0, initial=np.inf))
            rects[:, :2] -= low
            points -= low
        if self.is_across:
            rects, points = rects[:, [1, 0, 3, 2]], np.ascontiguousarray(points[:, ::-1])
        links = [
            Link(source=source, target=target, edges=edges, points=points[start:end])
            for (source, target, edges), start, end in zip(view.links, [0, *ends], ends, strict=False)
        ]
        return Drawing(items=view.items, rects=rects, links=links, item_of_node=view.item_of_node)


def _window(arranged: Arranged, aspect: float) -> float:
    """Height of the smallest window of the wanted proportions that holds a level."""
    return max(arranged.height, arranged.width / aspect)


def _is_high(arranged: Arranged, most: float) -> bool:
    """Whether a level is to be laid out anew where columns may be `most` high."""
    return arranged.height > most or arranged.columns > 1
