"""Which module calls are folded into one box, and which of them repeat one another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

from .functions import Functions
from .model import Edge, Graph, Node, ScopePath

OPEN_UP_TO = 60
"""Graphs of at most so many nodes are shown with everything open."""
FEW_BOXES = 3
MOST_BOXES = 64
"""Larger graphs open as at most so many boxes, where their modules allow it."""
SHORTEST_RUN = 4
"""From so many calls on, a chain of repeated calls is first shown as one box."""


class Folds:
    """An immutable set of folded module calls. What is inside a folded call is hidden, folded itself or not.

    Calls that repeat one another can be shown as one box: a collapsed run. Only its folded members share a box, those
    before and after one that is open each their own.
    """

    __slots__ = ("_folded", "_functions", "_run_of", "_runs", "_together")

    def __init__(
        self,
        folded: Iterable[ScopePath] = (),
        runs: Iterable[tuple[ScopePath, ...]] = (),
        functions: Functions | None = None,
    ) -> None:
        self._folded = frozenset(folded)
        self._runs = frozenset(runs)
        self._functions = functions
        self._run_of = {path: run for run in self._runs for path in run}
        self._together: dict[ScopePath, tuple[ScopePath, ...]] = {}
        for run in self._runs:
            for is_folded, group in groupby(run, self._folded.__contains__):
                if is_folded:
                    paths = tuple(group)
                    self._together.update(dict.fromkeys(paths, paths))

    @property
    def paths(self) -> frozenset[ScopePath]:
        """Every folded path, also those hidden inside another."""
        return self._folded

    @property
    def runs(self) -> frozenset[tuple[ScopePath, ...]]:
        """Every collapsed run: the paths of its calls in the order of execution."""
        return self._runs

    def __contains__(self, path: ScopePath) -> bool:
        return path in self._folded

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Folds):
            return NotImplemented
        is_equal = self._folded == other._folded and self._runs == other._runs
        return is_equal and self._functions == other._functions

    def __hash__(self) -> int:
        return hash((self._folded, self._runs))

    def __repr__(self) -> str:
        return f"Folds({sorted(self._folded)!r}, {sorted(self._runs)!r})"

    def hidden_in(self, path: ScopePath) -> ScopePath | None:
        """The outermost folded call that `path` is or lies in: the box that stands for it. None if it is open."""
        return next((path[:k] for k in range(1, len(path) + 1) if path[:k] in self._folded), None)

    def fold(self, path: ScopePath) -> Folds:
        return self._with(self._folded | {path})

    def unfold(self, path: ScopePath) -> Folds:
        return self._with(self._folded - {path})

    def toggle(self, path: ScopePath) -> Folds:
        return self.unfold(path) if path in self._folded else self.fold(path)

    def unfold_to(self, path: ScopePath) -> Folds:
        """Open `path` and every call around it, so that the nodes of that scope are visible."""
        return self._with(self._folded - {path[:k] for k in range(1, len(path) + 1)})

    # Repeats

    def run_of(self, path: ScopePath) -> tuple[ScopePath, ...] | None:
        """The collapsed run that the call `path` belongs to."""
        return self._run_of.get(path)

    def sharing_box(self, path: ScopePath) -> tuple[ScopePath, ...]:
        """The folded calls that one box shows together with the folded call `path`, that itself included."""
        return self._together.get(path, (path,))

    def expand_run(self, path: ScopePath) -> Folds:
        """Show each call of the run that `path` belongs to as a box of its own."""
        return self._with(self._folded, self._runs - {self._run_of.get(path, ())})

    def collapse_run(self, path: ScopePath, graph: Graph) -> Folds:
        """Fold `path` and the calls before and after it that repeat it, and show them as one box.

        Nothing changes where no call repeats it.
        """
        run = next((run.paths for run in unbroken_runs(graph) if path in run.paths), None)
        return self if run is None else self._with(self._folded | set(run), self.expand_run(path)._runs | {run})

    def expand_repeats(self) -> Folds:
        """Every call as a box of its own."""
        return self._with(self._folded, frozenset())

    def collapse_repeats(self, graph: Graph, at_least: int = SHORTEST_RUN) -> Folds:
        """Collapse every run of at least so many folded calls, each of which feeds the next."""
        runs = (run.paths for run in unbroken_runs(graph) if run.is_chain and len(run.paths) >= at_least)
        return self._with(self._folded, self._runs | {run for run in runs if self._folded.issuperset(run)})

    # Functions

    @property
    def functions(self) -> Functions | None:
        """The function calls that are boxes of their own, if any are."""
        return self._functions

    def with_functions(self, functions: Functions) -> Folds:
        """Show each function call (`engine.graph.functions`) as a folded box, and simple modules folded too."""
        return Folds(self._folded.union(functions.path_of.values(), functions.modules), self._runs, functions)

    def without_functions(self) -> Folds:
        """Show the operations that function calls ran. Simple modules stay as they are."""
        gone = () if self._functions is None else self._functions.path_of.values()
        return Folds(self._folded.difference(gone), self._runs)

    def scope_of(self, node: Node) -> ScopePath:
        """The path of what a node is drawn in: its module call, or its function call there."""
        return node.scope if self._functions is None else self._functions.path_of.get(node.id, node.scope)

    def _with(self, folded: frozenset[ScopePath], runs: frozenset[tuple[ScopePath, ...]] | None = None) -> Folds:
        return Folds(folded, self._runs if runs is None else runs, self._functions)

    # Where to begin

    @classmethod
    def none(cls) -> Folds:
        """Everything open."""
        return cls()

    @classmethod
    def by_depth(cls, graph: Graph, depth: int) -> Folds:
        """Calls nested `depth` deep are open, everything deeper is folded; 0 folds the outermost ones.

        Long runs of repeated calls are collapsed.
        """
        return cls(path for path in scope_paths(graph) if len(path) > depth).collapse_repeats(graph)

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
        while boxes and folds._count(boxes) < FEW_BOXES:
            # So few boxes say nothing: open the one that holds most.
            path = max(boxes, key=lambda box: sum(n for scope, n in held.items() if scope[: len(box)] == box))
            if folds.run_of(path) is not None:
                if len(boxes) + shown <= MOST_BOXES:
                    folds = folds.expand_run(path)
                break
            inner = children.get(path, [])
            loose = held.get(path, 0)
            if not inner or shown + loose + len(boxes) + folds._count(inner) > MOST_BOXES:
                break
            folds = folds.unfold(path)
            boxes = [box for box in boxes if box != path] + inner
            shown += loose
        return folds

    def _count(self, boxes: list[ScopePath]) -> int:
        """How many boxes show these folded calls."""
        return len({self.sharing_box(path)[0] for path in boxes})


class Run(NamedTuple):
    """Sibling calls, one after the other, whose contents have the same shape. In a chain, each feeds the next."""

    paths: tuple[ScopePath, ...]
    signature: str
    is_chain: bool = False


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


def unbroken_runs(graph: Graph) -> list[Run]:
    """The parts of repeated runs that can be shown as one box: nothing leads out of them and back in again."""
    runs = repeated_runs(graph)
    if not runs:
        return []
    returns = _returns(graph, runs)
    feeds = _siblings_joined(graph)
    parts: list[Run] = []
    for run in runs:
        start = 0
        for end in range(1, len(run.paths) + 1):
            if end == len(run.paths) or run.paths[end] in returns:
                paths = run.paths[start:end]
                if len(paths) > 1:
                    parts.append(Run(paths, run.signature, all(pair in feeds for pair in pairwise(paths))))
                start = end
    return parts


def _returns(graph: Graph, runs: list[Run]) -> set[ScopePath]:
    """Members of runs that use what other operations make of an earlier member's results."""
    run_of = {path: number for number, run in enumerate(runs) for path in run.paths}
    around: dict[ScopePath, dict[int, ScopePath]] = {}
    """By scope: the runs that it is in, and as which member."""
    for path in scope_paths(graph):
        around[path] = dict(around.get(path[:-1], {}))
        if path in run_of:
            around[path][run_of[path]] = path
    last = {number: node.id for node in graph.nodes for number in around.get(node.scope, ())}
    nothing: dict[int, ScopePath] = {}
    behind: dict[int, set[int]] = {}
    """By operation: the runs outside of which it uses what they made."""
    found: set[ScopePath] = set()
    for edge in sorted(graph.edges, key=_target):
        target = graph.nodes[edge.target]
        inside = around.get(target.scope, nothing)
        for number in behind.get(edge.source, ()):
            if number in inside:
                found.add(inside[number])
            elif last[number] > target.id:
                behind.setdefault(target.id, set()).add(number)
        source = graph.nodes[edge.source]
        if source.scope == target.scope or source.kind != "op":
            continue
        for number in around.get(source.scope, ()):
            if number not in inside and last[number] > target.id:
                behind.setdefault(target.id, set()).add(number)
    return found


def _target(edge: Edge) -> int:
    return edge.target


def _siblings_joined(graph: Graph) -> set[tuple[ScopePath, ScopePath]]:
    """Pairs of sibling calls such that the second uses what the first computes."""
    nodes = graph.nodes
    crossing = {(nodes[edge.source].scope, nodes[edge.target].scope) for edge in graph.edges}
    found = set()
    for source, target in crossing:
        depth = next((k for k, (a, b) in enumerate(zip(source, target, strict=False)) if a != b), None)
        if depth is not None:
            found.add((source[: depth + 1], target[: depth + 1]))
    return found


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
    contents: dict[ScopePath, list[ScopePath | str]] = {}
    last: ScopePath = ()
    parts: list[ScopePath | str] | None = None
    for node in graph.nodes:
        if node.scope != last:
            last = node.scope
            for depth in range(1, len(last) + 1):
                path = last[:depth]
                if path not in contents:
                    contents[path] = []
                    if depth > 1:
                        contents[path[:-1]].append(path)
            parts = contents.get(last)
        if parts is not None and node.kind == "op":
            parts.append(node.op or node.label)
    names: dict[tuple[str, ...], str] = {}
    result: dict[ScopePath, str] = {}
    for path in sorted(contents, key=len, reverse=True):
        scope = graph.scopes.get(path)
        module = scope.module if scope is not None else ""
        size = str(scope.parameters) if scope is not None else ""
        key = (module, size, *(result[part] if isinstance(part, tuple) else part for part in contents[path]))
        result[path] = names.setdefault(key, f"{module or 'call'}#{len(names)}")
    return result
