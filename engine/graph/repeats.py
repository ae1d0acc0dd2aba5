"""Calls that repeat one another: blocks in a row, and groups of different calls that come again and again."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple
from weakref import WeakKeyDictionary

from .model import Edge, Graph, ScopePath

LONGEST_PERIOD = 8
"""So many different calls in a row are looked for again after themselves."""
FEWEST_REPEATS = 3
"""Several different calls that come so often are no coincidence; of one call, two in a row are enough."""


class Run(NamedTuple):
    """Sibling calls, one after the other, that repeat one another. In a chain, each feeds the next.

    With a `period` of 1 the contents of all have the same shape; with one of 2, those of every second one, and so on.
    Runs consist of whole periods.
    """

    paths: tuple[ScopePath, ...]
    signature: str
    is_chain: bool = False
    period: int = 1


_known: WeakKeyDictionary[Graph, tuple[tuple[int, int], list[Run]]] = WeakKeyDictionary()
"""Unbroken runs by graph, with how many nodes and edges it had then: one that is still recorded grows."""


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
    for siblings in children_of(graph).values():
        names = [signatures[path] for path in siblings]
        start = 0
        while start < len(names):
            period, length = _repeat_at(names, start)
            if length > 1:
                signature = ", ".join(names[start : start + period])
                runs.append(Run(tuple(siblings[start : start + length]), signature, period=period))
            start += length
    return runs


def _repeat_at(names: list[str], start: int) -> tuple[int, int]:
    """Period and length of the repeat that begins at `start` and takes in most; (1, 1) if nothing repeats."""
    best, longest = 1, 1
    for period in range(1, min(LONGEST_PERIOD, (len(names) - start) // 2) + 1):
        end = start + period
        while end < len(names) and names[end] == names[end - period]:
            end += 1
        length = (end - start) // period * period
        if length > longest and (period == 1 or length >= period * FEWEST_REPEATS):
            best, longest = period, length
    return best, longest


def unbroken_runs(graph: Graph) -> list[Run]:
    """The parts of repeated runs that can be shown as one box: nothing leads out of them and back in again.

    Found once for each graph.
    """
    size = len(graph.nodes), len(graph.edges)
    known = _known.get(graph)
    if known is None or known[0] != size:
        known = _known[graph] = size, _unbroken(graph)
    return known[1]


def _unbroken(graph: Graph) -> list[Run]:
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
                paths = run.paths[start : start + (end - start) // run.period * run.period]
                if len(paths) >= (2 if run.period == 1 else run.period * FEWEST_REPEATS):
                    is_chain = all(pair in feeds for pair in pairwise(paths))
                    parts.append(run._replace(paths=paths, is_chain=is_chain))
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


def children_of(graph: Graph) -> dict[ScopePath, list[ScopePath]]:
    """The calls directly inside each call, in the order of execution; those of () are the outermost ones."""
    children: dict[ScopePath, list[ScopePath]] = {}
    for path in scope_paths(graph):
        children.setdefault(path[:-1], []).append(path)
    return children


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
