"""What the canvas shows: the trace's folds, the method, the layout being made, and the scene it made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from engine.errors import LayoutError
from engine.graph.drawing import Sizes
from engine.graph.fold import Folds
from engine.graph.functions import Functions, functions_of
from engine.graph.layout import layout
from engine.graph.model import ScopePath
from engine.graph.trace import Trace
from gui import garbage

from . import moving, quantities
from .fonts import Fonts
from .job import LayoutJob
from .labels import Labels
from .scene import Scene

SMALL_GRAPH, FEW_EDGES = 1_500, 4_000
"""Layered layouts of so many nodes and edges are made at once; larger ones beside the window's thread."""
SMALL_FOR_NETWORKX = 60
_log = logging.getLogger(__name__)
LAYERED = "layered"
ACROSS = "layered across"
"""The layered layout from left to right."""


class Content(QObject):
    """Keeps the scene in step with trace, folds and method. Folding is immutable; the last request wins."""

    changed = Signal()
    """There is another scene (or none)."""
    busy_changed = Signal(bool)
    failed = Signal(str)
    progressed = Signal(int)
    """So many per cent of a layout that takes its time are done."""

    def __init__(self, fonts: Fonts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.fonts = fonts
        self.trace: Trace | None = None
        self.labels: Labels | None = None
        self.scene: Scene | None = None
        self.folds = Folds.none()
        self.is_by_function = False
        """Whether what one call in the user's code ran is one box, wherever its module is open."""
        self._functions: Functions | None = None
        self._outermost: set[ScopePath] = set()
        self.method = LAYERED
        self.aspect = 1.6
        """Width divided by height of the window, for the next layout."""
        self._laid_out: Scene | None = None
        """The scene as the layout made it; `scene` has the user's positions in it."""
        self._offsets: WeakKeyDictionary[Trace, dict[str, moving.Offsets]] = WeakKeyDictionary()
        self._job = LayoutJob(self)
        self._job.finished.connect(self._on_job_finished)
        self._job.failed.connect(self._on_job_failed)
        self._job.progressed.connect(self.progressed)

    @property
    def is_busy(self) -> bool:
        """Whether a layout is being made."""
        return self._job.is_running

    @property
    def percent_done(self) -> int | None:
        """How much of the layout being made is done; None where there is none, or it may be done at once."""
        return self._job.percent

    def set_trace(self, trace: Trace | None) -> None:
        """Show another trace with its default folds."""
        self.trace = trace
        self.scene = self._laid_out = None
        self.labels = None if trace is None else Labels(trace, self.fonts)
        self._functions = None
        nodes = () if trace is None else trace.graph.nodes
        self._outermost = {node.scope[:1] for node in nodes if node.scope}
        self.folds = Folds.none() if trace is None else self._grained(Folds.default_for(trace.graph))
        self._arrange()

    def exchange_trace(self, trace: Trace) -> None:
        """Show another trace of the same form in the drawing that there is, with its folds."""
        before, self.trace = self.trace, trace
        self.labels = Labels(trace, self.fonts)
        self._functions = None
        if before is not None and before in self._offsets:
            self._offsets[trace] = self._offsets[before]
        if self._laid_out is None or self._job.is_running:
            self._arrange()
            return
        self._laid_out = Scene(trace, self._laid_out.drawing)
        self.scene = self._placed(self._laid_out)

    def set_method(self, method: str) -> None:
        if method != self.method:
            self.method = method
            self._arrange()

    def set_folds(self, folds: Folds) -> None:
        if folds != self.folds:
            self.folds = folds
            self._arrange()

    def fold_all(self) -> None:
        if self.trace is not None:
            self.set_folds(self._grained(Folds.all_folded(self.trace.graph)))

    def unfold_all(self) -> None:
        """Open every module call; function calls stay boxes where they are shown."""
        self.set_folds(self._grained(Folds.none()))

    def show_functions(self) -> None:
        """Open every module call of the user's, with one box for each function call in it."""
        self.is_by_function = True
        self.unfold_all()

    def show_operations(self) -> None:
        """Show every operation by itself."""
        self.is_by_function = False
        self.unfold_all()

    def unfold_only(self, path: ScopePath) -> None:
        """Open a module call and those around it; fold everything else, what is inside it too."""
        if self.trace is not None:
            self.set_folds(self._grained(Folds.only(self.trace.graph, path)).unfold_to(path))

    def unfold_others(self, path: ScopePath) -> None:
        """Fold a module call, and open everything else."""
        self.set_folds(self._grained(Folds.all_but(path)).fold(path))

    def _grained(self, folds: Folds) -> Folds:
        """The folds with function calls as boxes, if those are wanted."""
        if not self.is_by_function or self.trace is None:
            return folds
        if self._functions is None:
            self._functions = functions_of(self.trace.graph, self.trace.sources)
        return folds.with_functions(self._functions)

    def set_depth(self, depth: int) -> None:
        if self.trace is not None:
            self.set_folds(self._grained(Folds.by_depth(self.trace.graph, depth)))

    def toggle(self, path: ScopePath) -> None:
        """Fold an open call, open a folded one, take a run of repeated ones apart; what lies inside keeps its state."""
        hidden = self.folds.hidden_in(path)
        if hidden is not None and len(self.folds.sharing_box(hidden)) > 1:
            self.set_folds(self.folds.expand_run(hidden))
            return
        self.set_folds(self.folds.unfold_to(path) if hidden is not None else self.folds.fold(path))

    def can_collapse(self, path: ScopePath) -> bool:
        """Whether calls beside this one repeat it and are not yet one box with it."""
        return self.trace is not None and self.folds.collapse_run(path, self.trace.graph) != self.folds

    def collapse(self, path: ScopePath) -> None:
        """Show a call and those that repeat it as one box."""
        if self.trace is not None:
            self.set_folds(self.folds.collapse_run(path, self.trace.graph))

    def unfold(self, path: ScopePath) -> None:
        self.set_folds(self.folds.unfold_to(path))

    @property
    def offsets(self) -> moving.Offsets:
        """How far boxes were moved by hand, in this trace and layout method."""
        return {} if self.trace is None else self._offsets.get(self.trace, {}).get(self.method, {})

    def set_offsets(self, offsets: moving.Offsets) -> None:
        """Move boxes to other places; those not named stand where the layout puts them."""
        if self.trace is not None:
            self._offsets.setdefault(self.trace, {})[self.method] = dict(offsets)
            if self._laid_out is not None:
                self.scene = self._placed(self._laid_out)
                self.changed.emit()

    def _placed(self, scene: Scene) -> Scene:
        drawing = moving.moved(scene.drawing, self.offsets) if self.offsets else scene.drawing
        return scene if drawing is scene.drawing else Scene(scene.trace, drawing)

    @property
    def is_all_folded(self) -> bool:
        """Whether the outermost module calls are folded, all of them."""
        return bool(self._outermost) and self._outermost <= self.folds.paths

    @property
    def has_groups(self) -> bool:
        """Whether there is any module call to fold."""
        return bool(self._outermost)

    def cancel(self) -> None:
        """Give up the layout being made; the scene stays what it was."""
        if self._job.is_running:
            self._job.cancel()
            self.busy_changed.emit(False)

    def wait(self) -> None:
        """Wait for the layout's thread to end."""
        self._job.wait()

    def _arrange(self) -> None:
        was_busy = self._job.is_running
        self._job.cancel()
        if was_busy:
            self.busy_changed.emit(False)
        if self.trace is None or self.labels is None:
            self.changed.emit()
            return
        work = partial(_lay_out, self.trace, self.method, self.folds, self.aspect)
        limit = SMALL_GRAPH if self.method in {LAYERED, ACROSS} else SMALL_FOR_NETWORKX
        if len(self.trace.graph.nodes) <= limit and len(self.trace.graph.edges) <= FEW_EDGES:
            try:
                scene = work(self.labels.sizes, _never, _untold)
            except Exception as error:  # noqa: BLE001 - a layout that fails must not take along what asked for it
                if not isinstance(error, LayoutError):
                    _log.exception("The layout %s failed", self.method)
                self._on_job_failed(str(error) or type(error).__name__)
                return
            self._on_job_finished(scene)
            return
        self._job.start(work, self.labels.sizes)
        self.busy_changed.emit(True)

    def _on_job_finished(self, scene: Scene) -> None:
        garbage.spare(len(scene.trace.graph.nodes))
        self._laid_out = scene
        self.scene = self._placed(scene)
        self.busy_changed.emit(False)
        self.changed.emit()

    def _on_job_failed(self, message: str) -> None:
        self.busy_changed.emit(False)
        self.failed.emit(f"The graph could not be laid out ({self.method}): {message}. Choose another layout.")


def _lay_out(
    trace: Trace,
    method: str,
    folds: Folds,
    aspect: float,
    sizes: Sizes,
    is_cancelled: Callable[[], bool],
    on_progress: Callable[[float], None],
) -> Scene:
    if len(trace.graph.nodes) > SMALL_GRAPH:
        quantities.of(trace).prepare()
    drawing = layout(
        trace.graph,
        method=LAYERED if method == ACROSS else method,
        sizes=sizes,
        folds=folds,
        direction="right" if method == ACROSS else "down",
        aspect=aspect,
        is_cancelled=is_cancelled,
        on_progress=on_progress,
    )
    return Scene(trace, drawing)


def _never() -> bool:
    return False


def _untold(_share: float) -> None:
    """Nobody waits for a layout that is made at once."""
