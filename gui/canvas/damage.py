"""Which parts of the view a step changes, so that no more than those is painted."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QRegion

from . import highlight
from .camera import Camera
from .highlight import CURRENT_GAP, CURRENT_WIDTH, Changes
from .painter import Moment
from .routes import ROOM
from .scene import Floats, Ints, Scene

BOX_ROOM = 4.0
"""So far around a box, in scene units, its shadow and its pen can reach."""
LITTLE_PX = 60_000
LEAST_ROOM_PX = 6.0
"""However small a box is, what is drawn of it reaches no farther than this."""


def region_of(found: Changes, scene: Scene, camera: Camera) -> QRegion:
    """The parts of the view in which changes can be seen, in the widget's pixels."""
    boxes = _around(scene.rects[found.items], LEAST_ROOM_PX + BOX_ROOM * camera.scale, camera)
    return boxes + _ways(scene, np.array(found.links, dtype=np.int64), camera)


def marks_of(moment: Moment, camera: Camera) -> QRegion:
    """Where the box at the cursor and what its step hands on are drawn on top of everything."""
    scene, stepper = moment.scene, moment.stepper
    room = (CURRENT_GAP + CURRENT_WIDTH) * max(camera.scale, 0.5) + LEAST_ROOM_PX
    links = scene.links_of_edges(stepper.active_edges) + scene.links_of_edges(stepper.data_edges)
    return _around(scene.rects[moment.states.here], room, camera) + _ways(
        scene, np.array(links, dtype=np.int64), camera
    )


def _ways(scene: Scene, links: Ints, camera: Camera) -> QRegion:
    ways = scene.routes.straight.of(links).astype(np.float64)
    ways = np.concatenate([np.minimum(ways[:, :2], ways[:, 2:]), np.maximum(ways[:, :2], ways[:, 2:])], axis=1)
    return _around(ways, 3.0 + ROOM * camera.scale, camera)


def _around(rects: Floats, room: float, camera: Camera) -> QRegion:
    """The rectangles (n, 4) of the scene in pixels, with some room around each."""
    region = QRegion()
    offset = np.array([camera.dx - room, camera.dy - room, camera.dx + room, camera.dy + room])
    for x, y, right, bottom in np.clip(rects * camera.scale + offset, -1e6, 1e6).tolist():
        region += QRectF(x, y, right - x, bottom - y).toAlignedRect()
    return region


class Damage:
    """Remembers the moment that was painted last."""

    def __init__(self) -> None:
        self._painted: Moment | None = None
        self._marks: tuple[Moment, Camera, QRegion] | None = None

    def forget(self) -> None:
        self._painted = self._marks = None

    def painted(self, now: Moment) -> None:
        """A frame of this moment was painted, or the parts of it that had changed."""
        self._painted = now

    def since(self, now: Moment, camera: Camera) -> QRegion | None:
        """The parts of the view in which a moment looks different from the one painted last; None: all of it."""
        before = self._painted
        if before is None or before.scene is not now.scene:
            return None
        found = highlight.differences(before, now)
        if found is None:
            return None
        last = self._marks
        gone = last[2] if last is not None and last[0] is before and last[1] == camera else marks_of(before, camera)
        marks = marks_of(now, camera)
        self._marks = (now, camera, marks)
        return _simplified(region_of(found, now.scene, camera) + gone + marks)


def _simplified(region: QRegion) -> QRegion:
    """One rectangle where that is not much more to paint: it takes less than many to clip to."""
    around = region.boundingRect()
    return QRegion(around) if around.width() * around.height() <= LITTLE_PX else region
