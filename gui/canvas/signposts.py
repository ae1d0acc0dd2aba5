"""From afar: the names of open groups at a size that can be read, wherever they hide no box and no other name."""

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
from .scene import Scene

HEIGHT_PX = 16.0
PADDING_PX, INSET_PX = 4.0, 2.0
MOST = 240
"""So many groups are named at most, the largest ones."""

Floats = npt.NDArray[np.float64]


class Signpost(NamedTuple):
    """A name, its class behind it, and the place of its plate in pixels relative to the scene's origin."""

    name: str
    module: str
    place: QRectF
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
            x, y = at.x() + PADDING_PX, at.bottom() - 4
            painter.setFont(fonts[Face.SMALL_BOLD])
            painter.setPen(theme.muted if post.is_inner else theme.text)
            painter.drawText(QPointF(x, y), post.name)
            if post.module:
                painter.setFont(fonts[Face.SMALL])
                painter.setPen(theme.muted)
                painter.drawText(QPointF(x + fonts.width(post.name, Face.SMALL_BOLD) + 4, y), post.module)


def place(scene: Scene, labels: Labels, scale: float) -> list[Signpost]:
    """Where the names of open groups can stand at this scale: in one of the corners of each."""
    fonts = labels.fonts
    frames = scene.rects[scene.frames] * scale
    sizes = frames[:, 2:] - frames[:, :2]
    is_large = (sizes[:, 0] > 28) & (sizes[:, 1] > HEIGHT_PX + 2 * INSET_PX)
    chosen = np.flatnonzero(is_large)
    chosen = chosen[np.argsort(-(sizes[chosen, 0] * sizes[chosen, 1]), kind="stable")][:MOST]
    taken = scene.rects[scene.boxes] * scale
    found: list[Signpost] = []
    outermost = min((len(scene.items[int(scene.frames[index])].scope) for index in chosen.tolist()), default=0)
    for index in chosen.tolist():
        frame = frames[index]
        item = scene.items[int(scene.frames[index])]
        name, module, _ = labels.group_names(item)
        room = float(frame[2] - frame[0]) - 2 * (PADDING_PX + INSET_PX)
        for text, kind in _texts(name, module, room, fonts):
            width = fonts.width(text, Face.SMALL_BOLD) + 2 * PADDING_PX
            width += fonts.width(kind, Face.SMALL) + 4 if kind else 0.0
            spot = _free_corner(frame, width, taken)
            if spot is not None:
                is_inner = len(item.scope) > outermost + 1
                found.append(Signpost(text, kind, QRectF(spot[0], spot[1], width, HEIGHT_PX), is_inner))
                taken = np.concatenate([taken, [[spot[0], spot[1], spot[0] + width, spot[1] + HEIGHT_PX]]])
                break
    return found


def _texts(name: str, module: str, room: float, fonts: Fonts) -> list[tuple[str, str]]:
    """What can be said of a group, the most telling first; nothing where not even its name fits."""
    wide = fonts.width(name, Face.SMALL_BOLD)
    if wide > room:
        return []
    both = [(name, module)] if module and wide + 4 + fonts.width(module, Face.SMALL) <= room else []
    return [*both, (name, "")]


def _free_corner(frame: Floats, width: float, taken: Floats) -> tuple[float, float] | None:
    """The first corner inside a frame where a plate of this width covers nothing that is taken."""
    x, y, right, bottom = frame.tolist()
    inside = taken[(taken[:, 0] < right) & (taken[:, 2] > x) & (taken[:, 1] < bottom) & (taken[:, 3] > y)]
    left, far = x + INSET_PX, right - INSET_PX - width
    top, low = y + INSET_PX, bottom - INSET_PX - HEIGHT_PX
    for spot_x, spot_y in ((left, top), (far, top), (far, low), (left, low)):
        hits = (inside[:, 0] < spot_x + width) & (inside[:, 2] > spot_x)
        hits &= (inside[:, 1] < spot_y + HEIGHT_PX) & (inside[:, 3] > spot_y)
        if not hits.any():
            return spot_x, spot_y
    return None
