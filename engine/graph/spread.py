"""networkx's layouts of the visible boxes, with room for their sizes and straight lines between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import LayoutError
from .drawing import Drawing, Item, Link, Sizes
from .layered.pace import VIEW_SHARE, Pace
from .layered.view import View
from .overlaps import remove_overlaps

if TYPE_CHECKING:
    import networkx as nx

MOST_BOXES = 400
_ROUNDS = 200
GAP = 36.0
WIDEN = 1.3
"""Pictures are stretched a little, because boxes and windows are wider than high."""

_WITHOUT_UP = frozenset(["kamada_kawai", "spring", "spectral", "planar", "arf", "forceatlas2"])
"""Methods whose pictures mean the same when they are rotated."""

_Positions = npt.NDArray[np.float64]


def spread(view: View, method: str, sizes: Sizes, title: str, pace: Pace) -> Drawing:
    """Lay out the visible boxes of `view` with networkx's `method`. Open groups have no boxes of their own.

    networkx itself cannot be asked how far it is, nor be stopped: `pace` is told before it begins and after it.

    Raises
    ------
    LayoutError
        There are too many boxes, or the method cannot draw this graph.
    """
    import networkx as nx

    items, links, item_of_node = _flat(view)
    if len(items) > MOST_BOXES:
        raise LayoutError(
            f"{title} is for up to {MOST_BOXES} boxes, and {len(items)} are visible. "
            "Fold some modules, or choose the layered layout."
        )
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(items)))
    graph.add_edges_from((source, target) for source, target, _ in links if source != target)
    extents = np.array([sizes(item) for item in items], dtype=np.float64).reshape(-1, 2)
    pace.begin(VIEW_SHARE, 0.7)
    try:
        centers = _positions(graph, method, pace)
    except nx.NetworkXException as error:
        raise LayoutError(f"{title} cannot draw this graph: {error} Choose another layout.") from error
    pace.begin(0.7, 1.0)
    centers = remove_overlaps(_scaled(centers, extents, method), extents, GAP)
    pace.check()
    rects = np.concatenate([centers - extents / 2, extents], axis=1)
    drawn = [
        Link(source=source, target=target, edges=edges, points=_line(rects, source, target))
        for source, target, edges in links
    ]
    return Drawing(items=items, rects=rects, links=drawn, item_of_node=item_of_node, method=method)


def _flat(view: View) -> tuple[list[Item], list[tuple[int, int, tuple[int, ...]]], npt.NDArray[np.int64]]:
    """Items, links and nodes' items without the open groups."""
    open_groups = set(view.groups)
    kept = [index for index in range(len(view.items)) if index not in open_groups]
    number = np.full(len(view.items) + 1, -1, dtype=np.int64)  # the last one is for nodes that are not drawn
    number[kept] = np.arange(len(kept))
    items = [msgspec.structs.replace(view.items[index], parent=-1) for index in kept]
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for source, target, edges in view.links:
        key = (int(number[source]), int(number[target]))
        found[key] = found.get(key, ()) + edges
    return items, [(a, b, edges) for (a, b), edges in found.items()], number[view.item_of_node]


def _positions(graph: nx.DiGraph[int], method: str, pace: Pace) -> _Positions:
    """Unscaled positions, y down, shape (boxes, 2)."""
    import networkx as nx

    if len(graph) == 0:
        return np.zeros((0, 2))
    plain = graph.to_undirected()
    ways: dict[str, Callable[[], Any]] = {
        "multipartite": lambda: _by_rank(graph),
        "kamada_kawai": lambda: _kamada_kawai(plain, pace),
        "spring": lambda: nx.spring_layout(plain, seed=1, iterations=200),
        "spectral": lambda: nx.spectral_layout(plain),
        "shell": lambda: nx.shell_layout(plain),
        "circular": lambda: nx.circular_layout(plain),
        "planar": lambda: nx.planar_layout(plain),
        "bfs": lambda: _breadth_first(graph),
        "spiral": lambda: nx.spiral_layout(plain, equidistant=True),
        "arf": lambda: nx.arf_layout(plain, seed=1),
        "forceatlas2": lambda: nx.forceatlas2_layout(plain, seed=1),
    }
    with np.errstate(all="ignore"):
        found = ways[method]()
    positions = np.array([found[k] for k in range(len(graph))], dtype=np.float64).reshape(-1, 2)
    positions = np.nan_to_num(positions, nan=0.0, posinf=0.0, neginf=0.0) * [1.0, -1.0]
    return _turned_down(positions, list(graph.edges)) if method in _WITHOUT_UP else positions


def _turned_down(positions: _Positions, edges: list[tuple[int, int]]) -> _Positions:
    """Rotate so that data flows down on average."""
    flow = sum((positions[target] - positions[source] for source, target in edges), np.zeros(2))
    length = float(np.hypot(*flow))
    if length < 1e-9:
        return positions
    cos, sin = flow[1] / length, flow[0] / length
    rotated: _Positions = positions @ np.array([[cos, sin], [-sin, cos]])
    return rotated


def _by_rank(graph: nx.DiGraph[int]) -> dict[int, Any]:
    import networkx as nx

    from .walk import break_cycles

    order = break_cycles(len(graph), list(graph.edges))
    place = {node: index for index, node in enumerate(order)}
    rank = dict.fromkeys(graph, 0)
    for node in order:
        for other in graph.successors(node):
            if place[other] > place[node]:
                rank[other] = max(rank[other], rank[node] + 1)
    for node in reversed(order):
        later = [rank[other] for other in graph.successors(node) if place[other] > place[node]]
        if later and graph.in_degree(node) == 0:
            rank[node] = min(later) - 1
    nx.set_node_attributes(graph, rank, "subset")
    found: dict[int, Any] = nx.multipartite_layout(graph, align="horizontal")
    return {node: np.asarray(xy) * [1.0, -1.0] for node, xy in found.items()}


def _breadth_first(graph: nx.DiGraph[int]) -> dict[int, Any]:
    """Each connected part in layers around its first source, side by side."""
    import networkx as nx

    plain = graph.to_undirected()
    found: dict[int, Any] = {}
    left = 0.0
    for part in sorted(nx.connected_components(plain), key=min):
        start = min((node for node in part if graph.in_degree(node) == 0), default=min(part))
        layers = list(nx.bfs_layers(plain, [start]))
        width = max(map(len, layers))
        for depth, layer in enumerate(layers):
            for place, node in enumerate(sorted(layer)):
                found[node] = (left + place - (len(layer) - 1) / 2 + (width - 1) / 2, -float(depth))
        left += width
    return found


def _kamada_kawai(graph: nx.Graph[int], pace: Pace) -> dict[int, Any]:
    """Minimise Kamada and Kawai's energy by majorisation; networkx's own solver would need SciPy.

    Gansner, Koren and North (2004), "Graph drawing by stress majorization".
    """
    import networkx as nx

    count = len(graph)
    distance = np.full((count, count), np.nan)
    for node, lengths in nx.all_pairs_shortest_path_length(graph):
        distance[node, list(lengths)] = list(lengths.values())
    far = np.nanmax(distance) if count > 1 else 1.0
    distance = np.where(np.isnan(distance), far + 1.0, distance)
    np.fill_diagonal(distance, 1.0)
    weights = distance**-2.0
    np.fill_diagonal(weights, 0.0)
    start = nx.circular_layout(graph)
    x = np.array([start[k] for k in range(count)], dtype=np.float64) * max(far, 1.0) / 2
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)
    for _ in range(_ROUNDS):
        pace.advance(1.0 / _ROUNDS)
        delta = np.linalg.norm(x[:, None] - x[None], axis=2)
        pull = weights * distance / np.maximum(delta, 1e-9)
        np.fill_diagonal(pull, 0.0)
        step = inverse @ ((np.diag(pull.sum(axis=1)) - pull) @ x)
        moved = float(np.abs(step - x).max())
        x = step
        if moved < 1e-4:
            break
    return dict(enumerate(x))


def _scaled(centers: _Positions, extents: _Positions, method: str) -> _Positions:
    """Blow positions up until nearly every box is clear of its nearest neighbour."""
    count = len(centers)
    if count < 2:
        return centers
    room = (extents[:, None] + extents[None]) / 2 + GAP
    if method in ("multipartite", "bfs"):
        return _on_grid(centers, extents)
    centers = (centers - centers.mean(axis=0)) * [WIDEN, 1.0]
    nearness = (np.abs(centers[:, None] - centers[None]) / room).max(axis=2)
    np.fill_diagonal(nearness, np.inf)
    nearest = np.maximum(nearness.min(axis=1), 1e-6)
    span = np.maximum(np.ptp(centers, axis=0), 1e-9)
    largest = 2.0 * np.sqrt(count) * float((extents + GAP).mean(axis=0).max()) / float(span.max())
    factor = min(1.0 / float(np.median(nearest)), largest)
    scaled: _Positions = centers * factor
    return scaled


def _on_grid(centers: _Positions, extents: _Positions) -> _Positions:
    """Layers as rows; within a row the steps are as wide as the widest box."""
    steps = np.maximum(np.diff(np.unique(np.round(centers[:, 1], 9))), 1e-9)
    rows = float(steps.min()) if len(steps) else 1.0
    order = np.lexsort((centers[:, 0], np.round(centers[:, 1], 9)))
    same_row = np.abs(np.diff(centers[order, 1])) < 1e-6
    gaps = np.diff(centers[order, 0])[same_row]
    columns = float(gaps.min()) if len(gaps) and gaps.min() > 1e-9 else 1.0
    width, height = extents[:, 0].max() + GAP, extents[:, 1].max() + 1.5 * GAP
    result: _Positions = (centers - centers.min(axis=0)) * [width / columns, height / rows]
    return result


def _line(rects: npt.NDArray[np.float64], source: int, target: int) -> npt.NDArray[np.float64]:
    """A straight line from border to border; a small loop at the right side for a box with itself."""
    if source == target:
        x, y, width, height = rects[source]
        right, out = x + width, x + width + 18.0
        low, high = y + height * 0.7, y + height * 0.3
        return np.array([(right, low), (out, low), (out, high), (right, high)])
    start = rects[source, :2] + rects[source, 2:] / 2
    end = rects[target, :2] + rects[target, 2:] / 2
    return np.array([_border(start, end, rects[source, 2:]), _border(end, start, rects[target, 2:])])


def _border(
    center: npt.NDArray[np.float64], towards: npt.NDArray[np.float64], extent: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    direction = towards - center
    reach = np.abs(direction) / np.maximum(extent / 2, 1e-9)
    point: npt.NDArray[np.float64] = center + direction / max(float(reach.max()), 1.0)
    return point
