"""Iterative walks over a graph: what a node depends on, what depends on it, and the ways between two nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush

from .model import Edge, Graph, Node


def ancestors(graph: Graph, nodes: Iterable[int | Node]) -> set[int]:
    """Ids of everything that `nodes` are computed from, themselves excluded unless they lie on a cycle."""
    return _reach(nodes, graph.incoming, lambda edge: edge.source)


def descendants(graph: Graph, nodes: Iterable[int | Node]) -> set[int]:
    """Ids of everything that is computed from `nodes`, themselves excluded unless they lie on a cycle."""
    return _reach(nodes, graph.outgoing, lambda edge: edge.target)


def _reach(
    nodes: Iterable[int | Node], edges: Callable[[int], Sequence[Edge]], far_end: Callable[[Edge], int]
) -> set[int]:
    found: set[int] = set()
    waiting = [node.__index__() for node in nodes]
    while waiting:
        for edge in edges(waiting.pop()):
            other = far_end(edge)
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def topological_order(graph: Graph) -> list[int]:
    """Every node's id, producers before consumers, otherwise in the order of execution.

    Recorded graphs have no cycle. In one that has, the node that was executed first breaks it, so that the result
    always holds every node once.
    """
    count = len(graph.nodes)
    return break_cycles(count, [(edge.source, edge.target) for edge in graph.edges])


def break_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Order 0 … count - 1 so that as few `edges` as easily possible point backwards; none does in an acyclic graph.

    Ties are broken by number, and so are cycles: the lowest number that is left comes first.
    """
    if all(source <= target for source, target in edges):
        return list(range(count))
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in edges:
        if source != target:
            after[source].append(target)
            missing[target] += 1
    order: list[int] = []
    is_placed = [False] * count
    ready = [node for node in range(count) if missing[node] == 0]  # a heap: sorted as it is
    lowest = 0
    while len(order) < count:
        if not ready:
            while is_placed[lowest]:
                lowest += 1
            heappush(ready, lowest)
        node = heappop(ready)
        if is_placed[node]:
            continue
        is_placed[node] = True
        order.append(node)
        for other in after[node]:
            missing[other] -= 1
            if missing[other] == 0 and not is_placed[other]:
                heappush(ready, other)
    return order


def path_between(graph: Graph, source: int | Node, target: int | Node) -> list[int]:
    """Ids along a shortest way that data takes from `source` to `target`, both included; empty if there is none."""
    start, end = source.__index__(), target.__index__()
    came_from: dict[int, int] = {start: start}
    waiting = deque([start])
    while waiting and end not in came_from:
        node = waiting.popleft()
        for edge in graph.outgoing(node):
            if edge.target not in came_from:
                came_from[edge.target] = node
                waiting.append(edge.target)
    if end not in came_from:
        return []
    path = [end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def nodes_between(graph: Graph, source: int | Node, target: int | Node) -> set[int]:
    """Ids of all nodes on any way from `source` to `target`, both included; empty if there is none."""
    start, end = source.__index__(), target.__index__()
    below = descendants(graph, [start]) | {start}
    above = ancestors(graph, [end]) | {end}
    return below & above if end in below else set()
