"""Whether things may move on screen: the system's setting for animations decides."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QStyle, QWidget

from .camera import Camera

NEARLY = 1e-3


def is_wanted(widget: QWidget) -> bool:
    """Whether a change may be shown as a motion: not to those who switched animations off, nor where nobody looks."""
    duration = widget.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, widget)
    return duration > 0 and widget.isVisible()


def between(start: Camera, end: Camera, progress: float) -> Camera:
    """A camera on the way: zooming evenly about the point that both show at the same place."""
    if abs(math.log(end.scale / start.scale)) < NEARLY:
        dx = start.dx + (end.dx - start.dx) * progress
        return Camera(end.scale, dx, start.dy + (end.dy - start.dy) * progress)
    scale = start.scale * (end.scale / start.scale) ** progress
    x = (end.dx - start.dx) / (start.scale - end.scale)
    y = (end.dy - start.dy) / (start.scale - end.scale)
    at_x, at_y = start.to_screen(x, y)
    return Camera(scale, at_x - x * scale, at_y - y * scale)
