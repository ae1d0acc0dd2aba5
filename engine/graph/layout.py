"""From a graph to a drawing: the layouts that there are, and the boxes' sizes where nobody says them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from ..errors import LayoutError
from .drawing import Drawing, Item, ItemKind, Sizes
from .fold import OPEN_UP_TO, Folds
from .layered.arrange import Arranger
from .layered.compose import compose
from .layered.view import View, view_of
from .model import Graph, Node, NodeKind
from .spread import spread

Direction = Literal["down", "right"]

METHODS: tuple[tuple[str, str], ...] = (
    ("layered", "Layered"),
    ("multipartite", "Multipartite"),
    ("kamada_kawai", "Kamada–Kawai"),
    ("spring", "Spring"),
    ("spectral", "Spectral"),
    ("shell", "Shell"),
    ("circular", "Circular"),
    ("planar", "Planar"),
    ("bfs", "Breadth first"),
    ("spiral", "Spiral"),
    ("arf", "Attractive and repulsive forces"),
    ("forceatlas2", "ForceAtlas2"),
)
"""Name and title of every layout: our own first, then networkx's, which suit small graphs."""


def layout(
    graph: Graph,
    method: str = "layered",
    sizes: Sizes | None = None,
    folds: Folds | None = None,
    direction: Direction = "down",
    aspect: float = 1.6,
    is_cancelled: Callable[[], bool] | None = None,
) -> Drawing:
    """Lay out a graph. The same arguments give the same drawing.

    Parameters
    ----------
    graph : what to draw.
    method : a name from `METHODS`.
    sizes : width and height of an item's box in scene units; for an open group its least width and the height of its
        title bar. By default estimated from the length of the labels.
    folds : which module calls are folded; `Folds.default_for(graph)` by default.
    direction : where data flows to.
    aspect : width divided by height of the window, which long chains are wrapped to fill.
    is_cancelled : asked between pieces of the work.

    Raises
    ------
    LayoutError
        The method does not exist or cannot draw this graph, or the layout was cancelled.
    """

    titles = dict(METHODS)
    if method not in titles:
        raise LayoutError(f"There is no layout named {method!r}. There are: {', '.join(titles)}.")
    if direction not in ("down", "right"):
        raise LayoutError(f"Data flows down or right in a layout, not {direction!r}.")
    sizes = sizes if sizes is not None else default_sizes(graph)
    folds = folds if folds is not None else Folds.default_for(graph)

    def check() -> None:
        if is_cancelled is not None and is_cancelled():
            raise LayoutCancelledError("The layout was cancelled.")

    with _collector_paused():
        check()
        view = view_of(graph, folds)
        check()
        if method != "layered":
            return _at_origin(spread(view, method, sizes, titles[method]))
        return _layered(graph, view, sizes, direction, aspect, check)


def _layered(
    graph: Graph, view: View, sizes: Sizes, direction: Direction, aspect: float, check: Callable[[], None]
) -> Drawing:
    # Teaching graphs keep one calm column; large ones make use of the window.
    arranger = Arranger(1.0 / aspect if direction == "right" else aspect, check, may_wrap=len(graph.nodes) > OPEN_UP_TO)

    def kind_of(item: Item) -> NodeKind | None:
        return None if item.node is None else graph.nodes[item.node].kind

    return compose(view, kind_of, sizes, arranger, check, is_across=direction == "right")


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the garbage collector, which would walk again and again through all that a large layout makes.

    Of what a layout makes, next to nothing is in cycles: its memory is given back without the collector.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _at_origin(drawing: Drawing) -> Drawing:
    """The drawing moved so that its bounds begin at (0, 0)."""
    x, y, _, _ = drawing.bounds
    if (x, y) != (0.0, 0.0):
        drawing.rects[:, :2] -= (x, y)
        for link in drawing.links:
            link.points -= (x, y)
    return drawing


class LayoutCancelledError(LayoutError):
    """The layout was no longer wanted."""


def default_sizes(graph: Graph) -> Sizes:
    """Sizes estimated from the labels' lengths, about right for a 13 px face."""
    known: dict[tuple[str, str, str | None, str | None, str | None], tuple[float, float]] = {}

    def size(item: Item) -> tuple[float, float]:
        if item.node is None:
            width = 60.0 + 7.5 * (len(item.scope[-1]) if item.scope else 0)
            return (max(190.0, width), 58.0) if item.is_folded else (width, 26.0)
        node = graph.nodes[item.node]
        key = (item.kind, node.kind, node.op, node.grad_fn, node.name)
        found = known.get(key)
        if found is None:
            found = known[key] = _size_of_node(item.kind, node)
        return found

    return size


def _size_of_node(item_kind: ItemKind, node: Node) -> tuple[float, float]:
    letters = len(node.label) + len(node.name or "")
    if item_kind == "chip":
        return min(max(90.0, 24.0 + 7.0 * letters), 160.0), 26.0
    if node.kind == "op":
        return max(160.0, 60.0 + 7.5 * letters), 46.0
    return max(120.0, 40.0 + 7.5 * letters), 44.0
