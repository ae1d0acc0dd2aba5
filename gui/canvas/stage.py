"""Composes one frame of the canvas: base picture, highlight, minimap, legend, notices; and what they remember."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from engine.graph.stepper import Stepper
from gui.theme import Theme

from . import highlight, notices, overlay
from .cards import CardPainter
from .highlight import Changes
from .labels import Labels
from .layers import BaseLayer
from .minimap import Minimap
from .moments import Moments
from .painter import ScenePainter
from .scene import Scene
from .view import View

MOST_ON_TOP = 12
"""More changes than this are painted into the base picture, once, instead of on top of it in every frame."""


@dataclass(frozen=True)
class Marks:
    """What is marked on top of the scene: indices of items."""

    selected: int | None = None
    hovered: int | None = None


class Stage:
    """Paints a scene into its widget. `renew` before anything that it remembers becomes wrong."""

    def __init__(self, widget: QWidget, view: View) -> None:
        self._widget = widget
        self._view = view
        self._moments = Moments()
        self._layer = BaseLayer()
        self._scenes: ScenePainter | None = None
        self._scale: overlay.Scale | None = None
        self.minimap = Minimap()

    def renew(self, scene: Scene | None, labels: Labels | None, theme: Theme, overlay_name: str) -> None:
        """Another scene, theme or overlay: the base picture and everything ready-made is void."""
        self._moments.clear()
        self._layer.forget()
        self._scenes = None if labels is None else ScenePainter(CardPainter(labels, theme))
        self._scale = None if scene is None else overlay.scale_of(scene, overlay_name)
        if self._scale is not None and self._scenes is not None:
            self._scenes.cards.overlay = overlay.colours_of(self._scale, theme)

    def minimap_place(self, scene: Scene) -> QRectF | None:
        """Where the minimap is in the widget; None while it is hidden."""
        return self.minimap.place(scene, self._view.camera, QSizeF(self._widget.size()))

    def minimap_point(self, scene: Scene, position: QPointF, *, is_drag: bool = False) -> tuple[float, float] | None:
        """The scene position behind a position on the minimap; a drag that began there may leave it."""
        place = self.minimap_place(scene)
        if place is None or not (is_drag or place.contains(position)):
            return None
        return self.minimap.scene_point(scene, place, position)

    def paint(self, painter: QPainter, scene: Scene, stepper: Stepper, marks: Marks) -> None:
        """Paint one frame."""
        scenes, view, widget = self._scenes, self._view, self._widget
        if scenes is None:
            return
        theme, fonts = scenes.cards.theme, scenes.cards.fonts
        ratio, size = widget.devicePixelRatioF(), QSizeF(widget.size())
        camera, region = view.camera, view.region
        now = self._moments.now(scene, stepper)
        last = self._layer.moment
        base, found = self._moments.base(last, now)
        update = partial(
            highlight.paint_changes, scenes=scenes, now=now, found=found, region=region, scale=camera.scale
        )
        if base is last and len(found) > MOST_ON_TOP and self._layer.stamp(now, camera, update):
            base, found = now, Changes([], [])
        elif base is not last and last is not None:
            view.hurry()  # a step must not wait for full quality
        self._layer.show(painter, scenes, base, camera, widget.size(), ratio, is_moving=view.is_moving)
        painter.save()
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        if len(found):
            update(painter)
        highlight.paint(painter, scenes, now, region, camera.scale, selected=marks.selected, hovered=marks.hovered)
        painter.restore()
        self.minimap.paint(painter, now, camera, size, theme, ratio)
        if self._scale is not None:
            overlay.paint_legend(painter, self._scale, theme, fonts, size.height())
        if scene.trace.error:
            notices.paint_banner(painter, QRectF(QPointF(), size), theme, fonts, scene.trace.error)
