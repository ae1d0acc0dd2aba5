"""Walking from box to box with the keyboard: along the data's links, and between neighbours."""

from __future__ import annotations

import numpy as np

from .scene import Scene


def along(scene: Scene, item: int, *, is_up: bool) -> int | None:
    """The nearest producer (up) or consumer (down) of an item."""
    links = scene.drawing.links
    found = {link.source if is_up else link.target for link in links if (link.target if is_up else link.source) == item}
    found.discard(item)
    if not found:
        return None
    middle = _middles(scene)
    return min(found, key=lambda other: (abs(middle[other, 0] - middle[item, 0]), other))


def beside(scene: Scene, item: int, *, is_left: bool) -> int | None:
    """The nearest box to the left or right at about the same height."""
    middle = _middles(scene)
    dx = middle[scene.boxes, 0] - middle[item, 0]
    dy = np.abs(middle[scene.boxes, 1] - middle[item, 1])
    wanted = (dx < -1) if is_left else (dx > 1)
    if not wanted.any():
        return None
    cost = np.where(wanted, np.abs(dx) + 4 * dy, np.inf)
    return int(scene.boxes[int(np.argmin(cost))])


def _middles(scene: Scene) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    middles: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (scene.rects[:, :2] + scene.rects[:, 2:]) / 2
    return middles
