"""Which operations one call in the user's code stands for: `cross_entropy` for log_softmax and nll_loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from .model import Graph, Node, ScopePath, Source

MARK = "ƒ "
"""Begins the last part of a function's path."""

_OPERATORS = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Subscript, ast.AugAssign)
_COMPOSED = {
    ("log_softmax", "nll_loss"): "cross_entropy",
    ("log_softmax", "nll_loss2d"): "cross_entropy",
    ("t", "addmm"): "linear",
    ("t", "mm"): "linear",
}
"""What torch makes of some functions, by the operations that they run one after the other."""
_TRANSPOSED = frozenset(["T", "mT", "H", "mH"])
_ELSEWHERE = (ast.stmt, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""What runs before or after, or in a frame of its own."""
_UNKNOWN: tuple[list[str], int] = ([], 1)


class Functions(NamedTuple):
    """What was found in one graph.

    `path_of` gives, by node, the path of the function call that it is part of: its scope and one part more. `modules`
    are calls of modules that are no code of the user's and call no others, such as nn.Linear: as simple as functions.
    """

    path_of: Mapping[int, ScopePath]
    modules: frozenset[ScopePath]


def functions_of(graph: Graph, sources: Mapping[str, str]) -> Functions:
    """Find the function calls that ran several operations.

    A call is believed where the statement leaves no doubt: of all that can run operations in it, the calls of modules
    aside, there is one call alone; or what ran is what torch always makes of a function that is called there. Its
    operations ran one after the other, in the same module call.

    Parameters
    ----------
    graph : the recorded operations.
    sources : text of the user's files by name, as `Trace.sources`.
    """
    code = _Code(sources)
    children: dict[ScopePath, set[str]] = {}
    for node in graph.nodes:
        for depth in range(len(node.scope)):
            children.setdefault(node.scope[:depth], set()).add(_plain(node.scope[depth]))
    modules = frozenset(_library_modules(graph, code, children))
    path_of: dict[int, ScopePath] = {}
    used: dict[ScopePath, int] = {}
    for stretch in _stretches(graph):
        scope, source = stretch[0].scope, stretch[0].source
        if source is None or scope in modules:
            continue
        name = code.only_call(source, children.get(scope, set()))
        found = _known_calls(graph, stretch, code.calls(source))
        if name is not None:
            found = [(name, members) for members in _calls_in(graph, stretch) if len(members) > 1]
        for called, members in found:
            path = (*scope, MARK + called)
            used[path] = used.get(path, 0) + 1
            if used[path] > 1:
                path = (*scope, f"{MARK}{called}@{used[path]}")
            path_of.update(dict.fromkeys(members, path))
    return Functions(path_of, modules)


def _stretches(graph: Graph) -> Iterator[list[Node]]:
    """Operations that ran one after the other at the same place in the code, in the same module call."""
    stretch: list[Node] = []
    for node in graph.nodes:
        if node.kind != "op":
            continue
        if stretch and (node.scope != stretch[0].scope or node.source != stretch[0].source):
            yield stretch
            stretch = []
        if node.source is not None:
            stretch.append(node)
    if stretch:
        yield stretch


def _known_calls(graph: Graph, stretch: list[Node], calls: list[str]) -> list[tuple[str, list[int]]]:
    """Functions that a statement calls once among others, and that always run the same operations."""
    found = []
    for earlier, later in pairwise(stretch):
        name = _COMPOSED.get((earlier.label, later.label))
        is_fed = any(edge.source == earlier.id for edge in graph.incoming(later.id))
        if name is not None and is_fed and calls.count(name) == 1 and len(graph.outgoing(earlier.id)) == 1:
            found.append((name, [earlier.id, later.id]))
    return found


def _calls_in(graph: Graph, stretch: list[Node]) -> list[list[int]]:
    """The nodes of each single call in a stretch: those that results which others use, or that have names, need."""
    if len(stretch) < 2:
        return []
    inside = {node.id for node in stretch}
    root = {node.id: node.id for node in stretch}

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for node in stretch:
        for edge in graph.incoming(node.id):
            if edge.source in inside and graph.nodes[edge.source].name is None:
                a, b = find(edge.source), find(node.id)
                root[max(a, b)] = min(a, b)
    calls: dict[int, list[int]] = {}
    for node in stretch:
        calls.setdefault(find(node.id), []).append(node.id)
    return list(calls.values())


def _library_modules(graph: Graph, code: _Code, children: Mapping[ScopePath, set[str]]) -> set[ScopePath]:
    """Module calls without inner ones all of whose operations come from the very line that calls the module."""
    found: dict[ScopePath, bool] = {}
    for node in graph.nodes:
        if node.kind == "op" and node.scope and node.scope not in children:
            names = {_plain(part) for part in node.scope}
            is_outside = node.source is not None and not names.isdisjoint(code.calls(node.source))
            found[node.scope] = found.get(node.scope, True) and is_outside
    return {scope for scope, is_outside in found.items() if is_outside}


def _plain(part: str) -> str:
    """The name under which the code calls a module: "fc" for "fc@2", "0" for "h.0"."""
    return part.partition("@")[0].rpartition(".")[2]


class _Code:
    """What can run operations in the statements of the user's files."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._files: dict[str, dict[int, ast.stmt | None]] = {}
        self._found: dict[Source, tuple[list[str], int]] = {}

    def calls(self, source: Source) -> list[str]:
        """Last name of everything that the statement at a place calls."""
        return self._look(source)[0]

    def only_call(self, source: Source, modules: set[str]) -> str | None:
        """The name of the only thing called there, `modules` aside; None if there is another call or operator."""
        calls, operators = self._look(source)
        others = [name for name in calls if name not in modules]
        return others[0] if len(others) == 1 and not operators else None

    def _look(self, source: Source) -> tuple[list[str], int]:
        found = self._found.get(source)
        if found is None:
            code: ast.AST | None = self._statements(source.file).get(source.line)
            if isinstance(code, ast.stmt) and source.function.startswith("<") and source.function != "<module>":
                code = _only_lambda(code) if source.function == "<lambda>" else None
            found = self._found[source] = _parts(code) if code is not None else _UNKNOWN
        return found

    def _statements(self, file: str) -> dict[int, ast.stmt | None]:
        """The innermost statement at each line of a file; None where there are several in one line."""
        known = self._files.get(file)
        if known is None:
            known = self._files[file] = {}
            try:
                tree = ast.parse(self._sources.get(file, ""))
            except (SyntaxError, ValueError, RecursionError):  # not what ran, or nothing that can be read
                return known
            for node in ast.walk(tree):  # outer ones first
                if not isinstance(node, ast.stmt):
                    continue
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    outer = known.get(line)
                    is_beside = outer is not None and not outer.lineno < node.lineno
                    known[line] = None if is_beside or (line in known and outer is None) else node
        return known


def _only_lambda(statement: ast.stmt) -> ast.expr | None:
    """The body of the lambda in a statement, if there is just one."""
    bodies = [node.body for node in ast.walk(statement) if isinstance(node, ast.Lambda)]
    return bodies[0] if len(bodies) == 1 else None


def _parts(code: ast.AST) -> tuple[list[str], int]:
    """Names of what a statement or expression calls itself, and how many operators it has."""
    calls: list[str] = []
    operators = 0
    waiting = [code]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            called = node.func
            calls.append(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""))
        operators += isinstance(node, _OPERATORS) or (isinstance(node, ast.Attribute) and node.attr in _TRANSPOSED)
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _ELSEWHERE)]
    return calls, operators
