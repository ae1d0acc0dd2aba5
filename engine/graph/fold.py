"""Which module calls are folded into one box, and which of them repeat one another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .model import Graph, ScopePath

OPEN_UP_TO = 60
"""Graphs of at most so many nodes are shown with everything open."""
FEW_BOXES = 3
MOST_BOXES = 40
"""Larger graphs open as at most so many boxes, where their modules allow it."""


class Folds:
    """An immutable set of folded module calls. What is inside a folded call is hidden, folded itself or not."""

    __slots__ = ("_folded",)

    def __init__(self, folded: Iterable[ScopePath] = ()) -> None:
        self._folded = frozenset(folded)

    @property
    def paths(self) -> frozenset[ScopePath]:
        """Every folded path, also those hidden inside another."""
        return self._folded

    def __contains__(self, path: ScopePath) -> bool:
        return path in self._folded

    def __eq__(self, other: object) -> bool:
        return self._folded == other._folded if isinstance(other, Folds) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._folded)

    def __repr__(self) -> str:
        return f"Folds({sorted(self._folded)!r})"

    def hidden_in(self, path: ScopePath) -> ScopePath | None:
        """The outermost folded call that `path` is or lies in: the box that stands for it. None if it is open."""
        return next((path[:k] for k in range(1, len(path) + 1) if path[:k] in self._folded), None)

    def fold(self, path: ScopePath) -> Folds:
        return Folds(self._folded | {path})

    def unfold(self, path: ScopePath) -> Folds:
        return Folds(self._folded - {path})

    def toggle(self, path: ScopePath) -> Folds:
        return self.unfold(path) if path in self._folded else self.fold(path)

    def unfold_to(self, path: ScopePath) -> Folds:
        """Open `path` and every call around it, so that the nodes of that scope are visible."""
        return Folds(self._folded - {path[:k] for k in range(1, len(path) + 1)})

    @classmethod
    def none(cls) -> Folds:
        """Everything open."""
        return cls()

    @classmethod
    def by_depth(cls, graph: Graph, depth: int) -> Folds:
        """Calls nested `depth` deep are open, everything deeper is folded; 0 folds the outermost ones."""
        return cls(path for path in scope_paths(graph) if len(path) > depth)

    @classmethod
    def all_folded(cls, graph: Graph) -> Folds:
        return cls.by_depth(graph, 0)

    @classmethod
    def default_for(cls, graph: Graph) -> Folds:
        """What a graph is first shown with: small ones open, large ones as a few boxes that show their structure."""
        if len(graph.nodes) <= OPEN_UP_TO:
            return cls.none()
        folds = cls.all_folded(graph)
        children, held = _children(graph), _operations(graph)
        boxes = children.get((), [])
        shown = held.get((), 0)  # operations outside of all boxes
        while boxes and len(boxes) < FEW_BOXES:
            # So few boxes say nothing: open the one that holds most.
            path = max(boxes, key=lambda box: sum(n for scope, n in held.items() if scope[: len(box)] == box))
            inner = children.get(path, [])
            loose = held.get(path, 0)
            if not inner or shown + loose + len(boxes) + len(inner) > MOST_BOXES:
                break
            folds = folds.unfold(path)
            boxes = [box for box in boxes if box != path] + inner
            shown += loose
        return folds


class Run(NamedTuple):
    """Sibling calls, one after the other, whose contents have the same shape."""

    paths: tuple[ScopePath, ...]
    signature: str


def scope_paths(graph: Graph) -> list[ScopePath]:
    """Path of every module call that holds a node, and of the calls around it; outer ones first, as executed."""
    found: dict[ScopePath, None] = {}
    last: ScopePath | None = None
    for node in graph.nodes:
        if node.scope != last:
            last = node.scope
            for depth in range(1, len(last) + 1):
                found.setdefault(last[:depth])
    return list(found)


def repeated_runs(graph: Graph) -> list[Run]:
    """Runs of at least two siblings that repeat one another, such as the blocks of a transformer."""
    signatures = _signatures(graph)
    runs: list[Run] = []
    for siblings in _children(graph).values():
        start = 0
        for end in range(1, len(siblings) + 1):
            if end == len(siblings) or signatures[siblings[end]] != signatures[siblings[start]]:
                if end - start > 1:
                    runs.append(Run(tuple(siblings[start:end]), signatures[siblings[start]]))
                start = end
    return runs


def _children(graph: Graph) -> dict[ScopePath, list[ScopePath]]:
    children: dict[ScopePath, list[ScopePath]] = {}
    for path in scope_paths(graph):
        children.setdefault(path[:-1], []).append(path)
    return children


def _operations(graph: Graph) -> dict[ScopePath, int]:
    """How many operations each scope holds itself, outside of any inner call."""
    counts: dict[ScopePath, int] = {}
    for node in graph.nodes:
        if node.kind == "op":
            counts[node.scope] = counts.get(node.scope, 0) + 1
    return counts


def _signatures(graph: Graph) -> dict[ScopePath, str]:
    """A short name per call for what it does: equal where class, operations and inner calls are equal, in order."""
    contents: dict[ScopePath, list[str]] = {path: [] for path in scope_paths(graph)}
    first_seen: dict[ScopePath, list[tuple[int, ScopePath | str]]] = {path: [] for path in contents}
    seen: set[ScopePath] = set()
    for node in graph.nodes:
        for depth in range(1, len(node.scope) + 1):
            path = node.scope[:depth]
            if path not in seen:
                seen.add(path)
                if depth > 1:
                    first_seen[path[:-1]].append((node.id, path))
        if node.scope and node.kind == "op":
            first_seen[node.scope].append((node.id, node.op or node.label))
    names: dict[tuple[str, ...], str] = {}
    result: dict[ScopePath, str] = {}
    for path in sorted(contents, key=len, reverse=True):
        scope = graph.scopes.get(path)
        module = scope.module if scope is not None else ""
        parts = (module, *(result[part] if isinstance(part, tuple) else part for _, part in first_seen[path]))
        result[path] = names.setdefault(parts, f"{module or 'call'}#{len(names)}")
    return result
