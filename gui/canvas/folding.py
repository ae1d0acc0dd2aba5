"""Folds and unfolds what the canvas shows, and looks at each new drawing so that nobody loses their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.graph.model import ScopePath

from .aside import GAP
from .content import Content
from .scene import Scene
from .view import READABLE

if TYPE_CHECKING:
    from .widget import GraphCanvas

MODULES, FUNCTIONS, OPERATIONS = "modules", "functions", "operations"
"""The three depths of one graph."""


class Folding(QObject):
    """Everything that changes what is folded on one canvas. A box that was folded or unfolded stays where it is."""

    def __init__(self, canvas: GraphCanvas, content: Content) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._content = content
        self._pin: tuple[ScopePath, float, float] | None = None
        self._wanted_node: int | None = None
        self._wanted_scope: ScopePath = ()
        self._wants_fit = False
        self._is_new_trace = True

    # ----- depth

    @property
    def depth(self) -> str:
        """Which of the three depths is shown; of what was folded by hand the finest box that there may be."""
        content = self._content
        if content.trace is not None and content.is_all_folded:
            return MODULES
        return FUNCTIONS if content.is_by_function else OPERATIONS

    def show(self, depth: str) -> None:
        """Show one of the three depths, all of it."""
        shows = {
            MODULES: self._content.fold_all,
            FUNCTIONS: self._content.show_functions,
            OPERATIONS: self._content.show_operations,
        }
        self._fitted(shows[depth])

    def fold_all(self) -> None:
        self._fitted(self._content.fold_all)

    def unfold_all(self) -> None:
        """Open every module call."""
        self._fitted(self._content.unfold_all)

    def set_depth(self, depth: int) -> None:
        """Show module calls open down to this depth; 0 folds the outermost."""
        self._wants_fit = True
        self._content.set_depth(depth)
        self._settle()

    def _fitted(self, change: Callable[[], None]) -> None:
        self._wants_fit = True
        change()
        self._settle()

    def _settle(self) -> None:
        """Where nothing had to be folded there is no new drawing to look at: look at the one that there is."""
        if self._wants_fit and not self._content.is_busy:
            self._wants_fit = False
            self._canvas.fit()

    # ----- one call

    def toggle(self, path: ScopePath) -> None:
        """Fold or unfold a call; its box stays where it is on screen."""
        self._pinned(path, self._content.toggle)

    def unfold(self, path: ScopePath) -> None:
        """Open a call and everything around it."""
        self._pinned(path, self._content.unfold)

    def collapse(self, path: ScopePath) -> None:
        """Show a module call and those that repeat it as one box."""
        self._pinned(path, self._content.collapse)

    def unfold_only(self, path: ScopePath) -> None:
        """Open a call and those around it, and fold everything else."""
        self._pinned(path, self._content.unfold_only)

    def unfold_others(self, path: ScopePath) -> None:
        """Fold a call, and open everything else."""
        self._pinned(path, self._content.unfold_others)

    def toggle_picked(self) -> None:
        """Fold or unfold the picked call, or fold the one around the picked node."""
        path = self.picked_path
        if path:
            self._canvas.pick_path(path)
            self.toggle(path)

    def unfold_only_picked(self) -> None:
        """Open the picked call, or the one around the picked node, and fold everything else."""
        if self.picked_path:
            self.unfold_only(self.picked_path)

    def unfold_others_picked(self) -> None:
        """Fold the picked call, or the one around the picked node, and open everything else."""
        if self.picked_path:
            self.unfold_others(self.picked_path)

    @property
    def picked_path(self) -> ScopePath:
        """The call that is picked, or that is around the picked node; () where there is none."""
        scene, item = self._canvas.scene, self._canvas.picked_item
        return () if scene is None or item is None else scene.items[item].scope

    def can_collapse(self, path: ScopePath) -> bool:
        """Whether a module call can share a box with others that repeat it."""
        return self._content.can_collapse(path)

    def show_node(self, node: int) -> None:
        """Bring a node to the middle, opening what hides it and zooming in until it can be read."""
        trace, folds = self._content.trace, self._content.folds
        if trace is None or not 0 <= node < len(trace.graph.nodes):
            return
        path = folds.scope_of(trace.graph.nodes[node])
        if folds.hidden_in(path) is not None:
            self._wanted_node = node
            self._content.unfold(path)
        else:
            self._go_to_node(node)

    def _go_to_node(self, node: int) -> None:
        scene = self._canvas.scene
        item = None if scene is None else scene.item_of(node)
        if scene is not None and item is not None:
            self._canvas.view.go_to(scene.rect_of(item), READABLE)

    def show_scope(self, path: ScopePath) -> None:
        """Pick the box of a module call and bring it into view, opening what hides it."""
        folds = self._content.folds
        wanted = folds if folds.hidden_in(path[:-1]) is None else folds.unfold_to(path[:-1])
        if len(wanted.sharing_box(path)) > 1:
            wanted = wanted.expand_run(path)
        if wanted == folds:
            self._go_to_scope(path)
        else:
            self._wanted_scope = path
            self._content.set_folds(wanted)

    def _go_to_scope(self, path: ScopePath) -> None:
        scene = self._canvas.scene
        item = None if scene is None else scene.item_of_scope(path)
        self._canvas.pick(item)
        if scene is None or item is None:  # a drawing without boxes for modules
            self._canvas.fit()
        else:
            self._canvas.view.show_rect(scene.rect_of(item))
        self._canvas.travel.visit(None)

    # ----- after a layout

    def start(self) -> None:
        """Another trace: the next drawing is looked at for the first time."""
        self._pin = self._wanted_node = None
        self._wanted_scope = ()
        self._wants_fit = False
        self._is_new_trace = True

    def refit(self) -> None:
        """Fit the next drawing."""
        self._wants_fit = True

    def arrive(self, scene: Scene) -> None:
        """Look at a new drawing so that the user knows where what was there has gone."""
        canvas, view = self._canvas, self._canvas.view
        view.forget_shown()
        if self._is_new_trace:
            self._is_new_trace = self._wants_fit = False
            view.open_on(scene.bounds)
            canvas.travel.start()
            canvas.travel.visit(None)
        elif canvas.travel.arrive():
            pass
        elif self._wants_fit:
            self._wants_fit = False
            view.fit(scene.bounds)
        elif self._wanted_node is not None:
            self._go_to_node(self._wanted_node)
        elif self._wanted_scope:
            self._go_to_scope(self._wanted_scope)
        elif self._pin is not None:
            path, x, y = self._pin
            item = scene.item_of_scope(path)
            if item is not None:
                is_under_bar = 0 <= y < view.top  # which comes with what was opened
                view.set_camera(
                    canvas.camera.pinned(*scene.rect_of(item)[:2], x, view.top + GAP if is_under_bar else y)
                )
        self._pin = self._wanted_node = None
        self._wanted_scope = ()

    def _pinned(self, path: ScopePath, change: Callable[[ScopePath], None]) -> None:
        """Change folds; the corner of a call's box is put where it was on screen after the next layout."""
        scene = self._canvas.scene
        item = None if scene is None else scene.item_of_scope(path)
        if scene is not None and item is not None:
            self._pin = (path, *self._canvas.camera.to_screen(*scene.rect_of(item)[:2]))
        change(path)
