"""What a layout produces and a canvas paints: boxes, links between them, and nothing about pixels or colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from .model import ScopePath

ItemKind = Literal["node", "group", "chip"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What one box stands for.

    A "node" is one node of the graph; a "group" is one call of a module, open or folded; a "chip" is a small copy of a
    leaf, input, buffer or constant, drawn beside one of its consumers. `node` is the node's id (None for a group),
    `scope` the group's path (for the others, the scope that they are drawn in). `parent` is the index of the enclosing
    group's item, -1 at the top. `members` are the ids of all nodes inside a folded group, in order of execution.
    `repeats` is the number of module calls that a folded group stands for, more than 1 for a collapsed run; `scope` is
    then the first one's path, and the last one's is the beginning of the last member's scope. Where `period` different
    calls repeat together, `repeats` counts how often they do.
    """

    kind: ItemKind
    scope: ScopePath = ()
    node: int | None = None
    parent: int = -1
    is_folded: bool = False
    members: tuple[int, ...] = ()
    repeats: int = 1
    period: int = 1


class Link(msgspec.Struct, eq=False, kw_only=True):
    """One drawn connection from item `source` down to item `target`, standing for `edges` (indices in Graph.edges).

    `points` is its polyline, shape (k, 2), from the source's border to the target's, corners not yet rounded.
    """

    source: int
    target: int
    edges: tuple[int, ...]
    points: npt.NDArray[np.float64]


class Drawing(msgspec.Struct, eq=False, kw_only=True):
    """A complete layout in scene units (1 unit = 1 pixel at 100 %; x to the right, y down).

    `items[i]` occupies `rects[i]` = (x, y, width, height). Groups come before what is inside them.
    `item_of_node[n]` is the index of the item that shows node n: its own box, its first chip, or the folded group that
    hides it; -1 if it is not drawn at all.
    """

    items: list[Item]
    rects: npt.NDArray[np.float64]
    links: list[Link]
    item_of_node: npt.NDArray[np.int64]
    method: str = "layered"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x, y, width, height of everything, links included; zeros when nothing is drawn."""
        corners = [self.rects[:, :2], self.rects[:, :2] + self.rects[:, 2:]] if len(self.rects) else []
        corners += [link.points for link in self.links if len(link.points)]
        if not corners:
            return 0.0, 0.0, 0.0, 0.0
        every = np.concatenate(corners)
        low, high = every.min(axis=0), every.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


# The size of an item's box (width, height). For an open group: the least width and the height of its title bar.
Sizes = Callable[[Item], tuple[float, float]]
