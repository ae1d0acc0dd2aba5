"""The moving camera of a widget: fitting, zooming, panning, gentle glides, and when the view rests again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, QPointF, QSize, QTimer, QVariantAnimation, Signal
from PySide6.QtWidgets import QWidget

from . import motion
from .aside import GAP, Floats, Rect, fitted_beside, is_clear, moved_beside
from .camera import MOST_FIT, Camera, fitted_in

REST_MS = 140
"""Without a movement for so long, the view is painted again at full quality."""
GLIDE_MS = 160
READABLE = 0.7
"""Scale at which a card that was searched for can be read."""
LEAST_OPENING = 0.45
"""A new graph that would have to be smaller than this to fit is shown from its top instead."""

FIT_MARGIN, OPEN_MARGIN, SHOW_MARGIN = 32.0, 24.0, 56.0
"""Pixels left free around everything, above a large drawing that is opened, and around one thing that is shown."""
NARROW = 12.0
"""The margin is so much less below what covers the top: more would look as if something were missing."""


def _no_places(_camera: Camera) -> list[Rect]:
    return []


def _itself(rect: Rect) -> Floats:
    return np.array([rect])


class View(QObject):
    """Camera of `widget`; rectangles are x, y, right, bottom in scene units."""

    changed = Signal()
    """The camera moved or rests again: paint."""
    zoomed = Signal(float)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self.camera = Camera()
        self.is_moving = False
        """Whether frames must be fast now."""
        self.is_resting = True
        """Whether there is time for what can hardly be seen."""
        self.top = 0.0
        """Pixels at the top that something covers, or will."""
        self.places: Callable[[Camera], Sequence[Rect]] = _no_places
        """What else stands over the view for a camera, in pixels."""
        self.boxes_in: Callable[[Rect], Floats] = _itself
        """(n, 4) what of a rectangle must not be hidden."""
        self._shown: Rect | None = None
        """What was gone to, until the user moves the view."""
        self._fitted: Rect | None = None
        self._opened: Rect | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)
        self._glide = QVariantAnimation(self)
        self._glide.setDuration(GLIDE_MS)
        self._glide.setStartValue(0.0)
        self._glide.setEndValue(1.0)
        self._glide.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._from = self._to = self.camera
        self._glide.valueChanged.connect(self._on_glide_value_changed)

    @property
    def region(self) -> Rect:
        """The part of the scene in view."""
        return self.camera.region(0, 0, self._widget.width(), self._widget.height())

    @property
    def free_region(self) -> Rect:
        """The part of the scene in view below what covers the top."""
        return (*self.camera.to_scene(0, self.top), *self.region[2:])

    def set_camera(self, camera: Camera) -> None:
        """Jump there, ending any glide."""
        self._glide.stop()
        self._shown = None
        self._apply(camera)

    def hurry(self) -> None:
        """Frames must be fast until the view has rested a moment."""
        self.is_moving, self.is_resting = True, False
        self._rest.start()

    def rest_soon(self) -> None:
        """Something was painted that will be painted better once nothing has happened for a moment."""
        self.is_resting = False
        self._rest.start()

    def rest(self) -> None:
        """Full quality now, without waiting for the timer."""
        self._rest.stop()
        self._on_rest_timeout()

    def fit(self, bounds: Rect) -> None:
        """Show a rectangle of x, y, width, height; it stays fitted while the widget is resized."""
        self.set_camera(self._fit(_corners(bounds)))
        self._fitted, self._opened = bounds, None

    def open_on(self, bounds: Rect) -> None:
        """First look at a drawing: all of it, or its top at a size that shows its boxes."""
        camera = self._fit(_corners(bounds))
        if camera.scale >= LEAST_OPENING:
            self.fit(bounds)
            self._opened = bounds
            return
        x, y, width, _ = bounds
        scale = max(camera.scale, min(READABLE, (self._widget.width() - 64) / max(width, 1.0)), LEAST_OPENING)
        middle, area = x + width / 2, self._area
        camera = Camera(scale).pinned(middle, y, area[2] / 2, self.top + OPEN_MARGIN)
        hull = (x, y, x + width, y + bounds[3])
        tall = [(place[0], -math.inf, place[2], math.inf) for place in self.places(camera)]
        self.set_camera(moved_beside(camera, hull, np.array([hull]), tall, (0.0, -math.inf, area[2], math.inf)))
        self._opened = bounds

    def zoom_at(self, factor: float, position: QPointF) -> None:
        self.set_camera(self.camera.zoomed(factor, position.x(), position.y()))

    def pan_by(self, dx: float, dy: float) -> None:
        self.set_camera(self.camera.moved(dx, dy))

    def centre(self, x: float, y: float) -> None:
        """Jump to a scene position."""
        self.set_camera(self.camera.centred(x, y, self._widget.width(), self._widget.height()))

    def go_to(self, rect: Rect, least_scale: float = 0.0) -> None:
        """Glide until a rectangle is in the middle, at this scale or more."""
        self._glide_to(self._clear(self._centred_on(rect, max(self.camera.scale, least_scale)), rect), rect)

    def show_rect(self, rect: Rect) -> None:
        """Show the whole of a rectangle, as large as can be read with ease, in the middle."""
        self._glide_to(self._fit(rect, SHOW_MARGIN, 1.0), rect)

    def reveal(self, rect: Rect) -> None:
        """Glide only as far as needed until a rectangle is well inside the view."""
        camera = self._revealing(self.camera, rect)
        if camera != self.camera:
            self._glide_to(camera, rect)
        self._shown = rect

    def forget_shown(self) -> None:
        """Another drawing: what was gone to is elsewhere in it, or not in it at all."""
        self._shown = None

    def _revealing(self, camera: Camera, rect: Rect) -> Camera:
        """The camera moved as little as possible until a rectangle is well inside the view.

        Where the whole drawing is in view, it need not be so far inside: that would move everything a little.
        """
        left, top = camera.to_screen(rect[0], rect[1])
        right, bottom = camera.to_screen(rect[2], rect[3])
        width, height = self._widget.width(), self._widget.height()
        margin = GAP if self._shows_all(camera) else min(SHOW_MARGIN, width / 6, height / 6)
        if right - left > width - 2 * margin or bottom - top > height - self.top - 2 * margin:
            is_off = right < margin or bottom < margin + self.top or left > width - margin or top > height - margin
            return self._centred_on(rect, camera.scale) if is_off else camera
        dx = max(margin - left, 0.0) - max(right - (width - margin), 0.0)
        dy = max(margin + self.top - top, 0.0) - max(bottom - (height - margin), 0.0)
        return self._clear(camera.moved(dx, dy), rect)

    def _shows_all(self, camera: Camera) -> bool:
        """Whether all of what is fitted is in view."""
        bounds = self._opened if self._opened is not None else self._fitted
        if bounds is None:
            return False
        x, y, right, bottom = _corners(bounds)
        area, seen = self._area, (*camera.to_screen(x, y), *camera.to_screen(right, bottom))
        return all(seen[at] >= area[at] and seen[at + 2] <= area[at + 2] for at in (0, 1))

    def refit(self) -> bool:
        """Fit anew what is fitted, for a view of which another part is covered; False where nothing is.

        What was stepped to stays in view, where not all of the drawing is.
        """
        shown, opened, fitted = self._shown, self._opened, self._fitted
        if opened is not None:
            self.open_on(opened)
        elif fitted is not None:
            self.fit(fitted)
        else:
            return False
        if shown is not None:
            opened, fitted = self._opened, self._fitted
            self._apply(self._revealing(self.camera, shown))
            self._shown, self._opened, self._fitted = shown, opened, fitted
        return True

    def uncover(self) -> None:
        """Fit anew what is fitted if something stands over it now; else the view stays where it is."""
        bounds = self._opened if self._opened is not None else self._fitted
        if bounds is not None and not is_clear(self.camera, self.boxes_in(_corners(bounds)), self.places(self.camera)):
            self.refit()

    def resize(self, old: QSize, new: QSize) -> None:
        """A fitted view stays fitted, an untouched one is opened anew; else the middle stays in the middle.

        What was gone to stays in view, even if it is still being gone to.
        """
        if self.refit() or not old.isValid():
            return
        is_on_its_way = self._glide.state() is QVariantAnimation.State.Running
        camera = self._to if is_on_its_way else self.camera
        camera = camera.moved((new.width() - old.width()) / 2, (new.height() - old.height()) / 2)
        if self._shown is not None:
            camera = self._revealing(camera, self._shown)
        if is_on_its_way:
            self._glide_to(camera, self._shown)
        else:
            self._apply(camera)

    def touches(self, rect: Rect) -> bool:
        """Whether any of a rectangle is in view, and not only below what covers the top."""
        region = self.free_region
        return rect[0] < region[2] and rect[2] > region[0] and rect[1] < region[3] and rect[3] > region[1]

    @property
    def _area(self) -> Rect:
        return (0.0, self.top, float(self._widget.width()), float(self._widget.height()))

    def _fit(self, rect: Rect, margin: float = FIT_MARGIN, most: float = MOST_FIT) -> Camera:
        """As large as can be with all boxes beside what stands over the view."""
        x, top, right, bottom = self._area
        area = (x, max(top - NARROW, 0.0), right, bottom)
        places = self.places(fitted_in(rect, area, margin, most))
        boxes = self.boxes_in(rect)
        return fitted_beside(lambda room: fitted_in(rect, room, margin, most), rect, boxes, places, area)

    def _clear(self, camera: Camera, rect: Rect) -> Camera:
        """The camera moved until nothing stands over a rectangle, if there is a way."""
        return moved_beside(camera, rect, np.array([rect]), self.places(camera), self._area)

    def _centred_on(self, rect: Rect, scale: float) -> Camera:
        area = self._area
        middle = ((area[0] + area[2]) / 2, (area[1] + area[3]) / 2)
        return Camera(scale).pinned((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, *middle)

    def _glide_to(self, camera: Camera, shown: Rect | None) -> None:
        self._glide.stop()
        self._shown = shown
        if not motion.is_wanted(self._widget):
            self._apply(camera)
            return
        self._from, self._to = self.camera, camera
        self._fitted = self._opened = None  # a change of size on the way must not lead back
        self._glide.start()

    def _apply(self, camera: Camera) -> None:
        camera = camera.snapped(self._widget.devicePixelRatioF())
        if camera == self.camera:
            return
        is_zoom = camera.scale != self.camera.scale
        self.camera = camera
        self._fitted = self._opened = None
        self.hurry()
        self.changed.emit()
        if is_zoom:
            self.zoomed.emit(camera.scale)

    def _on_glide_value_changed(self, value: float) -> None:
        self._apply(motion.between(self._from, self._to, value))

    def _on_rest_timeout(self) -> None:
        self.is_moving, self.is_resting = False, True
        self.changed.emit()


def _corners(bounds: Rect) -> Rect:
    """x, y, right, bottom of x, y, width, height."""
    return (bounds[0], bounds[1], bounds[0] + bounds[2], bounds[1] + bounds[3])
