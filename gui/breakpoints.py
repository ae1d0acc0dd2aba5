"""The breakpoints of the open target: edited with undo, remembered with the target, worked out for the open trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from engine.graph.breakpoints import MOST_BREAKPOINTS, Breakpoint, Positions, Stops, next_stop, on_node
from engine.graph.model import ScopePath
from engine.graph.query import QueryError
from engine.graph.timeline import Timeline
from engine.graph.trace import Trace
from gui.undo_list import UndoList

if TYPE_CHECKING:
    from gui.settings import Settings
    from gui.workspace import Workspace

MOST_TARGETS = 60
"""So many targets' breakpoints are remembered; those of the oldest are forgotten first."""


class BreakpointModel(UndoList[Breakpoint]):
    """A list of breakpoints. Every edit can be undone, apart from `load`.

    `changed` is also emitted for another trace in which they stop.
    """

    def __init__(self, undo_stack: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(undo_stack, parent)
        self._stops: Stops | None = None
        self._positions: Positions | None = None

    def load(self, items: Iterable[Breakpoint]) -> None:
        """Another target's breakpoints."""
        self.set_items(tuple(items)[:MOST_BREAKPOINTS])

    def set_trace(self, trace: Trace | None, timeline: Timeline | None) -> None:
        """Another trace, or the same one with more events."""
        self._stops = None if trace is None else Stops(trace, timeline)
        self._positions = None
        self.changed.emit()

    def _settle(self) -> None:
        self._positions = None

    # Where they stop

    @property
    def positions(self) -> Positions:
        """Where any enabled breakpoint stops in the open trace, in order."""
        if self._positions is None:
            empty = np.empty(0, dtype=np.int64)
            self._positions = empty if self._stops is None else self._stops.all(self._items)
        return self._positions

    def hits(self, item: Breakpoint) -> Positions:
        """Where one breakpoint stops, whether it is enabled or not."""
        return np.empty(0, dtype=np.int64) if self._stops is None else self._stops.positions(item)

    def fault(self, item: Breakpoint) -> QueryError | None:
        """What is wrong with a condition."""
        return None if self._stops is None else self._stops.fault(item)

    def node_of(self, item: Breakpoint) -> int | None:
        """The node that a breakpoint is on, where the open trace has it."""
        return None if self._stops is None else self._stops.node_of(item)

    def stops_at(self, position: int) -> bool:
        """Whether an enabled breakpoint stops at a position."""
        place = int(np.searchsorted(self.positions, position))
        return place < len(self.positions) and int(self.positions[place]) == position

    def at(self, position: int) -> list[Breakpoint]:
        """The enabled breakpoints that stop at a position."""
        return [item for item in self._items if item.is_enabled and position in self.hits(item)]

    def next(self, cursor: int, direction: int = 1) -> int | None:
        """The next position at which one stops, in a direction; None where none does."""
        return next_stop(self.positions, cursor, direction)

    def on(self, node_id: int) -> Breakpoint | None:
        """The breakpoint of kind "node" on a node."""
        return next((item for item in self._items if self.node_of(item) == node_id), None)

    # Editing

    def add(self, item: Breakpoint) -> bool:
        """Add one, or switch an equal one on again; False where there are as many as there may be."""
        same = next((other for other in self._items if (other.kind, other.text) == (item.kind, item.text)), None)
        if same is not None:
            self.set_enabled(same, is_enabled=True)
            return True
        if len(self._items) >= MOST_BREAKPOINTS:
            return False
        self._push((*self._items, item), "Add breakpoint")
        return True

    def remove(self, item: Breakpoint) -> None:
        self._push(tuple(other for other in self._items if other is not item), "Remove breakpoint")

    def clear(self) -> None:
        self._push((), "Remove all breakpoints")

    def replace(self, item: Breakpoint, other: Breakpoint) -> None:
        """Put another one in the place of one of the list."""
        if item != other:
            self._push(tuple(other if one is item else one for one in self._items), "Edit breakpoint")

    def set_enabled(self, item: Breakpoint, *, is_enabled: bool) -> None:
        other = Breakpoint(kind=item.kind, text=item.text, is_enabled=is_enabled)
        if item.is_enabled != is_enabled:
            text = "Enable breakpoint" if is_enabled else "Disable breakpoint"
            self._push(tuple(other if one is item else one for one in self._items), text)

    def enable_all(self) -> None:
        """Switch all of them on; all off where all are on already."""
        wanted = not all(item.is_enabled for item in self._items)
        items = tuple(Breakpoint(kind=item.kind, text=item.text, is_enabled=wanted) for item in self._items)
        self._push(items, "Enable all breakpoints" if wanted else "Disable all breakpoints")

    def toggle_on(self, trace: Trace, node_id: int) -> None:
        """Put a breakpoint on a node, or take it away."""
        item = self.on(node_id)
        if item is None:
            self.add(on_node(trace.graph, node_id))
        else:
            self.remove(item)

    def toggle_module(self, scope: ScopePath) -> None:
        """Put a breakpoint on a module call, or take it away."""
        text = ".".join(scope)
        item = next((item for item in self._items if item.kind == "module" and item.text == text), None)
        if item is None:
            self.add(Breakpoint(kind="module", text=text))
        else:
            self.remove(item)


class BreakpointKeeper(QObject):
    """Remembers each target's breakpoints in the settings, and brings them back when it is opened again."""

    def __init__(self, model: BreakpointModel, workspace: Workspace, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._model, self._workspace, self._settings = model, workspace, settings
        self._target = ""
        workspace.changed.connect(self._on_workspace_changed)
        model.changed.connect(self._on_model_changed)

    def _on_workspace_changed(self) -> None:
        target = self._workspace.target
        name = "" if target is None else target.text
        if name != self._target:
            self._target = name
            self._model.load(self._settings.values.breakpoints.get(name, ()))

    def _on_model_changed(self) -> None:
        known = self._settings.values.breakpoints
        if not self._target or tuple(known.get(self._target, ())) == self._model.items:
            return
        kept = {name: items for name, items in known.items() if name != self._target}
        if self._model.items:
            kept[self._target] = self._model.items
        self._settings.update(breakpoints=dict(list(kept.items())[-MOST_TARGETS:]))
