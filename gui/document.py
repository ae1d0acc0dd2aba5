"""The open document: the trace, the position in its backward pass, the selection. Panels only listen to it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from engine.graph.stepper import Stepper
from engine.graph.trace import Trace


class Document(QObject):
    """State that all panels share. Every change goes through here and is announced once."""

    trace_changed = Signal()
    """Another trace (or none) is shown; cursor and selection are already those of the new one."""
    cursor_changed = Signal()
    selection_changed = Signal()
    source_changed = Signal()
    """The texts of the program's files changed (they may be known before there is a trace)."""
    values_requested = Signal(int, int, bool)
    """The user asks for the whole values of a node's output, or (True) for its whole gradient."""
    values_changed = Signal()
    """Values that the trace did not hold have come, or will not come."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self._trace: Trace | None = None
        self._stepper: Stepper | None = None
        self._selection: int | None = None
        self._sources: dict[str, str] = {}
        self._is_replayable = False
        self._awaited: set[tuple[int, int, bool]] = set()

    @property
    def trace(self) -> Trace | None:
        return self._trace

    @property
    def stepper(self) -> Stepper | None:
        """Which nodes are done, current, ready or waiting at the cursor; None without a trace."""
        return self._stepper

    @property
    def cursor(self) -> int:
        """How many backward steps have been taken: 0 (only the forward pass has run) to len(trace.backward)."""
        return 0 if self._stepper is None else self._stepper.position

    @property
    def length(self) -> int:
        return 0 if self._trace is None else len(self._trace.backward)

    @property
    def selection(self) -> int | None:
        """Id of the selected node."""
        return self._selection

    @property
    def focus(self) -> int | None:
        """Id of the node that panels describe: the selected one, else the current step's, else the root."""
        if self._selection is not None:
            return self._selection
        if self._stepper is not None and self._stepper.current is not None:
            return self._stepper.current.node.id
        if self._trace is not None and self._trace.roots:
            return self._trace.roots[0][0]
        return None

    @property
    def sources(self) -> dict[str, str]:
        return self._sources

    def set_sources(self, sources: dict[str, str]) -> None:
        self._sources = dict(sources)
        self.source_changed.emit()

    @property
    def is_replayable(self) -> bool:
        """Whether values that the trace does not hold can be had by running its program again."""
        return self._is_replayable

    def is_awaiting(self, node_id: int, output: int, *, is_gradient: bool) -> bool:
        """Whether these values are on their way."""
        return (node_id, output, is_gradient) in self._awaited

    def request_values(self, node_id: int, output: int, *, is_gradient: bool) -> None:
        """Ask for whole values; `values_changed` follows once they are in the trace."""
        if self._is_replayable and (node_id, output, is_gradient) not in self._awaited:
            self._awaited.add((node_id, output, is_gradient))
            self.values_requested.emit(node_id, output, is_gradient)

    def settle_values(self, node_id: int, output: int, *, is_gradient: bool) -> None:
        """A request is answered: the values are in the trace now, or there are none."""
        self._awaited.discard((node_id, output, is_gradient))
        self.values_changed.emit()

    def set_trace(self, trace: Trace | None, *, is_replayable: bool = False) -> None:
        """Show another trace, from its beginning.

        Parameters
        ----------
        is_replayable : its program can be run again to fetch values.
        """
        self._trace = trace
        self._is_replayable = is_replayable and trace is not None
        self._awaited.clear()
        self._stepper = None if trace is None else Stepper(trace)
        self._selection = None
        self.undo_stack.clear()
        if trace is not None and trace.sources:
            self.set_sources(trace.sources)
        self.trace_changed.emit()

    def move_to(self, position: int) -> None:
        """Set the cursor; positions outside the backward pass are brought to its nearest end."""
        if self._stepper is None:
            return
        position = max(0, min(position, self.length))
        if position != self._stepper.position:
            self._stepper.move_to(position)
            if self._selection is not None:
                self._selection = None
                self.selection_changed.emit()
            self.cursor_changed.emit()

    def step_forward(self) -> None:
        self.move_to(self.cursor + 1)

    def step_back(self) -> None:
        self.move_to(self.cursor - 1)

    def move_to_start(self) -> None:
        self.move_to(0)

    def move_to_end(self) -> None:
        self.move_to(self.length)

    def run_to(self, node_id: int) -> None:
        """Move to the step of a node; without effect where the backward pass never reaches it."""
        step = None if self._trace is None else self._trace.step_of(node_id)
        if step is not None:
            self.move_to(step.index + 1)

    def select(self, node_id: int | None) -> None:
        if node_id != self._selection:
            self._selection = node_id
            self.selection_changed.emit()
