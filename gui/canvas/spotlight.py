"""What was searched for or asked about: the nodes found, and those that stay lit while everything else is dimmed."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from engine.graph import walk
from engine.graph.model import Node
from engine.graph.trace import Trace

from .fonts import plain

MOST_NAME = 40


class Spotlight(QObject):
    """Node ids that the canvas marks. Hits of a search are outlined; a walk's nodes keep their colours."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.hits: tuple[int, ...] = ()
        self.lit: frozenset[int] | None = None
        """Nodes that are not dimmed; None dims nothing."""
        self.start: int | None = None
        """The node from which paths are shown."""
        self._title = ""
        self._current = -1

    @property
    def is_on(self) -> bool:
        """Whether anything is marked."""
        return bool(self.hits) or self.lit is not None

    @property
    def current(self) -> int | None:
        """The hit that was gone to last."""
        return self.hits[self._current] if 0 <= self._current < len(self.hits) else None

    @property
    def text(self) -> str:
        """What is marked, for a line over the graph; empty where nothing is."""
        if self.start is not None and self.hits == (self.start,):
            return f"{self._title} · Esc clears"
        if self.hits:
            count = len(self.hits)
            place = f"{self._current + 1} of {count}" if self._current >= 0 else str(count)
            return f"{place} · {self._title} · F3 next · Esc clears"
        if self.lit is not None:
            count = len(self.lit)
            return f"{self._title} · {count} {'node' if count == 1 else 'nodes'} · Esc clears"
        return ""

    def show_hits(self, title: str, hits: Iterable[int], current: int | None = None) -> None:
        """Outline the nodes found for what `title` says; of them `current` has been gone to."""
        self.hits, self.lit, self._title = tuple(hits), None, plain(title)
        self._current = self.hits.index(current) if current in self.hits else -1
        self.changed.emit()

    def step(self, by: int) -> int | None:
        """Go on to the next hit (or back, with -1), around the end; returns it."""
        if not self.hits:
            return None
        if self._current < 0:
            self._current = 0 if by > 0 else len(self.hits) - 1
        else:
            self._current = (self._current + by) % len(self.hits)
        self.changed.emit()
        return self.current

    def light(self, title: str, nodes: Iterable[int]) -> None:
        """Dim everything but these nodes."""
        self.hits, self.lit, self._title, self._current = (), frozenset(nodes), plain(title), -1
        self.changed.emit()

    def clear(self) -> None:
        """Mark nothing."""
        self.start = None
        if self.is_on:
            self.hits, self.lit, self._title, self._current = (), None, "", -1
            self.changed.emit()

    def reset(self) -> None:
        """Another trace: nothing of it is known here."""
        self.clear()

    # ----- questions about the graph

    def show_dependencies(self, trace: Trace, nodes: list[int]) -> None:
        """Light everything that `nodes` are computed from."""
        title = f"What {_name(trace, nodes)} depends on"
        self.light(title, walk.ancestors(trace.graph, nodes) | set(nodes))

    def show_dependents(self, trace: Trace, nodes: list[int]) -> None:
        """Light everything that is computed from `nodes`."""
        title = f"What depends on {_name(trace, nodes)}"
        self.light(title, walk.descendants(trace.graph, nodes) | set(nodes))

    def show_path_to_loss(self, trace: Trace, nodes: list[int]) -> None:
        """Light every way from `nodes` to a root; the nodes alone where there is none."""
        self._show_between(trace, nodes, [root for root, _ in trace.roots], "the loss")

    def start_path(self, trace: Trace, nodes: list[int]) -> None:
        """Show paths from the last of `nodes` from now on."""
        self.start = nodes[-1]
        self.show_hits(f"Paths from {_name(trace, nodes[-1:])}: choose the other end", nodes[-1:])

    def show_paths(self, trace: Trace, nodes: list[int]) -> None:
        """Light every way between `start` and `nodes`, whichever comes first in the program."""
        if self.start is not None:
            below = walk.descendants(trace.graph, [self.start])
            is_down = any(node in below for node in nodes)
            ends = ([self.start], nodes) if is_down else (nodes, [self.start])
            self._show_between(trace, *ends, _name(trace, ends[1]))

    def _show_between(self, trace: Trace, sources: list[int], targets: list[int], end: str) -> None:
        below = walk.descendants(trace.graph, sources) | set(sources)
        above = walk.ancestors(trace.graph, targets) | set(targets)
        between = below & above
        name = _name(trace, sources)
        if between:
            self.light(f"From {name} to {end}", between)
        else:
            self.light(f"No way leads from {name} to {end}", sources)


def _name(trace: Trace, nodes: list[int]) -> str:
    if len(nodes) != 1:
        return f"these {len(nodes)} nodes"
    return short_name(trace.graph.nodes[nodes[0]])


def short_name(node: Node) -> str:
    """The variable's name or the operation, short enough for a sentence."""
    name = plain((node.name or node.label)[: MOST_NAME + 1])
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"
