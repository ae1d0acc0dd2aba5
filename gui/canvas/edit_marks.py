"""Dots on the boxes whose numbers an edit has changed: one colour for values, one for gradients."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from engine.graph.model import TensorInfo
from engine.graph.trace import Trace
from gui.theme import Theme

from .camera import Camera
from .scene import Scene

MOST_NODES = 4000
"""Of larger graphs no numbers are compared: the compare panel does that beside the window's thread."""
_RADIUS_PX = 4.0
_LEAST_HEIGHT_PX = 13.0
_INSET = 2.0


class EditMarks:
    """Which nodes differ from the unedited trace, and how that is drawn."""

    def __init__(self) -> None:
        self.values: set[int] = set()
        self.gradients: set[int] = set()

    def compare(self, original: Trace | None, edited: Trace | None) -> None:
        """Mark the nodes of `edited` that differ; None marks nothing. Both have the same nodes."""
        self.values, self.gradients = set(), set()
        if original is None or edited is None or len(edited.graph.nodes) > MOST_NODES:
            return
        if len(original.graph.nodes) != len(edited.graph.nodes):
            return
        for before, node in zip(original.graph.nodes, edited.graph.nodes, strict=True):
            if any(map(is_changed, before.outputs, node.outputs)):
                self.values.add(node.id)
            outputs = range(len(node.outputs))
            if any(is_changed(original.grad_info(node.id, k), edited.grad_info(node.id, k)) for k in outputs):
                self.gradients.add(node.id)

    def paint(self, painter: QPainter, scene: Scene, camera: Camera, theme: Theme) -> None:
        """Draw the dots at the upper right corners of boxes that are large enough."""
        marked = self.values | self.gradients
        if not marked:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.background, 2))
        for item in np.flatnonzero(scene.items_with(marked)).tolist():
            _, y, right, bottom = scene.rect_of(item)
            if scene.items[item].node is None or (bottom - y) * camera.scale < _LEAST_HEIGHT_PX:
                continue
            place = QPointF(*camera.to_screen(right - _INSET * 4, y + _INSET))
            node = scene.items[item].node
            if node in self.gradients:
                painter.setBrush(theme.accent)
                painter.drawEllipse(place, _RADIUS_PX, _RADIUS_PX)
                place -= QPointF(2 * _RADIUS_PX + 1, 0)
            if node in self.values:
                painter.setBrush(theme.data)
                painter.drawEllipse(place, _RADIUS_PX, _RADIUS_PX)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def is_changed(before: TensorInfo | None, now: TensorInfo | None) -> bool:
    """Whether two tensors differ, as far as is known of them."""
    if before is None or now is None:
        return before is not now
    if before.array is not None and now.array is not None:
        return before.array.shape != now.array.shape or not np.array_equal(
            before.array, now.array, equal_nan=before.array.dtype.kind in "fc"
        )
    one, other = before.summary, now.summary
    return one is not None and other is not None and (one.mean, one.norm) != (other.mean, other.norm)
