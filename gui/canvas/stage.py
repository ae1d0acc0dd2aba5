"""Composes the graph of one frame of the canvas: base picture, highlight, marks; and what they remember."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen, QRegion
from PySide6.QtWidgets import QWidget

from engine.graph.stepper import Stepper
from gui.theme import Theme

from . import damage, highlight, moving, overlay, routes
from .cards import CardPainter
from .damage import Damage
from .group_labels import TITLE_BAR
from .highlight import Changes
from .labels import Labels
from .layers import BaseLayer
from .legend import Legend
from .look import Role
from .moments import Moments
from .painter import DATA_WIDTH, LEAST_TITLE_PX, Focus, Moment, ScenePainter
from .scene import Ints, Scene
from .signposts import Signposts
from .spotlight import Spotlight
from .transition import Transition
from .view import View

_NOTHING = Changes([], [])


@dataclass(frozen=True)
class Marks:
    """What is marked on top of the scene: indices of items."""

    selected: int | None = None
    hovered: int | None = None


@dataclass(frozen=True)
class Carry:
    """An item that is being dragged, and how far from its place it is, in scene units."""

    item: int
    shift: moving.Offset
    picture: QImage | None = None
    """Of an open group, how it looks with all that is in it."""


class Stage:
    """Paints a scene into its widget. `renew` before anything that it remembers becomes wrong."""

    def __init__(self, widget: QWidget, view: View, legend: Legend) -> None:
        self._widget = widget
        self._view = view
        self._legend = legend
        self._moments = Moments()
        self._damage = Damage()
        self._layer = BaseLayer()
        self._scenes: ScenePainter | None = None
        self.transition = Transition(widget)
        self._signposts = Signposts()
        self._hits: Ints | None = None
        self._hit: int | None = None
        self._carry: Carry | None = None

    def renew(self, scene: Scene | None, labels: Labels | None, theme: Theme, overlay_name: str) -> None:
        """Another scene, theme or overlay: the base picture and everything ready-made is void."""
        self._moments.clear()
        self._damage.forget()
        self._layer.forget()
        self._hits = self._hit = self._carry = None
        self._scenes = None if labels is None else ScenePainter(CardPainter(labels, theme))
        colouring = self._legend.show(scene, overlay_name)
        if colouring is not None and self._scenes is not None:
            self._scenes.cards.overlay = overlay.colours_of(colouring, theme)

    @property
    def picture(self) -> QImage:
        """The graph as it was painted last, without what is marked in it."""
        return self._layer.picture

    def recolour(self, scene: Scene, overlay_name: str) -> None:
        """Another overlay: the scene and what is happening in it are the same."""
        if self._scenes is not None:
            colouring = self._legend.show(scene, overlay_name)
            theme = self._scenes.cards.theme
            self._scenes.cards.overlay = None if colouring is None else overlay.colours_of(colouring, theme)
            self._layer.recolour()

    def mark(self, scene: Scene, spotlight: Spotlight) -> None:
        """Outline the spotlight's hits, and dim what it does not light."""
        self._hits = np.flatnonzero(scene.items_with(spotlight.hits)) if spotlight.hits else None
        self._hit = None if spotlight.current is None else scene.item_of(spotlight.current)
        if self._scenes is not None:
            lit = spotlight.lit
            focus = None if lit is None else Focus(scene.items_with(lit), scene.links_within(lit))
            if focus is not None or self._scenes.focus is not None:
                self._layer.forget()
            self._scenes.focus = focus

    @property
    def carry(self) -> Carry | None:
        return self._carry

    def set_carry(self, scene: Scene, carry: Carry | None) -> None:
        """Show an item somewhere else, without another drawing; None puts it back."""
        if self._scenes is None:
            return
        if carry is not None and self._carry is not None and self._carry.item == carry.item:
            carry = replace(carry, picture=self._carry.picture)
        else:
            self._scenes.carried = None
            if carry is not None and scene.roles[carry.item] == Role.FRAME:
                carry = replace(carry, picture=self._layer.part(self._on_screen(scene, carry.item)))
            else:
                self._layer.forget()
            if carry is not None and carry.picture is None:
                items, links = np.zeros(len(scene), dtype=bool), np.zeros(len(scene.routes), dtype=bool)
                items[carry.item], links[scene.links_of_items(carry.item)] = True, True
                self._scenes.carried = Focus(items, links)
        self._carry = carry

    def _on_screen(self, scene: Scene, item: int) -> QRectF:
        """An item's box in the widget's pixels."""
        x, y, right, bottom = scene.rect_of(item)
        left, top = self._view.camera.to_screen(x, y)
        scale = self._view.camera.scale
        return QRectF(left, top, (right - x) * scale, (bottom - y) * scale)

    def stepped(self, scene: Scene, stepper: Stepper) -> QRegion | None:
        """What of the widget must be painted since the cursor has moved; None: all of it."""
        if self._scenes is None or self.transition.is_running:
            return None
        region = self._damage.since(self._moments.now(scene, stepper), self._view.camera)
        if region is not None:
            region += QRect(0, 0, 1, 1)  # never nothing: a frame must follow
        return region

    def paint(self, painter: QPainter, scene: Scene, stepper: Stepper, marks: Marks, dirty: QRegion) -> None:
        """Paint one frame, as far as it lies in a part of the widget."""
        scenes, view, widget = self._scenes, self._view, self._widget
        if scenes is None:
            return
        camera, ratio = view.camera, widget.devicePixelRatioF()
        now = self._moments.now(scene, stepper)
        base, found = self._bring_along(scenes, now)
        self._layer.show(
            painter,
            scenes,
            base,
            camera,
            widget.size(),
            ratio,
            is_moving=view.is_moving,
            is_resting=view.is_resting,
            dirty=dirty,
        )
        if self.transition.is_running:
            self.transition.paint(painter, scenes.cards, base, self._layer.picture)
        else:
            self._paint_signposts(painter, scenes, scene, dirty)
            self._paint_on_top(painter, scenes, now, marks, found, dirty)
        self._damage.painted(now)

    def now(self, scene: Scene, stepper: Stepper) -> Moment:
        """The present moment."""
        return self._moments.now(scene, stepper)

    @property
    def scenes(self) -> ScenePainter | None:
        """What paints the scene in its colours."""
        return self._scenes

    def _bring_along(self, scenes: ScenePainter, now: Moment) -> tuple[Moment, Changes]:
        """The moment that the base picture will show, and what is to be painted on top of it to show the present."""
        last, camera = self._layer.moment, self._view.camera
        if last is None or last is now:
            return now, _NOTHING
        found = highlight.differences(last, now) if last.scene is now.scene else None
        if found is None:
            self._view.hurry()  # a step must not wait for full quality
            return now, _NOTHING
        region = damage.region_of(found, now.scene, camera)
        if scenes.focus is None and highlight.can_be_painted_over(found, now):
            self._view.rest_soon()
            update = partial(self._paint_changes, scenes=scenes, now=now, found=found)
            return (now, _NOTHING) if self._layer.stamp(now, camera, region, update) else (last, found)
        if not self._layer.patch(scenes, now, camera, region, is_moving=self._view.is_moving):
            self._view.hurry()
        return now, _NOTHING

    def _paint_changes(self, painter: QPainter, *, scenes: ScenePainter, now: Moment, found: Changes) -> None:
        highlight.paint_changes(painter, scenes, now, found, self._view.region, self._view.camera.scale)

    def _paint_signposts(self, painter: QPainter, scenes: ScenePainter, scene: Scene, dirty: QRegion) -> None:
        """Names of open groups whose title bars are too small: found when the view rests, kept while it pans."""
        camera, posts = self._view.camera, self._signposts
        is_small = camera.scale * TITLE_BAR < LEAST_TITLE_PX
        if is_small and (posts.are_known(scene, camera.scale) or not self._view.is_moving):
            posts.paint(painter, scene, scenes.cards.labels, scenes.cards.theme, camera, dirty)

    def _paint_on_top(
        self, painter: QPainter, scenes: ScenePainter, now: Moment, marks: Marks, found: Changes, dirty: QRegion
    ) -> None:
        """What the last steps changed, what is marked, and what is being dragged."""
        camera, area = self._view.camera, dirty.boundingRect()
        region = camera.region(area.x(), area.y(), area.width(), area.height())
        painter.save()
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        if len(found):
            self._paint_changes(painter, scenes=scenes, now=now, found=found)
        selected, hovered = (None, None) if self._carry is not None else (marks.selected, marks.hovered)
        if selected is not None:
            highlight.paint_uses(painter, scenes, now, selected, region, camera.scale)
        highlight.paint(
            painter,
            scenes,
            now,
            region,
            camera.scale,
            selected=selected,
            hovered=hovered,
            hits=self._hits,
            hit=self._hit,
        )
        if self._carry is not None:
            _paint_carried(painter, scenes, now, self._carry)
        painter.restore()


def _paint_carried(painter: QPainter, scenes: ScenePainter, now: Moment, carry: Carry) -> None:
    """The dragged box with its links on simple routes; of an open group a picture of it."""
    scene, theme = now.scene, scenes.cards.theme
    if carry.picture is not None:
        x, y, right, bottom = scene.rect_of(carry.item)
        place = QRectF(x, y, right - x, bottom - y).translated(*carry.shift)
        painter.setOpacity(0.85)
        painter.drawImage(place, carry.picture)
        painter.setOpacity(1.0)
        painter.setPen(QPen(theme.data, 2.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(place, 12.0, 12.0)
        return
    lines = routes.build(moving.routes_of(scene.drawing, carry.item, carry.shift))
    for link in range(len(lines)):
        scenes.paint_route(painter, lines.rounded(np.array([link])), theme.edge, DATA_WIDTH)
    scenes.paint_heads(painter, lines.heads(np.arange(len(lines))), theme.edge)
    painter.save()
    painter.translate(*carry.shift)
    scenes.cards.paint(painter, scene, carry.item, now.states, now.stepper)
    painter.restore()
