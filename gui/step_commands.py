"""The commands that move the cursor, and those that say where it should stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.watching import Watch
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow


_STOPPED = "stopped"
"""Of the notification about a run that a breakpoint stopped."""


class StepCommands(QObject):
    """Stepping, playing and breakpoints of one window. Whatever moves the cursor by hand stops the playing."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.document.run_stopped.connect(self._on_document_run_stopped)
        window.document.cursor_changed.connect(self._on_document_moved)
        window.document.trace_changed.connect(self._on_document_moved)
        window.document.breakpoints.changed.connect(self._on_breakpoints_changed)

    def step_forward(self) -> None:
        self._window.playback.stop()
        self._window.document.step_forward()

    def step_back(self) -> None:
        self._window.playback.stop()
        self._window.document.step_back()

    def step_over(self) -> None:
        self._window.playback.stop()
        self._window.document.step_over()

    def step_back_over(self) -> None:
        self._window.playback.stop()
        self._window.document.step_over(-1)

    def step_out(self) -> None:
        self._window.playback.stop()
        self._window.document.step_out()

    def step_back_out(self) -> None:
        self._window.playback.stop()
        self._window.document.step_out(-1)

    def move_to_start(self) -> None:
        self._window.playback.stop()
        self._window.document.move_to_next_stop(-1)

    def move_to_end(self) -> None:
        self._window.playback.stop()
        self._window.document.move_to_next_stop()

    def toggle_play(self) -> None:
        self._window.playback.toggle()

    def run_to_selected(self) -> None:
        self._run(past_breakpoints=False)

    def run_past_breakpoints(self) -> None:
        self._run(past_breakpoints=True)

    def _run(self, *, past_breakpoints: bool) -> None:
        """Run to the selected node or group; without one, to where a breakpoint kept the last run from going."""
        document, canvas = self._window.document, self._window.canvas
        self._window.playback.stop()
        if document.selection is not None:
            document.run_to(document.selection, past_breakpoints=past_breakpoints)
        elif canvas is not None and canvas.picked_scope is not None:
            document.run_to_group(canvas.picked_nodes, past_breakpoints=past_breakpoints)
        elif document.destination is not None:
            document.run(document.destination, past_breakpoints=past_breakpoints)

    def _on_breakpoints_changed(self) -> None:
        """The breakpoint that stopped a run may be there no more: what is said of it goes with it."""
        document, notifications = self._window.document, self._window.notifications
        if any(shown.key == _STOPPED for shown in notifications.shown):
            if document.breakpoints.stops_at(document.cursor):
                self._on_document_run_stopped()
            else:
                notifications.dismiss(_STOPPED)

    def _on_document_run_stopped(self) -> None:
        """Say which breakpoint it was; the run can be gone on with."""
        from gui.panels.breakpoint_text import names_at

        document = self._window.document
        text = f"Stopped at a breakpoint: {names_at(document, document.cursor)}."
        buttons = (("Go on", self.run_to_selected), ("Go on without stopping", self.run_past_breakpoints))
        self._window.notify(Notification(text, "info", buttons=buttons, key=_STOPPED))
        self._window.refresh_actions()

    def _on_document_moved(self) -> None:
        if self._window.document.destination is None:
            self._window.notifications.dismiss(_STOPPED)

    def watch_value(self) -> None:
        self._watch(is_gradient=False)

    def watch_gradient(self) -> None:
        self._watch(is_gradient=True)

    def _watch(self, *, is_gradient: bool) -> None:
        """Pin what the inspector shows, or take it away."""
        panels, focus = self._window.panels, self._window.document.focus
        if panels is None or focus is None:
            return
        panels.watching.toggle(Watch(focus, panels.inspector.output, is_gradient))

    def play_slower(self) -> None:
        self._window.playback.change_speed(-1)

    def play_faster(self) -> None:
        self._window.playback.change_speed(1)

    # Edges

    def next_edge(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.edges.go_on(1)

    def previous_edge(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.edges.go_on(-1)

    # Breakpoints

    def next_breakpoint(self) -> None:
        self._run_to_breakpoint(1, "No breakpoint stops between here and the end.")

    def previous_breakpoint(self) -> None:
        self._run_to_breakpoint(-1, "No breakpoint stops between here and the beginning.")

    def _run_to_breakpoint(self, direction: int, text: str) -> None:
        self._window.playback.stop()
        if self._window.document.run_to_breakpoint(direction):
            self._window.notifications.dismiss("breakpoint")
        else:
            self._window.notify(Notification(text, "info", key="breakpoint", is_passing=True))

    def toggle_breakpoint(self) -> None:
        document, canvas = self._window.document, self._window.canvas
        trace, focus = document.trace, document.focus
        if trace is None:
            return
        scope = None if canvas is None else canvas.picked_scope
        if document.edge is not None:  # where the gradient comes back along it
            document.breakpoints.toggle_on(trace, trace.graph.edges[document.edge].target)
        elif scope is not None:
            document.breakpoints.toggle_module(scope)
        elif focus is not None:
            document.breakpoints.toggle_on(trace, focus)

    def break_on_condition(self) -> None:
        if self._window.panels is not None:
            self._window.docks.raise_("breakpoints")
            self._window.panels.breakpoints.begin_condition()

    def toggle_breakpoints(self) -> None:
        self._window.document.breakpoints.enable_all()

    def clear_breakpoints(self) -> None:
        self._window.document.breakpoints.clear()
