"""From a graph to a drawing: the layouts that there are, and the boxes' sizes where nobody says them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import LayoutError
from .drawing import Drawing, Item, ItemKind, Sizes
from .fold import OPEN_UP_TO, Folds
from .layered.arrange import Arranger
from .layered.compose import compose
from .layered.memory import remembered
from .layered.pace import VIEW_SHARE, LayoutCancelledError, Pace
from .layered.view import View, view_of
from .model import Graph, Node, NodeKind
from .networkx_layout import NetworkxLayout, SizesByNode, converted
from .spread import spread

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["METHODS", "Direction", "LayoutCancelledError", "default_sizes", "layout"]

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


@overload
def layout(
    graph: Graph,
    method: str = "layered",
    sizes: Sizes | None = None,
    folds: Folds | None = None,
    direction: Direction = "down",
    aspect: float = 1.6,
    is_cancelled: Callable[[], bool] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Drawing: ...


@overload
def layout(
    graph: nx.Graph[Any],
    method: str = "layered",
    sizes: SizesByNode | None = None,
    folds: Folds | None = None,
    direction: Direction = "down",
    aspect: float = 1.6,
    is_cancelled: Callable[[], bool] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> NetworkxLayout: ...


def layout(
    graph: Graph | nx.Graph[Any],
    method: str = "layered",
    sizes: Any = None,
    folds: Folds | None = None,
    direction: Direction = "down",
    aspect: float = 1.6,
    is_cancelled: Callable[[], bool] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Drawing | NetworkxLayout:
    """Lay out a graph, ours or any of networkx's. The same arguments give the same drawing.

    Parameters
    ----------
    graph : what to draw. A networkx graph may have any nodes; their attribute `scope`, a name or a sequence of names,
        puts them into nested boxes.
    method : a name from `METHODS`.
    sizes : width and height of an item's box in scene units; for an open group its least width and the height of its
        title bar. For a networkx graph a mapping, or a function, from node to width and height. By default estimated
        from the length of the labels.
    folds : which module calls are folded; `Folds.default_for(graph)` by default, none in a networkx graph.
    direction : where data flows to.
    aspect : width divided by height of the window, which long chains are wrapped to fill.
    is_cancelled : asked between pieces of the work.
    on_progress : called with the share of the work that is done, from 0 to 1, never less than before.

    Raises
    ------
    LayoutError
        The method does not exist or cannot draw this graph, or the layout was cancelled.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.DiGraph([("x", "mul"), ("w", "mul"), ("mul", "add"), ("b", "add")])
    >>> result = layout(graph, sizes={"mul": (80, 40)})
    >>> x, y = result.positions["mul"]  # for nx.draw(graph, result.positions), say
    >>> bool(y > result.positions["add"][1])  # y grows upwards, and data flows down
    True
    >>> [float(side) for side in result.boxes["mul"][2:]]
    [80.0, 40.0]
    >>> result.routes["x", "mul"].shape[1]
    2
    """
    if not isinstance(graph, Graph):
        plain = converted(graph)
        folds = folds if folds is not None else Folds.none()
        measure = plain.sizes(sizes)
        return plain.result(layout(plain.graph, method, measure, folds, direction, aspect, is_cancelled, on_progress))
    titles = dict(METHODS)
    if method not in titles:
        raise LayoutError(f"There is no layout named {method!r}. There are: {', '.join(titles)}.")
    if direction not in ("down", "right"):
        raise LayoutError(f"Data flows down or right in a layout, not {direction!r}.")
    sizes = sizes if sizes is not None else default_sizes(graph)
    folds = folds if folds is not None else Folds.default_for(graph)

    pace = Pace(is_cancelled, on_progress)
    with _collector_paused():
        pace.begin(0.0, VIEW_SHARE)
        view = view_of(graph, folds, pace)
        if method != "layered":
            drawing = _at_origin(spread(view, method, sizes, titles[method], pace))
        else:
            drawing = _layered(graph, view, sizes, direction, aspect, pace)
    pace.finish()
    return drawing


def _layered(graph: Graph, view: View, sizes: Sizes, direction: Direction, aspect: float, pace: Pace) -> Drawing:
    # Teaching graphs keep one calm column; large ones make use of the window.
    is_across = direction == "right"
    may_wrap = len(graph.nodes) > OPEN_UP_TO
    proportions = 1.0 / aspect if is_across else aspect

    def kind_of(item: Item) -> NodeKind | None:
        return None if item.node is None else graph.nodes[item.node].kind

    with remembered(graph, (proportions, may_wrap, is_across)) as memory:
        arranger = Arranger(proportions, pace, memory, may_wrap=may_wrap, is_across=is_across)
        return compose(view, kind_of, sizes, arranger, pace, is_across=is_across)


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
