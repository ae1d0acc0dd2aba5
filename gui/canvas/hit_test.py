"""What lies under the pointer: a box, the title bar or the ground of an open group, or a link."""

from __future__ import annotations

import numpy as np

from .group_labels import TITLE_BAR
from .routes import distance_to
from .scene import Scene


def item_at(scene: Scene, x: float, y: float) -> int | None:
    """Index of the item at a scene position: boxes before frames, inner frames before outer ones."""
    for group in (scene.boxes, scene.frames):
        r = scene.rects[group]
        found = np.flatnonzero((r[:, 0] <= x) & (r[:, 2] >= x) & (r[:, 1] <= y) & (r[:, 3] >= y))
        if len(found):
            return int(group[found[-1]])
    return None


def box_at(scene: Scene, x: float, y: float) -> int | None:
    """As `item_at`, but of an open group only the title bar counts: its ground belongs to panning."""
    index = item_at(scene, x, y)
    if index is None or index in scene.boxes:
        return index
    return index if y <= scene.rects[index, 1] + TITLE_BAR else None


def link_at(scene: Scene, x: float, y: float, reach: float) -> int | None:
    """Index of the nearest link at most `reach` scene units away."""
    b = scene.routes.boxes
    near = (b[:, 0] - reach <= x) & (b[:, 2] + reach >= x) & (b[:, 1] - reach <= y) & (b[:, 3] + reach >= y)
    best, found = reach, None
    for link in np.flatnonzero(near).tolist():
        distance = distance_to(scene.routes.straight.of(np.array([link])), x, y)
        if len(distance) and float(distance.min()) <= best:
            best, found = float(distance.min()), int(link)
    return found
