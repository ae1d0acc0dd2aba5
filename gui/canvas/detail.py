"""How much a frame may cost, and what can be seen of a box at a scale."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """How much a frame may cost."""

    FAST = 0
    """The view moves: where there is much to paint, without antialiasing and with ready-made sprites."""
    FULL = 1
    VECTOR = 2
    """For a file of shapes and texts: every link a path of its own, no line thinner than it is drawn."""


class Detail(IntEnum):
    """What can be seen at a scale, by the height of a typical box on screen."""

    DENSITY = 0
    RECTS = 1
    SHAPES = 2
    NAMES = 3
    """Each box with its name alone, as large as there is room for."""
    TEXT = 4


LIMITS_PX = ((3.0, Detail.DENSITY), (8.0, Detail.RECTS), (11.5, Detail.SHAPES), (28.0, Detail.NAMES))


def detail_at(box_height_px: float) -> Detail:
    """Level of detail for boxes of this height on screen."""
    for limit, level in LIMITS_PX:
        if box_height_px < limit:
            return level
    return Detail.TEXT
