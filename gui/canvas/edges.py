"""Edges as things one can pick: under the pointer, one after the other by key, outlined where they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QMenu

from engine.graph.model import Edge

from . import edge_menu, hit_test
from .lines import draw_triangles
from .painter import Moment, ScenePainter

if TYPE_CHECKING:
    from .widget import GraphCanvas

REACH_PX = 6.0
"""So near to its line the pointer is on an edge."""


class Edges(QObject):
    """The edges of one canvas's graph. The picked one is the document's `edge`."""

    shown = Signal()
    """The user wants to see what flows along the picked edge."""

    def __init__(self, canvas: GraphCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.menu_filler: Callable[[QMenu, Edge], None] | None = None
        """Puts more into the context menu of an edge."""

    # ----- by pointer

    def link_at(self, position: QPointF) -> int | None:
        """The drawn line at a position of the widget that no box and nothing of the frame covers."""
        scene, canvas = self._canvas.scene, self._canvas
        if scene is None or canvas.chrome.covers(position):
            return None
        return hit_test.link_at(
            scene, *canvas.camera.to_scene(position.x(), position.y()), REACH_PX / canvas.camera.scale
        )

    def edges_of(self, link: int) -> list[int]:
        """Indices in the graph of the edges that a drawn line stands for."""
        scene = self._canvas.scene
        return [] if scene is None else list(scene.drawing.links[link].edges)

    def pick_link(self, link: int) -> None:
        """Pick a line's edge; of several the picked one stays, else the first is taken."""
        found = self.edges_of(link)
        if found and self._canvas.document.edge not in found:
            self._canvas.document.select_edge(found[0])

    def menu_for(self, link: int) -> QMenu:
        """The context menu of a line; it deletes itself when it closes."""
        self.pick_link(link)
        return edge_menu.build(self._canvas, self, self.edges_of(link))

    def menu_for_picked(self) -> QMenu | None:
        """The context menu of the picked edge, for the keyboard; None while none is picked."""
        edge = self._canvas.document.edge
        return None if edge is None else edge_menu.build(self._canvas, self, [edge])

    # ----- by key

    def go_on(self, by: int) -> None:
        """Pick the next (1) or the one before (-1) of the edges at the node in focus: those in, then those out."""
        document = self._canvas.document
        trace, focus = document.trace, document.focus
        if trace is None or focus is None:
            return
        graph = trace.graph
        mine = {id(edge) for edge in (*graph.incoming(focus), *graph.outgoing(focus))}
        found = [index for index, edge in enumerate(graph.edges) if id(edge) in mine]
        found.sort(key=lambda index: (graph.edges[index].source == focus, index))
        if not found:
            return
        place = found.index(document.edge) + by if document.edge in found else 0 if by > 0 else -1
        document.select_edge(found[place % len(found)], at=focus)

    def cross(self) -> bool:
        """Go to the other end of the picked edge; False while none is picked."""
        document = self._canvas.document
        if document.edge is None or document.trace is None:
            return False
        edge = document.trace.graph.edges[document.edge]
        self.go_to(edge.source if document.selection == edge.target else edge.target)
        return True

    def go_to(self, node: int) -> None:
        """Select a node and bring it to the middle."""
        self._canvas.travel.go_to_node(node)

    # ----- painting

    def paint(self, painter: QPainter, scenes: ScenePainter, now: Moment) -> None:
        """Outline the picked edge's line, below the titles on its way; the painter's unit is the widget's pixel."""
        canvas, scene = self._canvas, self._canvas.scene
        edge = canvas.document.edge
        links = [] if scene is None or edge is None else scene.links_of_edges([edge])
        if scene is None or not links:
            return
        chosen = np.array(links, dtype=np.int64)
        camera, color = canvas.camera, canvas.theme.data
        shift = np.array([camera.dx, camera.dy])
        segments = scene.routes.rounded(chosen).segments * camera.scale + np.tile(shift, 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        halo = QColor(color)
        halo.setAlphaF(0.25)
        for ink, width in ((halo, 8.0), (color, 2.5)):
            pen = QPen(ink, width)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLines([QLineF(*segment) for segment in segments.tolist()])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        draw_triangles(painter, scene.routes.heads(chosen) * camera.scale + shift)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.save()
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        scenes.paint_titles(painter, now, scene.titles_on(links, *canvas.view.region), camera.scale)
        painter.restore()
