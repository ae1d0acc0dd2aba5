"""The open document: the trace, the position in its training step, the selection. Panels only listen to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from engine.graph.lifetimes import Lifetimes
from engine.graph.observation import Observation
from engine.graph.stepper import Stepper
from engine.graph.timeline import Event, Timeline
from engine.graph.trace import Trace
from gui.breakpoints import BreakpointModel

if TYPE_CHECKING:
    from gui.fetching_tiles import LargeTensor

CALM_MS = 200
"""How long numbers stay the same before `numbers_settled`."""


class Document(QObject):
    """State that all panels share. Every change goes through here and is announced once."""

    trace_changed = Signal()
    """Another trace (or none) is shown; cursor and selection are already those of the new one."""
    cursor_changed = Signal()
    run_stopped = Signal()
    """A breakpoint stopped a run before it came to its `destination`; the cursor is there already."""
    updates_changed = Signal()
    """It is known now what the optimizer did after the backward pass; cursor and selection are as before."""
    numbers_changed = Signal()
    """Another trace of the same form is shown: what a drawing of it looks like, cursor and selection are as before."""
    numbers_settled = Signal()
    """No other such trace has come for a moment: time for what takes longer to work out."""
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
        self.breakpoints = BreakpointModel(self.undo_stack, self)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self.numbers_settled)
        self._trace: Trace | None = None
        self._stepper: Stepper | None = None
        self._lifetimes: Lifetimes | None = None
        self._selection: int | None = None
        self._edge: int | None = None
        self._destination: int | None = None
        self._sources: dict[str, str] = {}
        self._fault: tuple[str, int] | None = None
        self._is_replayable = False
        self._awaited: set[tuple[int, int, bool]] = set()
        self.large_tensors: Callable[[int, int, bool], LargeTensor | None] | None = None
        """Who hands out tensors of which only parts are fetched, by node, output and whether it is the gradient."""

    @property
    def trace(self) -> Trace | None:
        return self._trace

    @property
    def stepper(self) -> Stepper | None:
        """Which nodes are done, current, ready or waiting at the cursor; None without a trace."""
        return self._stepper

    @property
    def cursor(self) -> int:
        """How many backward steps have been taken: 0 (only the forward pass has run) to len(trace.backward).

        At -j the last j operations of the forward pass are still to run; beyond the backward steps come updates.
        """
        return 0 if self._stepper is None else self._stepper.position

    @property
    def first(self) -> int:
        """The lowest position: nothing has run."""
        return 0 if self._stepper is None else self._stepper.first

    @property
    def last(self) -> int:
        """The highest position: every leaf is updated, where updates are known."""
        return 0 if self._stepper is None else self._stepper.last

    @property
    def timeline(self) -> Timeline | None:
        """Everything that happens in the trace, in order; None without one."""
        return None if self._stepper is None else self._stepper.timeline

    @property
    def lifetimes(self) -> Lifetimes | None:
        """What is saved for the backward pass, and when it is freed; worked out when it is first asked for."""
        if self._lifetimes is None and self._trace is not None and self._stepper is not None:
            self._lifetimes = Lifetimes(self._trace, self._stepper)
        return self._lifetimes

    @property
    def here(self) -> Event | None:
        """What happened last at the cursor."""
        return None if self._stepper is None else self._stepper.event

    @property
    def length(self) -> int:
        """How many backward steps there are."""
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
        if self._stepper is not None and self._stepper.current_node is not None:
            return self._stepper.current_node
        if self._trace is not None and self._trace.roots:
            return self._trace.roots[0][0]
        return None

    @property
    def sources(self) -> dict[str, str]:
        return self._sources

    @property
    def fault(self) -> tuple[str, int] | None:
        """File and line at which a program stopped: those of the trace's error, or of the run, as far as it came."""
        error = None if self._trace is None else self._trace.error_source
        return error or self._fault

    def set_sources(self, sources: dict[str, str], fault: tuple[str, int] | None = None) -> None:
        if sources != self._sources or fault != self._fault:
            self._sources, self._fault = dict(sources), fault
            self.source_changed.emit()

    @property
    def is_replayable(self) -> bool:
        """Whether values that the trace does not hold can be had by running its program again."""
        return self._is_replayable

    def is_awaiting(self, node_id: int, output: int, *, is_gradient: bool) -> bool:
        """Whether these values are on their way."""
        return (node_id, output, is_gradient) in self._awaited

    def large_tensor(self, node_id: int, output: int, *, is_gradient: bool) -> LargeTensor | None:
        """A tensor of which parts can be had without fetching the whole; None where its program cannot run again."""
        if not self._is_replayable or self.large_tensors is None:
            return None
        return self.large_tensors(node_id, output, is_gradient)

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
        self._calm.stop()
        self._trace = trace
        self._is_replayable = is_replayable and trace is not None
        self._awaited.clear()
        self._stepper = None if trace is None else Stepper(trace)
        self._lifetimes = None
        self._selection = self._edge = self._destination = None
        self.undo_stack.clear()
        self.breakpoints.set_trace(trace, self.timeline)
        if trace is not None and trace.sources:
            self.set_sources(trace.sources)
        self.trace_changed.emit()

    def exchange_trace(self, trace: Trace, *, has_same_form: bool, is_replayable: bool = False) -> None:
        """Show another trace of the same program in the place of this one; undo goes on, and the cursor stays.

        The cursor stays at the same node, wherever that node's step is now; at the end it stays at the end.

        Parameters
        ----------
        has_same_form : the nodes and edges are the same, so the selection stays too (`numbers_changed`); otherwise
            everything is drawn anew (`trace_changed`).
        """
        before, stepper = self._stepper, Stepper(trace)
        position = 0 if before is None else before.position
        if before is not None and self._trace is not None and 0 < position <= len(self._trace.backward):
            step = trace.step_of(self._trace.backward[position - 1].node.id) if has_same_form else None
            is_end = position == len(self._trace.backward)
            position = len(trace.backward) if is_end else position if step is None else step.index + 1
        stepper.move_to(stepper.timeline.clamp(position))
        self._trace, self._stepper = trace, stepper
        self._is_replayable = is_replayable
        self._awaited.clear()
        self._lifetimes = self._destination = None
        self.breakpoints.set_trace(trace, stepper.timeline)
        if has_same_form:
            self._calm.start()
            self.numbers_changed.emit()
        else:
            self._selection = self._edge = None
            self.trace_changed.emit()

    def add_updates(self, observations: Sequence[Observation]) -> None:
        """Put what an optimizer did after the backward pass into the trace; the cursor stays."""
        trace, stepper = self._trace, self._stepper
        if trace is None or stepper is None:
            return
        trace.observations.extend(observations)
        stepper.read_updates()
        self._lifetimes = None
        self.breakpoints.set_trace(trace, stepper.timeline)
        self.updates_changed.emit()

    def move_to(self, position: int) -> None:
        """Set the cursor; positions outside the recorded step are brought to its nearest end."""
        if self._stepper is None:
            return
        self._destination = None
        position = self._stepper.timeline.clamp(position)
        if position != self._stepper.position:
            self._stepper.move_to(position)
            if self._selection is not None:
                self._selection = self._edge = None
                self.selection_changed.emit()
            self.cursor_changed.emit()

    def step_forward(self) -> None:
        self.move_to(self.cursor + 1)

    def step_back(self) -> None:
        self.move_to(self.cursor - 1)

    @property
    def destination(self) -> int | None:
        """The position that a run was going to when a breakpoint stopped it; None once the cursor has moved on."""
        return self._destination

    def run(self, position: int, *, past_breakpoints: bool = False) -> None:
        """Go to a position event by event, forwards or back: the first breakpoint on the way stops the run."""
        direction = 1 if position > self.cursor else -1
        stop = None if past_breakpoints else self.breakpoints.next(self.cursor, direction)
        if stop is None or (position - stop) * direction <= 0:
            self.move_to(position)
            return
        self.move_to(stop)
        self._destination = position
        self.run_stopped.emit()

    def step_over(self, direction: int = 1) -> None:
        """Step without entering module calls: one that begins here is run as a whole; backwards with -1."""
        if self._stepper is not None:
            self.run(self._stepper.timeline.over(self.cursor, direction))

    def step_out(self, direction: int = 1) -> None:
        """Run to the end (with -1 to the beginning) of the module call around the cursor, or of the phase."""
        if self._stepper is not None:
            self.run(self._stepper.timeline.out(self.cursor, direction))

    def move_to_start(self) -> None:
        """Before the first backward step."""
        self.move_to(0)

    def move_to_end(self) -> None:
        """After the last backward step."""
        self.move_to(self.length)

    def move_to_next_stop(self, direction: int = 1) -> None:
        """Go to where a phase ends (with -1: begins): the forward pass, the backward pass, the updates."""
        if self._stepper is not None:
            stops = self._stepper.timeline.stops
            beyond = [stop for stop in stops if (stop - self.cursor) * direction > 0]
            if beyond:
                self.move_to(min(beyond, key=lambda stop: abs(stop - self.cursor)))

    def run_to_breakpoint(self, direction: int = 1) -> bool:
        """Go on (with -1: back) to where a breakpoint stops; False, and nothing moves, where none does."""
        position = self.breakpoints.next(self.cursor, direction)
        if position is not None:
            self.move_to(position)
        return position is not None

    def position_for(self, node_id: int) -> int | None:
        """Where to go to see something happen to a node: its backward step; in the forward pass, its operation if that
        is still to run.

        Of a node that the backward pass never reaches it is the operation; a tensor from outside has no place at all.
        """
        trace, stepper = self._trace, self._stepper
        if trace is None or stepper is None:
            return None
        step = trace.step_of(node_id)
        if step is not None and (stepper.position >= 0 or stepper.has_value(node_id)):
            return step.index + 1
        return stepper.timeline.position_of(node_id, stepper.position)

    def run_to(self, node_id: int, *, past_breakpoints: bool = False) -> None:
        """Run to where something happens to a node (see `position_for`)."""
        position = self.position_for(node_id)
        if position is not None:
            self.run(position, past_breakpoints=past_breakpoints)

    def run_to_group(self, nodes: Sequence[int], *, past_breakpoints: bool = False) -> None:
        """Run to where a group of nodes is entered next: a folded box of the graph."""
        position = None if self._stepper is None else self._stepper.timeline.entry_of(nodes, self.cursor)
        if position is not None:
            self.run(position, past_breakpoints=past_breakpoints)

    def jump_to(self, node_id: int) -> None:
        """Look at the moment at which something happens to a node: nothing stops on the way there."""
        self.run_to(node_id, past_breakpoints=True)

    def select(self, node_id: int | None) -> None:
        if node_id != self._selection or self._edge is not None:
            self._selection, self._edge = node_id, None
            self.selection_changed.emit()

    @property
    def edge(self) -> int | None:
        """Index in `graph.edges` of the selected edge; one of its ends is the selected node then."""
        return self._edge

    def select_edge(self, index: int, *, at: int | None = None) -> None:
        """Select an edge together with the node `at` one of its ends: without it the selected one, else its source."""
        if self._trace is None or index == self._edge:
            return
        edge = self._trace.graph.edges[index]
        wanted = self._selection if at is None else at
        self._selection = wanted if wanted in (edge.source, edge.target) else edge.source
        self._edge = index
        self.selection_changed.emit()
