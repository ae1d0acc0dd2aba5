"""Loads the graph and the panels of a window a little in each turn of the event loop, so that it answers meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.panel_set import PanelSet
    from gui.window import MainWindow

MODULES = (
    *("engine.rules", "engine.graph.layout", "gui.canvas.content", "gui.canvas.overlay"),
    *("gui.canvas.stage", "gui.canvas.menu", "gui.canvas.widget", "gui.panels.source", "gui.panels.lesson"),
    *("gui.panels.inspector", "gui.panels.edits", "gui.panels.compare", "gui.panels.flow", "gui.panels.loss"),
    *("gui.panels.runs", "gui.panels.problems", "gui.panels.timeline", "gui.panels.engine", "gui.panel_set"),
)
"""What takes long to load, each of them before what needs it; a name that is missing here only makes a turn longer.

Not on another thread: PySide makes its classes when they are first asked for, and that is for the window's thread.
"""


class PanelBuilder(QObject):
    """Builds the panels of `window`: bit by bit after `start`, or what is left of them at once by `finish`."""

    finished = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._warm_up = False
        self._rest: Iterator[None] = self._steps()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._go_on)

    def start(self, *, warm_up: bool) -> None:
        """Build a part in each turn of the event loop; then, if wanted, start a worker that loads torch."""
        self._warm_up = warm_up
        self._timer.start()

    def hurry(self) -> None:
        """Build what is left at once, where building has begun."""
        if self._timer.isActive():
            self.finish()

    def stop(self) -> None:
        """The window closes: what is not there yet is not needed any more."""
        self._timer.stop()

    def finish(self) -> PanelSet:
        """Build what is left."""
        for _ in self._rest:
            pass
        if self._timer.isActive():
            self._go_on()
        if self._window.panels is None:
            raise RuntimeError("the panels could not be built; what failed was told before")
        return self._window.panels

    def _go_on(self) -> None:
        try:
            next(self._rest)
        except StopIteration:
            self._timer.stop()
            self.finished.emit()
            if self._warm_up:
                self._prepare()

    def _prepare(self) -> None:
        try:
            self._window.workspace.bridge.prepare()
        except OSError as error:
            text = f"No process can be started to run programs: {error}."
            self._window.notify(Notification(text, "warning", is_lasting=True))

    def _steps(self) -> Iterator[None]:
        for name in MODULES:
            import_module(name)
            yield
        from gui.panel_set import PanelSet

        panels = PanelSet(self._window)
        yield from panels.build()
        self._window.take_panels(panels)
