"""Which module calls are folded into one box, and which of them repeat one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from weakref import WeakKeyDictionary

from .functions import Functions
from .model import Graph, Node, ScopePath
from .repeats import FEWEST_REPEATS, Run, children_of, repeated_runs, scope_paths, unbroken_runs

__all__ = ["Folds", "Run", "repeated_runs", "scope_paths", "unbroken_runs"]

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

    __slots__ = ("_folded", "_functions", "_periods", "_run_of", "_runs", "_together")

    def __init__(
        self,
        folded: Iterable[ScopePath] = (),
        runs: Iterable[tuple[ScopePath, ...]] = (),
        functions: Functions | None = None,
        periods: Mapping[tuple[ScopePath, ...], int] | None = None,
    ) -> None:
        self._folded = frozenset(folded)
        self._runs = frozenset(runs)
        self._functions = functions
        self._run_of = {path: run for run in self._runs for path in run}
        self._periods = {run: period for run, period in (periods or {}).items() if run in self._runs and period > 1}
        self._together: dict[ScopePath, tuple[ScopePath, ...]] = {}
        for run in self._runs:
            period = self._periods.get(run, 1)
            phases = [run[start : start + period] for start in range(0, len(run), period)]
            for is_folded, group in groupby(phases, self._folded.issuperset):
                paths = tuple(path for phase in group for path in phase)
                if is_folded and len(paths) > period:
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
        is_equal = self._folded == other._folded and self._runs == other._runs and self._periods == other._periods
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

    def period_of(self, path: ScopePath) -> int:
        """How many different calls come again and again in the collapsed run that the call `path` belongs to."""
        return self._periods.get(self._run_of.get(path, ()), 1)

    def expand_run(self, path: ScopePath) -> Folds:
        """Show each call of the run that `path` belongs to as a box of its own."""
        return self._with(self._folded, self._runs - {self._run_of.get(path, ())})

    def collapse_run(self, path: ScopePath, graph: Graph) -> Folds:
        """Fold `path` and the calls before and after it that repeat it, and show them as one box.

        Nothing changes where no call repeats it.
        """
        run = next((run for run in unbroken_runs(graph) if path in run.paths), None)
        return self if run is None else self.expand_run(path)._collapsed([run])._with(self._folded.union(run.paths))

    def expand_repeats(self) -> Folds:
        """Every call as a box of its own."""
        return self._with(self._folded, frozenset())

    def collapse_repeats(self, graph: Graph, at_least: int = SHORTEST_RUN) -> Folds:
        """Collapse every run of at least so many folded calls, each of which feeds the next."""
        return self._collapsed(
            run
            for run in unbroken_runs(graph)
            if run.is_chain
            and len(run.paths) >= (at_least if run.period == 1 else FEWEST_REPEATS * run.period)
            and self._folded.issuperset(run.paths)
        )

    def _collapsed(self, runs: Iterable[Run]) -> Folds:
        periods = {run.paths: run.period for run in runs}
        return Folds(self._folded, self._runs.union(periods), self._functions, {**self._periods, **periods})

    # Functions

    @property
    def functions(self) -> Functions | None:
        """The function calls that are boxes of their own, if any are."""
        return self._functions

    def with_functions(self, functions: Functions) -> Folds:
        """Show each function call (`engine.graph.functions`) as a folded box, and simple modules folded too."""
        return Folds(
            self._folded.union(functions.path_of.values(), functions.modules), self._runs, functions, self._periods
        )

    def without_functions(self) -> Folds:
        """Show the operations that function calls ran. Simple modules stay as they are."""
        gone = () if self._functions is None else self._functions.path_of.values()
        return Folds(self._folded.difference(gone), self._runs, None, self._periods)

    def scope_of(self, node: Node) -> ScopePath:
        """The path of what a node is drawn in: its module call, or its function call there."""
        return node.scope if self._functions is None else self._functions.path_of.get(node.id, node.scope)

    def _with(self, folded: frozenset[ScopePath], runs: frozenset[tuple[ScopePath, ...]] | None = None) -> Folds:
        return Folds(folded, self._runs if runs is None else runs, self._functions, self._periods)

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
    def only(cls, graph: Graph, path: ScopePath) -> Folds:
        """The call `path` and those around it are open, everything else is folded, what is inside it too."""
        return cls.all_folded(graph).unfold_to(path)

    @classmethod
    def all_but(cls, path: ScopePath) -> Folds:
        """Everything is open except the call `path`."""
        return cls([path])

    @classmethod
    def default_for(cls, graph: Graph) -> Folds:
        """What a graph is first shown with: small ones open, large ones as a few boxes that show their structure."""
        if len(graph.nodes) <= OPEN_UP_TO:
            return cls.none()
        size = len(graph.nodes), len(graph.edges)
        known = _first.get(graph)
        if known is None or known[0] != size:
            known = _first[graph] = size, cls._to_begin_with(graph)
        return known[1]

    @classmethod
    def _to_begin_with(cls, graph: Graph) -> Folds:
        folds = cls.all_folded(graph)
        children, held = children_of(graph), _operations(graph)
        within = _with_inner(held)
        boxes = children.get((), [])
        shown = held.get((), 0)  # operations outside of all boxes
        while boxes and folds._count(boxes) < FEW_BOXES:
            # So few boxes say nothing: open the one that holds most.
            path = max(boxes, key=lambda box: within.get(box, 0))
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


_first: WeakKeyDictionary[Graph, tuple[tuple[int, int], Folds]] = WeakKeyDictionary()
"""What large graphs are first shown with, and how many nodes and edges they had then."""


def _operations(graph: Graph) -> dict[ScopePath, int]:
    """How many operations each scope holds itself, outside of any inner call."""
    counts: dict[ScopePath, int] = {}
    for node in graph.nodes:
        if node.kind == "op":
            counts[node.scope] = counts.get(node.scope, 0) + 1
    return counts


def _with_inner(held: dict[ScopePath, int]) -> dict[ScopePath, int]:
    """How many operations each scope holds, with those of its inner calls."""
    counts: dict[ScopePath, int] = {}
    for scope, count in held.items():
        for depth in range(len(scope) + 1):
            counts[scope[:depth]] = counts.get(scope[:depth], 0) + count
    return counts
