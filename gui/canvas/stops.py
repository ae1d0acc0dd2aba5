"""Breakpoints on the graph: a dot at the corner of each box that has one, and their entries in the context menu."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QMenu

from engine.graph.breakpoints import Breakpoint
from engine.graph.condition_terms import texts_of
from engine.graph.drawing import Item
from gui.document import Document
from gui.style import breakpoint_color
from gui.theme import Theme

from .camera import Camera
from .scene import Scene

RADIUS_PX = 5.0
LEAST_RADIUS_PX = 2.5
MOST_DOTS = 400


class _Dots(NamedTuple):
    """Items with an enabled breakpoint, and with disabled ones alone."""

    enabled: list[int]
    disabled: list[int]


class StopMarks:
    """Finds the boxes that have breakpoints, and paints their dots in the widget's pixels.

    A condition has no box: where it stops is for the timeline to show.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._key: tuple[object, ...] = ()
        self._dots = _Dots([], [])

    def dots(self, scene: Scene) -> _Dots:
        """The boxes to be marked."""
        items = self._document.breakpoints.items
        if self._key != (scene, items):
            self._key = (scene, items)
            enabled = self._found(scene, [item for item in items if item.is_enabled])
            disabled = self._found(scene, [item for item in items if not item.is_enabled])
            self._dots = _Dots(sorted(enabled), sorted(disabled - enabled))
        return self._dots

    def _found(self, scene: Scene, items: list[Breakpoint]) -> set[int]:
        nodes: list[int] = []
        found: set[int] = set()
        for item in items:
            node = self._document.breakpoints.node_of(item)
            if node is not None:
                nodes.append(node)
            elif item.kind == "op":
                wanted = item.text.casefold()
                nodes += [n.id for n in scene.trace.graph.nodes if wanted in map(str.casefold, texts_of(n, "op"))]
            elif item.kind == "module":
                path = next((path for path in scene.trace.graph.scopes if ".".join(path) == item.text), None)
                shown = None if path is None else scene.item_of_scope(path)
                if shown is not None:
                    found.add(shown)
        if nodes:
            found |= set(np.flatnonzero(scene.items_with(nodes)).tolist())
        return found

    def paint(self, painter: QPainter, scene: Scene, camera: Camera, theme: Theme) -> None:
        """Paint the dots; the painter's unit is the widget's pixel."""
        found = self.dots(scene)
        if not found.enabled and not found.disabled:
            return
        radius = max(LEAST_RADIUS_PX, min(RADIUS_PX, RADIUS_PX * camera.scale * 1.2))
        color = breakpoint_color(theme)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for indices, is_enabled in ((found.disabled, False), (found.enabled, True)):
            painter.setPen(QPen(theme.background if is_enabled else color, 1.5))
            painter.setBrush(color if is_enabled else theme.background)
            for index in indices[:MOST_DOTS]:
                x, y, _, _ = scene.rect_of(index)
                place = camera.to_screen(x, y)
                painter.drawEllipse(QPointF(place[0] + 1, place[1] + 1), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def add_entries(menu: QMenu, document: Document, item: Item) -> None:
    """What can be done with breakpoints at a box."""
    trace, breakpoints = document.trace, document.breakpoints
    if trace is None:
        return
    if item.node is None:
        text = ".".join(item.scope)
        has_one = any(found.kind == "module" and found.text == text for found in breakpoints.items)
        word = "Remove the breakpoint" if has_one else "Break when this is entered"
        menu.addAction(f"{word}\tF9", partial(breakpoints.toggle_module, item.scope))
        return
    node = trace.graph.nodes[item.node]
    word = "Add a breakpoint" if breakpoints.on(node.id) is None else "Remove the breakpoint"
    menu.addAction(f"{word}\tF9", partial(breakpoints.toggle_on, trace, node.id))
    if node.kind == "op":
        label = node.label.replace("&", "&&")[:40]
        menu.addAction(f"Break on every {label}", partial(breakpoints.add, Breakpoint(kind="op", text=node.label)))
