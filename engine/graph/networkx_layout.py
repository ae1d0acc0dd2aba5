"""Any networkx graph through our layouts, and the result as networkx has its own: a dict of positions by node."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import LayoutError
from .drawing import Drawing, Item, Sizes
from .model import Edge, Graph, Node, ScopePath
from .walk import break_cycles

if TYPE_CHECKING:
    import networkx as nx

Name = Hashable
"""A node of a networkx graph."""
SizesByNode = Mapping[Name, tuple[float, float]] | Callable[[Name], tuple[float, float]]
"""Width and height by node; what a mapping does not name gets its size from its label."""
WIDEST = 400.0


class NetworkxLayout(msgspec.Struct, eq=False, kw_only=True):
    """Where a layout puts the nodes and edges of a networkx graph: x to the right and y up, as in Matplotlib.

    Attributes
    ----------
    positions : the centre of each node, an array (x, y); what networkx's drawing functions take as `pos`.
    boxes : x, y, width and height of each node's box, an array; (x, y) is its lower left corner.
    routes : the polyline of each edge, shape (k, 2), from the border of its source to that of its target. Keys are as
        in the graph's `edges`: (source, target), in a multigraph (source, target, key). Edges that are drawn as one
        line have equal routes; one within a single folded box has none.
    scopes : the boxes around the nodes of each scope that is not folded.
    drawing : the same as items and links with y down, as a canvas paints it. Its nodes are numbered as in `order`.
    order : the graph's nodes by their number in the drawing.
    """

    positions: dict[Any, npt.NDArray[np.float64]]
    boxes: dict[Any, npt.NDArray[np.float64]]
    routes: dict[tuple[Any, ...], npt.NDArray[np.float64]]
    scopes: dict[ScopePath, npt.NDArray[np.float64]]
    drawing: Drawing
    order: list[Any]


class Converted(msgspec.Struct, eq=False, kw_only=True):
    """A networkx graph as ours: node k stands for `order[k]`, edge k for `edges[k]`."""

    graph: Graph
    order: list[Any]
    edges: list[tuple[Any, ...]]

    def sizes(self, sizes: SizesByNode | None) -> Sizes:
        """Sizes of boxes from those by node."""
        return _BoxSizes(self, sizes)

    def result(self, drawing: Drawing) -> NetworkxLayout:
        """What a drawing of `graph` says about the networkx graph."""
        x, y, width, height = drawing.rects.reshape(-1, 4).T
        upright = np.stack([x, -y - height, width, height], axis=1) + 0.0  # no -0.0
        routes: dict[tuple[Any, ...], npt.NDArray[np.float64]] = {}
        for link in drawing.links:
            points = link.points * [1.0, -1.0] + 0.0
            routes.update(dict.fromkeys((self.edges[edge] for edge in link.edges), points))
        boxes = {name: upright[item] for name, item in zip(self.order, drawing.item_of_node, strict=True)}
        return NetworkxLayout(
            positions={name: box[:2] + box[2:] / 2 for name, box in boxes.items()},
            boxes=boxes,
            routes=routes,
            scopes={
                item.scope: upright[index]
                for index, item in enumerate(drawing.items)
                if item.kind == "group" and not item.is_folded
            },
            drawing=drawing,
            order=self.order,
        )


def converted(graph: nx.Graph[Any]) -> Converted:
    """A networkx graph as ours, with the attributes `scope` (a name, or a sequence of names, outermost first) and
    `label` of its nodes. Edges of an undirected graph lead from the node that it names first.

    Raises
    ------
    LayoutError
        It is no networkx graph, or a scope is not made of names.
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise LayoutError(f"A {type(graph).__name__} cannot be laid out. Give a Graph, or a graph of networkx.")
    names = list(graph)
    number = {name: index for index, name in enumerate(names)}
    edges = list(graph.edges(keys=True)) if isinstance(graph, nx.MultiGraph) else list(graph.edges)
    # Layouts take the order of nodes for the order of execution.
    order = [names[k] for k in break_cycles(len(names), [(number[edge[0]], number[edge[1]]) for edge in edges])]
    number = {name: index for index, name in enumerate(order)}
    nodes = [
        Node(id=index, kind="op", op=_text(graph.nodes[name].get("label", name)), scope=_scope(name, graph.nodes[name]))
        for index, name in enumerate(order)
    ]
    return Converted(
        graph=Graph(
            nodes,
            [
                Edge(source=number[edge[0]], output_nr=0, target=number[edge[1]], input_nr=index)
                for index, edge in enumerate(edges)
            ],
        ),
        order=order,
        edges=edges,
    )


class _BoxSizes:
    def __init__(self, converted: Converted, sizes: SizesByNode | None) -> None:
        self._converted = converted
        self._sizes = sizes

    def __call__(self, item: Item) -> tuple[float, float]:
        if item.node is None:
            width = min(60.0 + 7.5 * (len(item.scope[-1]) if item.scope else 0), WIDEST)
            return (max(190.0, width), 58.0) if item.is_folded else (width, 26.0)
        name, sizes = self._converted.order[item.node], self._sizes
        if callable(sizes):
            return _checked(name, sizes(name))
        if sizes is not None and name in sizes:
            return _checked(name, sizes[name])
        label = self._converted.graph.nodes[item.node].op or ""
        return min(max(48.0, 24.0 + 7.5 * len(label)), WIDEST), 32.0


def _checked(name: Name, size: object) -> tuple[float, float]:
    try:
        width, height = (float(part) for part in size)  # type: ignore[attr-defined]  # whatever the caller gave
        is_usable = 0.0 < width < np.inf and 0.0 < height < np.inf
    except (TypeError, ValueError):
        is_usable = False
    if not is_usable:
        raise LayoutError(f"The size of node {name!r} is {size!r}. It must be two positive numbers, width and height.")
    return width, height


def _scope(name: Name, attributes: Mapping[str, Any]) -> ScopePath:
    scope = attributes.get("scope") or ()
    path = (scope,) if isinstance(scope, str) else scope
    if not isinstance(path, (tuple, list)) or not all(isinstance(part, str) for part in path):
        raise LayoutError(f"The scope of node {name!r} is {scope!r}. It must be a name, or a sequence of names.")
    return tuple(path)


def _text(label: object) -> str:
    return label if isinstance(label, str) else str(label)
