"""A small picture of the whole graph in the corner, with the part in view framed; a click or drag goes there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from engine.graph.stepper import NodeState
from gui.theme import RADIUS_CARD, Theme

from .camera import Camera
from .lines import Batches
from .look import Role, small_fill
from .painter import Moment
from .scene import Scene

MOST_WIDTH, MOST_HEIGHT = 176.0, 152.0
LEAST_SIDE = 48.0
INSET, GAP = 8.0, 16.0
FITS = 1.02
MOST_CHANGES = 64


class Minimap:
    """Placed in the lower right corner of the view; not shown while everything is in view."""

    def __init__(self) -> None:
        self._picture = QPixmap()
        self._key: tuple[str, float] | None = None
        self._moment: Moment | None = None
        self._batches = Batches()
        self.is_enabled = True

    def place(self, scene: Scene, camera: Camera, size: QSizeF) -> QRectF | None:
        """Where the map is drawn, in the widget's pixels; None while it is hidden."""
        x, y, width, height = scene.bounds
        if not self.is_enabled or not len(scene) or size.width() < 420 or size.height() < 300:
            return None
        left, top = camera.to_screen(x, y)
        right, bottom = camera.to_screen(x + width, y + height)
        if left >= -FITS and top >= -FITS and right <= size.width() + FITS and bottom <= size.height() + FITS:
            return None
        scale = self._scale(scene)
        w = max(width * scale, LEAST_SIDE) + 2 * INSET
        h = max(height * scale, LEAST_SIDE) + 2 * INSET
        return QRectF(size.width() - GAP - w, size.height() - GAP - h, w, h)

    def scene_point(self, scene: Scene, place: QRectF, position: QPointF) -> tuple[float, float]:
        """The scene position that a position on the map stands for."""
        scale = self._scale(scene)
        origin = self._origin(scene, place)
        x = min(max((position.x() - origin.x()) / scale + scene.bounds[0], scene.bounds[0]), sum(scene.bounds[::2]))
        y = min(max((position.y() - origin.y()) / scale + scene.bounds[1], scene.bounds[1]), sum(scene.bounds[1::2]))
        return x, y

    def paint(
        self, painter: QPainter, now: Moment, camera: Camera, size: QSizeF, theme: Theme, ratio: float
    ) -> QRectF | None:
        """Draw the map if there is any use for it; returns its place.

        The picture of some earlier moment is kept; the few boxes that have changed since are drawn over it.
        """
        scene = now.scene
        place = self.place(scene, camera, size)
        if place is None:
            return None
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.line, 1))
        painter.setBrush(theme.surface)
        painter.drawRoundedRect(place, RADIUS_CARD, RADIUS_CARD)
        origin, scale = self._origin(scene, place), self._scale(scene)
        base = self._moment
        if (
            base is None
            or base.scene is not scene
            or self._key != (theme.name, ratio)
            or len(now.states.differing(base.states)) > MOST_CHANGES
        ):
            base = self._render(now, theme, ratio)
        painter.drawPixmap(origin, self._picture)
        painter.save()
        painter.setClipRect(place.adjusted(1, 1, -1, -1))
        self._paint_changes(painter, base, now, origin, scale, theme)
        x, y, right, bottom = camera.region(0, 0, size.width(), size.height())
        frame = QRectF(
            origin.x() + (x - scene.bounds[0]) * scale,
            origin.y() + (y - scene.bounds[1]) * scale,
            (right - x) * scale,
            (bottom - y) * scale,
        ).intersected(place.adjusted(3, 3, -3, -3))
        shade = QColor(theme.data)
        shade.setAlphaF(0.08)
        painter.setPen(QPen(theme.data, 1.5))
        painter.setBrush(shade)
        painter.drawRoundedRect(frame, 3, 3)
        painter.restore()
        return place

    def _scale(self, scene: Scene) -> float:
        return min(MOST_WIDTH / max(scene.bounds[2], 1.0), MOST_HEIGHT / max(scene.bounds[3], 1.0))

    def _origin(self, scene: Scene, place: QRectF) -> QPointF:
        scale = self._scale(scene)
        return QPointF(
            place.x() + (place.width() - scene.bounds[2] * scale) / 2,
            place.y() + (place.height() - scene.bounds[3] * scale) / 2,
        )

    def _render(self, moment: Moment, theme: Theme, ratio: float) -> Moment:
        scene, state = moment.scene, moment.states.state
        scale = self._scale(scene)
        width, height = max(scene.bounds[2] * scale, 1.0), max(scene.bounds[3] * scale, 1.0)
        self._picture = QPixmap(int(width * ratio) + 1, int(height * ratio) + 1)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._picture)
        painter.setPen(Qt.PenStyle.NoPen)
        style = scene.roles[scene.boxes].astype(np.int64) * 8 + state[scene.boxes]
        for code in np.unique(style).tolist():
            painter.setBrush(_colour(theme, Role(code // 8), NodeState(code % 8)))
            self._batches.draw_rects(painter, self._rects(scene, scene.boxes[style == code], scale))
        painter.end()
        self._moment, self._key = moment, (theme.name, ratio)
        return moment

    def _paint_changes(
        self, painter: QPainter, base: Moment, now: Moment, origin: QPointF, scale: float, theme: Theme
    ) -> None:
        scene, state = now.scene, now.states.state
        is_here = (state == NodeState.CURRENT) | (state == NodeState.COMPUTED)
        changed = np.concatenate([now.states.differing(base.states), np.flatnonzero(is_here)])
        changed = changed[scene.roles[changed] != Role.FRAME]
        rects = self._rects(scene, changed, scale)
        rects[:, 2:] = np.maximum(rects[:, 2:], np.where(is_here[changed], 5.0, 0.75)[:, None])
        painter.setPen(Qt.PenStyle.NoPen)
        for index, (x, y, width, height) in zip(changed.tolist(), rects.tolist(), strict=True):
            colour = _colour(theme, Role(int(scene.roles[index])), NodeState(int(state[index])))
            painter.fillRect(QRectF(origin.x() + x, origin.y() + y, width, height), colour)

    def _rects(
        self, scene: Scene, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], scale: float
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        rects = (scene.rects[chosen] - [*scene.bounds[:2], *scene.bounds[:2]]) * scale
        rects[:, 2:] = np.maximum(rects[:, 2:] - rects[:, :2], 0.75)
        return rects


def _colour(theme: Theme, role: Role, state: NodeState) -> QColor:
    return theme.edge if role is Role.OP and state is NodeState.WAITING else small_fill(theme, role, state)
