"""A small picture of the whole graph in the corner, with the part in view framed; a click or drag goes there."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from engine.graph.stepper import NodeState
from gui.theme import RADIUS_CARD, Theme

from .camera import Camera
from .far import STATES, fills
from .look import Role, small_fill
from .painter import Moment
from .raster import Raster
from .scene import Scene

MOST_WIDTH, MOST_HEIGHT = 176.0, 152.0
WIDTH_SHARE, HEIGHT_SHARE = 0.24, 0.28
"""So much of the view it takes at most."""
SIGN_COLUMN = 18.0
"""Beside the picture, for the sign that makes it small."""
LEAST_SIDE = 48.0
INSET, GAP = 8.0, 16.0
FITS = 1.02


class Minimap:
    """Placed in the lower right corner of the view; not shown while everything is in view, small if that is wanted."""

    def __init__(self) -> None:
        self._picture = QImage()
        self._key: tuple[str, float, float, float] | None = None
        self._moment: Moment | None = None
        self.is_open = True
        """Whether all of it is shown, and not only that there is one."""

    def place(self, scene: Scene, camera: Camera, size: QSizeF) -> QRectF | None:
        """Where all of the map is drawn, in the widget's pixels; None while there is no use for it."""
        x, y, width, height = scene.bounds
        if not len(scene) or size.width() < 420 or size.height() < 300:
            return None
        left, top = camera.to_screen(x, y)
        right, bottom = camera.to_screen(x + width, y + height)
        if left >= -FITS and top >= -FITS and right <= size.width() + FITS and bottom <= size.height() + FITS:
            return None
        most_x, most_y = min(MOST_WIDTH, WIDTH_SHARE * size.width()), min(MOST_HEIGHT, HEIGHT_SHARE * size.height())
        scale = min(most_x / max(width, 1.0), most_y / max(height, 1.0))
        w = math.ceil(max(width * scale, LEAST_SIDE) + 2 * INSET + SIGN_COLUMN)
        h = math.ceil(max(height * scale, LEAST_SIDE) + 2 * INSET)
        return QRectF(size.width() - GAP - w, size.height() - GAP - h, w, h)

    def scene_point(self, scene: Scene, place: QRectF, position: QPointF) -> tuple[float, float]:
        """The scene position that a position on the map stands for."""
        scale = self._scale(scene, place)
        origin = self._origin(scene, place)
        x = min(max((position.x() - origin.x()) / scale + scene.bounds[0], scene.bounds[0]), sum(scene.bounds[::2]))
        y = min(max((position.y() - origin.y()) / scale + scene.bounds[1], scene.bounds[1]), sum(scene.bounds[1::2]))
        return x, y

    def paint(
        self, painter: QPainter, now: Moment, camera: Camera, size: QSizeF, theme: Theme, ratio: float
    ) -> QRectF | None:
        """Draw the map if there is any use for it; returns its place.

        The picture is kept: the few boxes that have changed since are painted over.
        """
        scene = now.scene
        place = self.place(scene, camera, size)
        if place is None:
            return None
        origin, scale = self._origin(scene, place), self._scale(scene, place)
        self._bring_along(now, place, theme, ratio)
        painter.drawImage(QPointF(place.x() - 1, place.y() - 1), self._picture)
        self._paint_here(painter, now, origin, scale, theme)
        x, y, right, bottom = camera.region(0, 0, size.width(), size.height())
        frame = QRectF(
            origin.x() + (x - scene.bounds[0]) * scale,
            origin.y() + (y - scene.bounds[1]) * scale,
            (right - x) * scale,
            (bottom - y) * scale,
        ).intersected(place.adjusted(3, 3, -3 - SIGN_COLUMN, -3))
        shade = QColor(theme.data)
        shade.setAlphaF(0.08)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.data, 1.5))
        painter.setBrush(shade)
        painter.drawRoundedRect(frame, 3, 3)
        return place

    def _scale(self, scene: Scene, place: QRectF) -> float:
        room_x, room_y = place.width() - 2 * INSET - SIGN_COLUMN, place.height() - 2 * INSET
        return min(room_x / max(scene.bounds[2], 1.0), room_y / max(scene.bounds[3], 1.0))

    def _origin(self, scene: Scene, place: QRectF) -> QPointF:
        scale = self._scale(scene, place)
        return QPointF(
            place.x() + (place.width() - SIGN_COLUMN - scene.bounds[2] * scale) / 2,
            place.y() + (place.height() - scene.bounds[3] * scale) / 2,
        )

    def _bring_along(self, now: Moment, place: QRectF, theme: Theme, ratio: float) -> None:
        """Let the picture show the present moment."""
        before, key = self._moment, (theme.name, ratio, place.width(), place.height())
        if before is now and self._key == key:
            return
        if before is None or before.scene is not now.scene or self._key != key:
            self._render_panel(place, theme, ratio)
            chosen = now.scene.boxes
        else:
            changed = now.states.differing(before.states)
            chosen = changed[now.scene.roles[changed] != Role.FRAME]
        self._moment, self._key = now, key
        if not len(chosen):
            return
        scene, scale = now.scene, self._scale(now.scene, place)
        origin = self._origin(scene, QRectF(1, 1, place.width(), place.height()))
        dx, dy = origin.x() - scene.bounds[0] * scale, origin.y() - scene.bounds[1] * scale
        area = QRectF(2, 2, place.width() - 2, place.height() - 2)
        raster = Raster(self._picture, QTransform(scale, 0, 0, scale, dx, dy), area)
        codes = _codes(theme)[scene.roles[chosen].astype(np.int64) * STATES + now.states.state[chosen]]
        raster.fill_rects(scene.rects[chosen], codes)

    def _render_panel(self, place: QRectF, theme: Theme, ratio: float) -> None:
        """The ground of the map, with a pixel of room around its outline."""
        size = QSize(math.ceil((place.width() + 2) * ratio), math.ceil((place.height() + 2) * ratio))
        self._picture = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.line, 1))
        painter.setBrush(theme.surface)
        painter.drawRoundedRect(QRectF(1, 1, place.width(), place.height()), RADIUS_CARD, RADIUS_CARD)
        painter.end()

    def _paint_here(self, painter: QPainter, now: Moment, origin: QPointF, scale: float, theme: Theme) -> None:
        """The box at the cursor, larger than it is so that it can be found."""
        here = [index for index in now.states.here if now.scene.roles[index] != Role.FRAME]
        rects = self._rects(now.scene, np.array(here, dtype=np.int64), scale)
        for index, (x, y, width, height) in zip(here, rects.tolist(), strict=True):
            colour = small_fill(theme, Role(int(now.scene.roles[index])), NodeState(int(now.states.state[index])))
            painter.fillRect(QRectF(origin.x() + x, origin.y() + y, max(width, 5.0), height), colour)

    def _rects(
        self, scene: Scene, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], scale: float
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        rects = (scene.rects[chosen] - [*scene.bounds[:2], *scene.bounds[:2]]) * scale
        rects[:, 2:] = np.maximum(rects[:, 2:] - rects[:, :2], 0.75)
        return rects


def _codes(theme: Theme) -> npt.NDArray[np.uint32]:
    """The colour of every role and state, as pixels have it."""
    codes = fills(theme).copy()
    codes[Role.OP * STATES + NodeState.WAITING] = theme.edge.rgba()
    return codes
