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
    TEXT = 3


def detail_at(box_height_px: float) -> Detail:
    """Level of detail for boxes of this height on screen."""
    for limit, level in ((3.0, Detail.DENSITY), (8.0, Detail.RECTS), (16.0, Detail.SHAPES)):
        if box_height_px < limit:
            return level
    return Detail.TEXT
