"""Composes one frame of the canvas: base picture, highlight, minimap, legend, notices; and what they remember."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from engine.graph.stepper import Stepper
from gui.theme import Theme

from . import highlight, notices, overlay
from .cards import CardPainter
from .labels import Labels
from .layers import BaseLayer
from .minimap import Minimap
from .moments import Moments
from .painter import ScenePainter
from .scene import Scene
from .view import View


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
        self._norms: overlay.Norms | None = None
        self.minimap = Minimap()

    def renew(self, scene: Scene | None, labels: Labels | None, theme: Theme, overlay_name: str) -> None:
        """Another scene, theme or overlay: the base picture and everything ready-made is void."""
        self._moments.clear()
        self._layer.forget()
        self._scenes = None if labels is None else ScenePainter(CardPainter(labels, theme))
        self._norms = None
        if scene is not None and self._scenes is not None and overlay_name == overlay.GRADIENT_NORM:
            self._norms = overlay.norms_of(scene)
            self._scenes.cards.overlay = overlay.colours_of(self._norms, theme)

    def paint(self, painter: QPainter, scene: Scene, stepper: Stepper, marks: Marks) -> None:
        """Paint one frame."""
        scenes, view, widget = self._scenes, self._view, self._widget
        if scenes is None:
            return
        theme, fonts = scenes.cards.theme, scenes.cards.fonts
        ratio, size = widget.devicePixelRatioF(), QSizeF(widget.size())
        now = self._moments.now(scene, stepper)
        base, is_new = self._moments.base(self._layer.moment, now)
        if is_new and self._layer.moment is not None:
            view.hurry()  # a step must not wait for full quality either
        camera = view.camera
        self._layer.show(painter, scenes, base, camera, widget.size(), ratio, is_moving=view.is_moving)
        painter.save()
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        marked = {"selected": marks.selected, "hovered": marks.hovered}
        highlight.paint(painter, scenes, base, now, view.region, camera.scale, **marked)
        painter.restore()
        self.minimap.paint(painter, now, camera, size, theme, ratio)
        if self._norms is not None:
            overlay.paint_legend(painter, self._norms, theme, fonts, size.height())
        if scene.trace.error:
            notices.paint_banner(painter, QRectF(QPointF(), size), theme, fonts, scene.trace.error)
