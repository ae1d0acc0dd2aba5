"""The commands that move the cursor, and those that say where it should stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.watching import Watch
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow


class StepCommands(QObject):
    """Stepping, playing and breakpoints of one window. Whatever moves the cursor by hand stops the playing."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

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
        selection = self._window.document.selection
        if selection is not None:
            self._window.playback.stop()
            self._window.document.run_to(selection)

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
            self._window.notify(Notification(text, "info", key="breakpoint"))

    def toggle_breakpoint(self) -> None:
        document, canvas = self._window.document, self._window.canvas
        trace, focus = document.trace, document.focus
        if trace is None:
            return
        scope = None if canvas is None else canvas.picked_scope
        if scope is not None:
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
