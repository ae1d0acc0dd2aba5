"""Finding one's way: places visited, the modules around what is looked at, hits of a search, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, Signal

from engine.graph.model import ScopePath

from .content import Content
from .history import History, Place
from .scene import Scene

if TYPE_CHECKING:
    from .widget import GraphCanvas


class Travel(QObject):
    """Moves the view and the selection of one canvas from place to place."""

    changed = Signal()
    """There is another place to go back or forward to."""

    def __init__(self, canvas: GraphCanvas, content: Content) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._content = content
        self.history = History()
        self._wanted: Place | None = None
        self._is_returning = False
        self._around: tuple[object, ScopePath] = (None, ())

    # ----- places visited

    def start(self) -> None:
        """Another trace is shown: nothing of it was visited."""
        self.history.clear()
        self._wanted = None
        self.changed.emit()

    def visit(self, node: int | None) -> None:
        """Remember that the user came here, and how the place that was left looked."""
        if not self._is_returning:
            self.leave()
            self.history.visit(Place(node, self._content.folds, self._canvas.camera))
            self.changed.emit()

    def leave(self) -> None:
        """Remember how the present place looks, before the view goes elsewhere."""
        self.history.leave(self._content.folds, self._canvas.camera)

    def back(self) -> None:
        """Go back to the place before."""
        self._go(-1)

    def forward(self) -> None:
        """Go to the place that was gone back from."""
        self._go(1)

    def _go(self, by: int) -> None:
        self.leave()
        place = self.history.go(by)
        if place is None:
            return
        self._is_returning = True
        try:
            self._canvas.document.select(place.node)
            if place.folds != self._content.folds:
                self._wanted = place
                self._content.set_folds(place.folds)
            else:
                self._canvas.view.set_camera(place.camera)
        finally:
            self._is_returning = False
        self.changed.emit()

    def arrive(self) -> bool:
        """After a layout: look at the place that it was made for; False if it was for none."""
        wanted, self._wanted = self._wanted, None
        if wanted is None or wanted.folds != self._content.folds:
            return False
        self._canvas.view.set_camera(wanted.camera)
        return True

    @property
    def conditions(self) -> dict[str, bool]:
        """What can be done with the graph now, in the words of the window's commands."""
        spotlight, is_picked = self._canvas.spotlight, self._canvas.picked_item is not None
        return {
            "picked": is_picked,
            "pathed": is_picked and spotlight.start is not None,
            "hits": bool(spotlight.hits),
            "visited": self.history.can_go_back,
            "ahead": self.history.can_go_forward,
            "moved": self._canvas.carrier.has_moved,
        }

    # ----- module calls around

    @property
    def trail(self) -> ScopePath:
        """The module calls around the picked item; of nothing picked, around what fills the view."""
        canvas, scene = self._canvas, self._canvas.scene
        if scene is None:
            return ()
        if canvas.has_selection:
            item = canvas.picked_item
            return () if item is None else scene.items[item].scope
        key = (scene, canvas.camera, canvas.size())
        if self._around[0] != key:
            self._around = (key, self._trail_around(scene))
        return self._around[1]

    def _trail_around(self, scene: Scene) -> ScopePath:
        """The module calls around what fills the view."""
        x, y, right, bottom = self._canvas.view.free_region
        middle_x, middle_y = (x + right) / 2, (y + bottom) / 2
        around = scene.frames_at(middle_x, middle_y, middle_x, middle_y)
        r = scene.rects[around]
        is_cut = (r[:, 0] < x) | (r[:, 2] > right) | (r[:, 1] < y) | (r[:, 3] > bottom)
        inner = np.flatnonzero(is_cut)
        return scene.items[around[int(inner[-1])]].scope if len(inner) else ()

    def crumb_at(self, position: QPointF) -> ScopePath | None:
        """The module call that a position on the breadcrumbs stands for."""
        return self._canvas.chrome.breadcrumbs.path_at(position)

    def go_by_breadcrumbs(self, position: QPointF) -> bool:
        """Go to the module call under a position; False if the breadcrumbs are not there."""
        path = self.crumb_at(position)
        if path is not None:
            self.go_to_scope(path)
        return self.is_on_breadcrumbs(position)

    def is_on_breadcrumbs(self, position: QPointF) -> bool:
        """Whether their bar lies under a position, and hides what the graph has there."""
        return self._canvas.chrome.breadcrumbs.place.contains(position)

    def go_to_scope(self, path: ScopePath) -> None:
        """Bring a module call into view and pick it, opening what hides it; () shows everything."""
        canvas = self._canvas
        if canvas.scene is None:
            return
        self.leave()
        if path:
            canvas.folding.show_scope(path)
        else:
            canvas.pick(None)
            canvas.fit()
            self.visit(None)

    def pick_scope(self, path: ScopePath) -> None:
        """Pick the box of a module call, or the folded one that hides it."""
        scene = self._canvas.scene
        item = None if scene is None else scene.item_of_scope(path)
        hidden = self._content.folds.hidden_in(path)
        if scene is not None and item is None and hidden is not None:
            item = scene.item_of_scope(hidden)
        if item is not None:
            self._canvas.pick(item)
            self._canvas.reveal(item)

    def pick_around(self) -> None:
        """Pick the module call around the picked item."""
        trail, scene = self.trail, self._canvas.scene
        item = self._canvas.picked_item
        if scene is None or not trail:
            return
        is_group = item is not None and scene.items[item].node is None and self._canvas.has_selection
        path = trail[:-1] if is_group else trail
        around = scene.item_of_scope(path) if path else None
        if around is not None:
            self._canvas.pick(around)
            self._canvas.reveal(around)

    # ----- hits

    def show_hits(self, title: str, hits: Iterable[int], current: int | None = None) -> None:
        """Outline the nodes that were found; go to `current` if it is one of them."""
        self._canvas.spotlight.show_hits(title, hits, current)
        if current is not None:
            self.go_to_node(current)

    def next_hit(self) -> None:
        """Go to the next node that was found."""
        self._go_to_hit(1)

    def previous_hit(self) -> None:
        """Go to the one before."""
        self._go_to_hit(-1)

    def go_to_node(self, node: int) -> None:
        """Select a node and bring it to the middle, opening what hides it."""
        self._canvas.document.select(node)
        self._canvas.center_on(node)

    def _go_to_hit(self, by: int) -> None:
        node = self._canvas.spotlight.step(by)
        if node is not None:
            self.go_to_node(node)
