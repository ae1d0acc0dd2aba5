"""What stands over the graph at the edges of the view: minimap, legend, breadcrumbs, lines of text."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, QSizeF, Signal
from PySide6.QtGui import QPainter, QRegion
from PySide6.QtWidgets import QWidget

from engine.graph.model import ScopePath

from . import chips, notices
from .aside import Floats, Rect
from .breadcrumbs import HEIGHT as BAR_HEIGHT
from .breadcrumbs import Breadcrumbs
from .camera import Camera
from .cards import CardPainter
from .fonts import Fonts
from .legend import Legend
from .minimap import GAP, Minimap
from .painter import Moment
from .scene import Scene
from .view import View

MAP_TITLE = "Map"


class Chrome(QObject):
    """Paints what stands over the view of one widget, and tells the view where, so that it shows things beside it."""

    changed = Signal()
    """Legend or map were made small or large."""

    def __init__(self, widget: QWidget, view: View) -> None:
        super().__init__(widget)
        self._widget = widget
        self._view = view
        self.legend = Legend()
        self.minimap = Minimap()
        self.breadcrumbs = Breadcrumbs()
        self._scene: Scene | None = None
        self._fonts: Fonts | None = None
        view.places = self.places
        view.boxes_in = self._boxes_in

    def renew(self, scene: Scene | None, fonts: Fonts, *, has_bar: bool) -> None:
        """Another scene is shown; where it has groups, room is left for the bar that says in which of them one is.

        The bar comes and goes with what is picked: nothing must move for it, and nothing be hidden by it.
        """
        self._scene, self._fonts = scene, fonts
        self._view.top = BAR_HEIGHT if has_bar else 0.0

    # ----- where it is

    def places(self, camera: Camera) -> list[Rect]:
        """Where the legend and the map stand for a camera, the legend as small as it can be."""
        if self._fonts is None:
            return []
        found = [self.legend.place_at_rest(self._fonts, QSizeF(self._widget.size())), self.map_place(camera)]
        return [(place.x(), place.y(), place.right(), place.bottom()) for place in found if not place.isEmpty()]

    def map_place(self, camera: Camera | None = None) -> QRectF:
        """Where the minimap is in the widget, large or small; empty while it is hidden."""
        size, camera = QSizeF(self._widget.size()), self._view.camera if camera is None else camera
        place = None if self._scene is None else self.minimap.place(self._scene, camera, size)
        if place is None or self._fonts is None:
            return QRectF()
        if self.minimap.is_open:
            return place
        wide = chips.width(self._fonts, MAP_TITLE)
        return QRectF(size.width() - GAP - wide, size.height() - GAP - chips.HEIGHT, wide, chips.HEIGHT)

    def map_point(self, position: QPointF, *, is_drag: bool = False) -> tuple[float, float] | None:
        """The scene position behind a position on the minimap; a drag that began there may leave it."""
        place = self.map_place()
        if self._scene is None or not self.minimap.is_open or not (is_drag or place.contains(position)):
            return None
        return None if place.isEmpty() else self.minimap.scene_point(self._scene, place, position)

    def covers(self, position: QPointF) -> bool:
        """Whether any of it lies over the graph at a position of the widget."""
        places = (self.legend.place, self.breadcrumbs.place, self.map_place())
        return any(place.contains(position) for place in places)

    def click(self, position: QPointF) -> bool:
        """Make the legend or the map small or large if the position means that; False if it does not."""
        place = self.map_place()
        is_on_map = (chips.sign_place(place) if self.minimap.is_open else place).contains(position)
        if not place.isEmpty() and is_on_map:
            self.open_map(is_open=not self.minimap.is_open)
            return True
        if self.legend.place.contains(position):
            self.open_legend(is_open=not self.legend.is_shown)
            return True
        return False

    def open_map(self, *, is_open: bool) -> None:
        """Show all of the map, or only that there is one."""
        self.minimap.is_open = is_open
        self._resettle()

    def open_legend(self, *, is_open: bool) -> None:
        """Show all of the legend, whatever it hides, or only that there is one."""
        self.legend.is_open = is_open
        self._resettle()

    def _resettle(self) -> None:
        self._view.refit()
        self.changed.emit()

    def changing(self) -> QRegion:
        """What of it shows where the backward pass stands."""
        place = self.map_place() if self.minimap.is_open else QRectF()
        return QRegion() if place.isEmpty() else QRegion(place.adjusted(-1, -1, 1, 1).toAlignedRect())

    def _boxes_in(self, rect: Rect) -> Floats:
        """The boxes and the titles of open groups that lie in a rectangle of the scene."""
        if self._scene is None:
            return np.array([rect])
        found = np.concatenate([self._scene.rects[self._scene.boxes], self._scene.bars])
        is_in = (found[:, 0] >= rect[0]) & (found[:, 1] >= rect[1])
        is_in &= (found[:, 2] <= rect[2]) & (found[:, 3] <= rect[3])
        return found[is_in] if is_in.any() else np.array([rect])

    # ----- painting

    def paint(
        self, painter: QPainter, now: Moment, cards: CardPainter, trail: ScopePath, text: str, dirty: QRegion
    ) -> None:
        """Draw all of it, as far as a part of the widget needs it; `text` is a line over the graph."""
        theme, fonts, view = cards.theme, cards.fonts, self._view
        size, ratio = QSizeF(self._widget.size()), self._widget.devicePixelRatioF()
        place = self.map_place()
        if self.minimap.is_open:
            self.minimap.paint(painter, now, view.camera, size, theme, ratio)
            if not place.isEmpty():
                chips.paint_sign(painter, chips.sign_place(place).center(), theme.muted, is_open=True)
        elif not place.isEmpty():
            chips.paint(painter, place, MAP_TITLE, theme, fonts)
        is_whole = dirty.boundingRect().contains(self._widget.rect())
        if is_whole or dirty.intersects(self.legend.place.toAlignedRect()):
            self.legend.paint(painter, cards, size, partial(self._is_free, now.scene))
        if is_whole or dirty.intersects(self.breadcrumbs.place.toAlignedRect()):
            self.breadcrumbs.paint(painter, trail, theme, fonts, 0.0, size.width())
        if text:
            crumbs = self.breadcrumbs.place
            top = 12.0 if crumbs.isEmpty() else crumbs.bottom() + 8
            notices.paint_text(painter, size, theme, fonts, text, top)

    def _is_free(self, scene: Scene, place: QRectF) -> bool:
        """Whether no box and no line of the scene lies in a place of the widget, nor will once the view is moved on.

        Where not all of the graph is in view, what comes and goes with every movement would be a nuisance.
        """
        camera = self._view.camera
        if not self.map_place().isEmpty():
            return False
        boxes, _, links = scene.visible(*camera.region(place.x(), place.y(), place.width(), place.height()))
        return not len(boxes) and not len(links)
