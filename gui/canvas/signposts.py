"""From afar: the names of open groups at a size that can be read, as headings where they hide no box and no name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QRegion

from engine.graph.stepper import NodeState
from gui.theme import Theme

from .camera import Camera
from .fonts import Face, Fonts
from .labels import Labels
from .look import Role, box_look
from .names import BASELINE, FACE_PX
from .scene import Scene

LEAST_FRAME_PX = (28.0, 20.0)
"""Width and height of the smallest group that is named."""
FULL_PX, SMALL_PX = 12.0, 10.0
"""Size of the letters: where there is room, and where there is not."""
PADDING_PX, INSET_PX, GAP = 3.0, 2.0, 4.0
AROUND_PX = 2.0
"""A plate is so much higher than its letters are large."""
OVER_PX = 4.0
"""So far a heading may reach over the border of its group, as that of a framed list does."""
MOST = 240
"""So many groups are named at most, the largest ones."""

Floats = npt.NDArray[np.float64]
Spot = tuple[float, float]


class Signpost(NamedTuple):
    """A name, its class behind it, and the place of its plate in pixels relative to the scene's origin."""

    name: str
    module: str
    place: QRectF
    size: float
    """Of its letters, in pixels."""
    is_inner: bool
    """Whether it is nested deeper than the outermost two levels that have names."""


class Signposts:
    """Finds places for the names of one scene at one scale, and keeps them."""

    def __init__(self) -> None:
        self._key: tuple[int, float] | None = None
        self._scene: Scene | None = None
        self.found: list[Signpost] = []
        self._places: Floats = np.empty((0, 4))

    def are_known(self, scene: Scene, scale: float) -> bool:
        """Whether nothing needs to be worked out."""
        return self._scene is scene and self._key == (id(scene), scale)

    def paint(
        self, painter: QPainter, scene: Scene, labels: Labels, theme: Theme, camera: Camera, dirty: QRegion
    ) -> None:
        """Draw the names that are in a part of the widget."""
        if not self.are_known(scene, camera.scale):
            self.found = place(scene, labels, camera.scale)
            self._scene, self._key = scene, (id(scene), camera.scale)
            corners = [(at.left(), at.top(), at.right(), at.bottom()) for at in (post.place for post in self.found)]
            self._places = np.array(corners, dtype=np.float64).reshape(-1, 4)
        fonts = labels.fonts
        plate = QColor(box_look(theme, Role.FRAME, NodeState.WAITING).fill)
        plate.setAlphaF(0.9)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        seen = QRectF(dirty.boundingRect()).translated(-camera.dx, -camera.dy)
        p = self._places
        is_near = (p[:, 0] <= seen.right()) & (p[:, 2] >= seen.left())
        is_near &= (p[:, 1] <= seen.bottom()) & (p[:, 3] >= seen.top())
        for index in np.flatnonzero(is_near).tolist():
            post = self.found[index]
            at = post.place.translated(camera.dx, camera.dy)
            if not dirty.intersects(at.toAlignedRect()):
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(plate)
            painter.drawRoundedRect(at, 3, 3)
            zoom = post.size / FACE_PX[Face.SMALL_BOLD]
            painter.save()
            painter.translate(at.x() + PADDING_PX, at.center().y() + BASELINE * post.size)
            painter.scale(zoom, zoom)
            painter.setFont(fonts[Face.SMALL_BOLD])
            painter.setPen(theme.muted if post.is_inner else theme.text)
            painter.drawText(QPointF(), post.name)
            if post.module:
                painter.setFont(fonts[Face.SMALL])
                painter.setPen(theme.muted)
                painter.drawText(QPointF(fonts.width(post.name, Face.SMALL_BOLD) + GAP, 0.0), post.module)
            painter.restore()


def place(scene: Scene, labels: Labels, scale: float) -> list[Signpost]:
    """Where the names of open groups can stand at this scale: at the upper left of each, as long as there is room."""
    fonts = labels.fonts
    frames = scene.rects[scene.frames] * scale
    sizes = frames[:, 2:] - frames[:, :2]
    chosen = np.flatnonzero((sizes > LEAST_FRAME_PX).all(axis=1))
    chosen = chosen[np.argsort(-(sizes[chosen, 0] * sizes[chosen, 1]), kind="stable")][:MOST]
    taken = scene.rects[scene.boxes] * scale
    found: list[Signpost] = []
    outermost = min((len(scene.items[int(scene.frames[index])].scope) for index in chosen.tolist()), default=0)
    for index in chosen.tolist():
        item = scene.items[int(scene.frames[index])]
        name, module, _ = labels.group_names(item)
        post = _placed(name, module, frames[index], taken, fonts)
        if post is not None:
            found.append(post._replace(is_inner=len(item.scope) > outermost + 1))
            at = post.place
            taken = np.concatenate([taken, [[at.left(), at.top(), at.right(), at.bottom()]]])
    return found


def _placed(name: str, module: str, frame: Floats, taken: Floats, fonts: Fonts) -> Signpost | None:
    """A group's signpost where it hides nothing that is taken: as a heading if possible, saying as much as possible."""
    x, y, right, bottom = frame.tolist()
    near = taken[(taken[:, 0] < right) & (taken[:, 2] > x) & (taken[:, 1] < bottom) & (taken[:, 3] > y - OVER_PX)]
    forms = [(module, FULL_PX), ("", FULL_PX), ("", SMALL_PX)]
    for spot_of in (_upper_left, _upper_border, _lower_corner):
        for kind, size in forms:
            letters = fonts.width(name, Face.SMALL_BOLD) + (GAP + fonts.width(kind, Face.SMALL) if kind else 0.0)
            width, height = letters * size / FACE_PX[Face.SMALL_BOLD] + 2 * PADDING_PX, size + AROUND_PX
            spot = spot_of(frame, near, width, height) if width <= right - x - 2 * INSET_PX else None
            if spot is not None:
                return Signpost(name, kind, QRectF(*spot, width, height), size, is_inner=False)
    return None


def _upper_left(frame: Floats, taken: Floats, width: float, height: float) -> Spot | None:
    x, y, _, _ = frame.tolist()
    return _first_free([(x + INSET_PX, y + INSET_PX), (x + INSET_PX, y - OVER_PX)], taken, width, height)


def _upper_border(frame: Floats, taken: Floats, width: float, height: float) -> Spot | None:
    """Further right below the upper border, behind what is there."""
    x, y, right, _ = frame.tolist()
    top = y + INSET_PX
    beside = taken[(taken[:, 1] < top + height) & (taken[:, 3] > top), 2]
    lefts = np.sort(beside[(beside > x) & (beside + 2 * INSET_PX + width <= right)]) + INSET_PX
    return _first_free([(left, top) for left in lefts.tolist()], taken, width, height)


def _lower_corner(frame: Floats, taken: Floats, width: float, height: float) -> Spot | None:
    x, _, right, bottom = frame.tolist()
    low = bottom - INSET_PX - height
    return _first_free([(right - INSET_PX - width, low), (x + INSET_PX, low)], taken, width, height)


def _first_free(spots: list[Spot], taken: Floats, width: float, height: float) -> Spot | None:
    """The first spot at which a plate covers nothing that is taken."""
    for x, y in spots:
        hits = (taken[:, 0] < x + width) & (taken[:, 2] > x) & (taken[:, 1] < y + height) & (taken[:, 3] > y)
        if not hits.any():
            return x, y
    return None
