"""What lies on top of the base picture: what the last steps changed, the current step, selection and pointer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from engine.graph.stepper import NodeState

from .detail import Detail, detail_at
from .look import PILLS, Role, small_fill
from .painter import Moment, Region, ScenePainter
from .scene import Ints

MOST_CHANGES = 48
"""With more changed items or links than this, the base picture is painted again."""
CURRENT_WIDTH, CURRENT_GAP = 5.0, 2.5
"""Of the outline around the box at the cursor."""
MOST_OUTLINES = 150
"""More hits in view than this are marked by plain rectangles."""
LIGHT_HIT, DARK_HIT = QColor("#C98A00"), QColor("#F2C14E")
"""Amber is neither a value nor a gradient."""


class Changes(NamedTuple):
    """What differs from a base picture: items that look different, links whose gradient came since."""

    items: list[int]
    links: list[int]

    def __len__(self) -> int:
        return len(self.items) + len(self.links)


def differences(base: Moment, now: Moment) -> Changes | None:
    """What looks different at two moments; None if that is a long list."""
    links = (now.states.links ^ base.states.links).nonzero()[0]
    items = now.states.differing(base.states)
    if len(links) > MOST_CHANGES or len(items) > MOST_CHANGES:
        return None
    return Changes(items.tolist(), links.tolist())


def can_be_painted_over(found: Changes, now: Moment) -> bool:
    """Whether no gradient has been taken back: that cannot be painted away."""
    return bool(now.states.links[found.links].all())


def paint_changes(
    painter: QPainter, scenes: ScenePainter, now: Moment, found: Changes, region: Region, scale: float
) -> None:
    """Bring a picture of the base up to date; the painter's transform maps scene units to the screen.

    The box at the cursor is painted by `paint` on top: of its outline nothing must be left when the cursor moves on.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_links(painter, scenes, now, found.links, region, scale, is_active=False)
    items = [index for index in found.items if index not in now.states.here]
    _paint_items(painter, scenes, now, items, region, scale)


def paint(
    painter: QPainter,
    scenes: ScenePainter,
    now: Moment,
    region: Region,
    scale: float,
    *,
    selected: int | None = None,
    hovered: int | None = None,
    hits: Ints | None = None,
    hit: int | None = None,
) -> None:
    """Paint what is marked: the current step and what it hands on, hits, the selection, the box under the pointer."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    here = now.states.here
    if scenes.focus is None:
        _paint_items(painter, scenes, now, here, region, scale)
    active = now.scene.links_of_edges(now.stepper.active_edges)
    _paint_links(painter, scenes, now, active, region, scale, is_active=True)
    for link in now.scene.links_of_edges(now.stepper.data_edges):
        if _touches(now.scene.routes.boxes[link].tolist(), region):
            scenes.paint_data(painter, now.scene, link, scale)
    theme = scenes.cards.theme
    for index in here:
        if Role(int(now.scene.roles[index])) is not Role.FRAME:
            colour = theme.accent if now.states.state[index] == NodeState.CURRENT else theme.data
            _outline(painter, now, index, colour, CURRENT_WIDTH, CURRENT_GAP, scale, alpha=0.22)
    if hits is not None:
        _paint_hits(painter, scenes, now, hits, hit, region, scale)
    if hovered is not None and hovered != selected:
        _outline(painter, now, hovered, scenes.cards.theme.data, 1.5, 0.0, scale, alpha=0.55)
    if selected is not None:
        _outline(painter, now, selected, scenes.cards.theme.data, 2.0, 4.0, scale)


def paint_uses(
    painter: QPainter, scenes: ScenePainter, now: Moment, selected: int, region: Region, scale: float
) -> None:
    """Outline the other boxes of a tensor that is drawn at each place where it is used."""
    node = now.scene.items[selected].node
    items = [] if node is None else now.scene.items_of(node)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for index in items:
        if index != selected and _touches(now.scene.rects[index].tolist(), region):
            _outline(painter, now, index, scenes.cards.theme.data, 2.0, 4.0, scale, alpha=0.5)


def _paint_links(
    painter: QPainter,
    scenes: ScenePainter,
    now: Moment,
    links: list[int],
    region: Region,
    scale: float,
    *,
    is_active: bool,
) -> None:
    boxes = now.scene.routes.boxes
    seen = [link for link in links if _touches(boxes[link].tolist(), region)]
    if scenes.carried is not None:
        seen = [link for link in seen if not scenes.carried.links[link]]
    if seen:
        scenes.paint_gradients(painter, now.scene, seen, scale, is_active=is_active)
        scenes.paint_titles(painter, now, now.scene.titles_on(seen, *region), scale)


def _paint_items(
    painter: QPainter, scenes: ScenePainter, now: Moment, items: list[int], region: Region, scale: float
) -> None:
    scene, cards = now.scene, scenes.cards
    detail = detail_at(scene.box_height * scale)
    for index in items:
        x, y, right, bottom = scene.rects[index].tolist()
        role, state = Role(int(scene.roles[index])), NodeState(int(now.states.state[index]))
        if scenes.carried is not None and scenes.carried.items[index]:
            continue
        if role is Role.FRAME or not _touches([x, y, right, bottom], region):
            continue
        if detail >= Detail.SHAPES:
            cards.paint_item(painter, scene, index, now.states, now.stepper, detail, scale, has_shadow=False)
        else:
            least = (4.0 if state in {NodeState.CURRENT, NodeState.COMPUTED} else 1.0) / scale
            colour = (cards.overlay[index] if cards.overlay is not None else None) or small_fill(
                cards.theme, role, state
            )
            painter.fillRect(QRectF(x, y, max(right - x, least), max(bottom - y, least)), colour)


def _paint_hits(
    painter: QPainter,
    scenes: ScenePainter,
    now: Moment,
    hits: Ints,
    hit: int | None,
    region: Region,
    scale: float,
) -> None:
    """Outline what a search found; the one that was gone to more strongly."""
    colour = DARK_HIT if scenes.cards.theme.is_dark else LIGHT_HIT
    r = now.scene.rects[hits]
    shown = hits[(r[:, 0] <= region[2]) & (r[:, 2] >= region[0]) & (r[:, 1] <= region[3]) & (r[:, 3] >= region[1])]
    if len(shown) > MOST_OUTLINES:
        pen = QPen(colour, 2.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        rects = now.scene.rects[shown]
        scenes.batches.draw_rects(painter, np.concatenate([rects[:, :2], rects[:, 2:] - rects[:, :2]], axis=1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    else:
        for index in shown.tolist():
            _outline(painter, now, index, colour, 2.0, 3.0, scale)
    if hit is not None:
        _outline(painter, now, hit, colour, 3.0, 7.0, scale)


def _outline(
    painter: QPainter,
    now: Moment,
    index: int,
    colour: QColor,
    width: float,
    gap: float,
    scale: float,
    *,
    alpha: float = 1.0,
) -> None:
    """A line around a box, `gap` away from it; at least as thick on screen as it would be at half the size."""
    x, y, right, bottom = now.scene.rects[index].tolist()
    grow = max(1.0, 0.5 / scale)
    width, gap = width * grow, gap * grow
    rect = QRectF(x, y, right - x, bottom - y).adjusted(-gap, -gap, gap, gap)
    radius = rect.height() / 2 if Role(int(now.scene.roles[index])) in PILLS else 8.0 + gap
    shade = QColor(colour)
    shade.setAlphaF(alpha)
    painter.setPen(QPen(shade, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect, radius, radius)


def _touches(box: list[float], region: Region) -> bool:
    return box[0] <= region[2] and box[2] >= region[0] and box[1] <= region[3] and box[3] >= region[1]
