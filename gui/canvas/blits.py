"""Boxes and their texts put together from ready-made pictures, where a frame with many of them must be fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPixmap

from engine.graph.stepper import NodeState

from .cards import CardPainter
from .detail import Detail
from .look import Role, text_role
from .sprites import SpriteCache, bucket

if TYPE_CHECKING:
    from .painter import Moment
    from .scene import Ints

NEW_LABELS_PER_FRAME = 60
"""So many labels may be rendered in a frame that must be fast; the others appear when the view rests."""
STATES = 8


class Blits:
    """Paints boxes of one trace in one theme by sprites. Within a frame each kind of box is looked up once."""

    def __init__(self, cards: CardPainter) -> None:
        self._cards = cards
        self._sprites = SpriteCache()

    def paint(self, painter: QPainter, moment: Moment, boxes: Ints, scale: float, ratio: float, detail: Detail) -> None:
        """Paint boxes of a scene onto a painter whose transform maps scene units to the screen."""
        scene = moment.scene
        at = bucket(scale * ratio)
        transform = painter.transform()
        painter.save()
        painter.resetTransform()
        factor = scale * ratio / at
        painter.scale(factor / ratio, factor / ratio)
        corners = scene.rects[boxes]
        origin = np.array([transform.dx(), transform.dy()])
        points = (corners[:, :2] * [transform.m11(), transform.m22()] + origin) / factor * ratio
        places = [QPointF(x, y) for x, y in points.tolist()]
        sizes: list[tuple[float, float]] = [(w, h) for w, h in (corners[:, 2:] - corners[:, :2]).tolist()]
        styles = (scene.roles[boxes].astype(np.int64) * STATES + moment.states.state[boxes]).tolist()
        self._paint_bodies(painter, moment, boxes, places, sizes, styles, at)
        if detail >= Detail.NAMES:
            self._paint_labels(painter, moment, boxes, places, sizes, styles, at, ratio, detail)
        painter.restore()

    def _paint_bodies(
        self,
        painter: QPainter,
        moment: Moment,
        boxes: Ints,
        places: list[QPointF],
        sizes: list[tuple[float, float]],
        styles: list[int],
        at: float,
    ) -> None:
        cards, overlay = self._cards, self._cards.overlay
        codes = overlay.codes[boxes].tolist() if overlay is not None else [0] * len(places)
        stacks = moment.scene.is_stack[boxes].tolist()
        found: dict[tuple[tuple[float, float], int, int, bool], QPixmap] = {}
        for index, place, key in zip(
            boxes.tolist(), places, zip(sizes, styles, codes, stacks, strict=True), strict=True
        ):
            pixmap = found.get(key)
            if pixmap is None:
                (width, height), style, _, is_stack = key
                look = cards.look(index, Role(style // STATES), NodeState(style % STATES))
                pixmap = found[key] = self._sprites.box(cards, look, width, height, at, is_stack=is_stack)
            painter.drawPixmap(place, pixmap)

    def _paint_labels(
        self,
        painter: QPainter,
        moment: Moment,
        boxes: Ints,
        places: list[QPointF],
        sizes: list[tuple[float, float]],
        styles: list[int],
        at: float,
        ratio: float,
        detail: Detail,
    ) -> None:
        cards, sprites, scene, states = self._cards, self._sprites, moment.scene, moment.states
        limit = sprites.made + NEW_LABELS_PER_FRAME
        roles = {style: text_role(Role(style // STATES), NodeState(style % STATES)) for style in set(styles)}
        for index, place, (width, height), style in zip(boxes.tolist(), places, sizes, styles, strict=True):
            if detail is Detail.NAMES:
                name = cards.name(scene, index, states, moment.stepper, at / ratio)
                if name is None:
                    continue
                zoom, runs = name.zoom, name.runs
            else:
                zoom, runs = 1.0, cards.runs(scene, index, states, moment.stepper)
            may_make = sprites.made < limit
            label = sprites.label(cards, runs, roles[style], width, height, at, zoom=zoom, may_make=may_make)
            if label is not None:
                painter.drawPixmap(place, label)
