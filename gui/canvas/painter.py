"""Paints the scene: frames, links, boxes, at a level of detail and a quality that the frame can afford."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from engine.graph.stepper import NodeState, Stepper

from .blits import Blits
from .cards import CardPainter
from .detail import Detail, Quality, detail_at
from .far import FarPainter
from .group_labels import TITLE_BAR
from .lines import Batches, draw_triangles
from .look import Role, box_look, link_strength, mix, small_fill
from .raster import Raster
from .routes import Lines, Segments
from .scene import Floats, Ints, Scene
from .states import SceneStates

Region = tuple[float, float, float, float]
DATA_WIDTH = 1.5
BACK_WIDTH = 1.75
LEAST_TITLE_PX = 9.0
"""Height on screen from which a frame's title bar is drawn."""
MANY_SEGMENTS = 20_000
LEAST_SEGMENT_PX = 2.0
"""Of so many segments seen from afar, the shorter ones are left out: they hide behind their boxes."""
FINE_SCALE = 0.3
"""From here on lines have rounded corners, arrow heads and dots."""
APART_SCALE = 0.12
"""From here on the way back of a link is drawn beside it, not on it."""
FEW_BOXES = 140
"""So many boxes are painted at full quality in every frame."""
VEIL = 0.8
"""How much of what is dimmed is covered."""


@dataclass(frozen=True)
class Moment:
    """What is painted: a scene at one position of the backward pass."""

    scene: Scene
    states: SceneStates
    stepper: Stepper


@dataclass(frozen=True)
class Focus:
    """Which items and links keep their colours while all others are dimmed."""

    items: npt.NDArray[np.bool_]
    links: npt.NDArray[np.bool_]


class ScenePainter:
    """Paints moments of one scene. The given painter's transform maps scene units to the screen."""

    def __init__(self, cards: CardPainter) -> None:
        self.cards = cards
        self.focus: Focus | None = None
        self.carried: Focus | None = None
        """What is left out, because it is being dragged and painted elsewhere."""
        self._blits = Blits(cards)
        self.batches = Batches()
        self._far: FarPainter | None = None
        self._ratio = 1.0
        self._least_length = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is dimmed or left out."""
        return self.focus is None and self.carried is None

    def is_far(self, scene: Scene, scale: float) -> bool:
        """Whether so little can be seen at a scale that pixels are written directly."""
        return detail_at(scene.box_height * scale) <= Detail.RECTS and scene.routes.is_orthogonal

    def paint(
        self,
        painter: QPainter,
        moment: Moment,
        regions: Sequence[Region],
        scale: float,
        ratio: float,
        quality: Quality,
        raster: Raster | None = None,
    ) -> int:
        """Paint what lies in some regions of the scene; returns how many boxes that were, of those that cost time.

        `scale` is in widget pixels per scene unit, `ratio` the device's pixels per widget pixel, `raster` the pixels
        that `painter` paints on, where those can be written directly and the view is far.
        """
        self._ratio = ratio
        boxes, frames, links = moment.scene.visible_in(regions)
        if self.carried is not None:
            boxes, links = boxes[~self.carried.items[boxes]], links[~self.carried.links[links]]
        detail = detail_at(moment.scene.box_height * scale)
        self._far = FarPainter(raster, self.cards, moment) if raster is not None else None
        is_fast = quality is Quality.FAST and len(boxes) > FEW_BOXES
        is_smooth = not is_fast and detail > Detail.DENSITY
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, is_smooth)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        self._paint_frames(painter, moment, frames, scale)
        if quality is Quality.VECTOR:
            self._paint_paths(painter, moment, links)
            self.paint_titles(painter, moment, frames.tolist(), scale)
            self._paint_cards(painter, moment, boxes, detail, scale)
            return len(boxes)
        tops = moment.scene.rects[frames, 1]
        is_titled = np.zeros(len(frames), dtype=bool)
        for region in regions:
            is_titled |= (tops <= region[3]) & (tops + TITLE_BAR >= region[1])
        titled, focus = frames[is_titled].tolist(), self.focus
        if focus is not None:
            dim_boxes, dim_links = boxes[~focus.items[boxes]], links[~focus.links[links]]
            self._paint_links(painter, moment, dim_links, scale, is_fast=is_fast)
            self.paint_titles(painter, moment, titled, scale)
            self._paint_boxes(painter, moment, dim_boxes, scale, detail, is_fast=is_fast)
            x, y = min(region[0] for region in regions), min(region[1] for region in regions)
            right, bottom = max(region[2] for region in regions), max(region[3] for region in regions)
            painter.fillRect(QRectF(x, y, right - x, bottom - y), self.veil)  # what is between them is clipped
            titled, boxes, links = [], boxes[focus.items[boxes]], links[focus.links[links]]
        self._paint_links(painter, moment, links, scale, is_fast=is_fast)
        self.paint_titles(painter, moment, titled, scale)
        self._paint_boxes(painter, moment, boxes, scale, detail, is_fast=is_fast)
        return 0 if self._far is not None else len(boxes)

    def paint_boxes(
        self,
        painter: QPainter,
        moment: Moment,
        regions: Sequence[Region],
        scale: float,
        ratio: float,
        raster: Raster | None,
    ) -> None:
        """Paint the boxes alone, fast."""
        self._ratio = ratio
        boxes, _, _ = moment.scene.visible_in(regions)
        self._far = FarPainter(raster, self.cards, moment) if raster is not None else None
        is_fast = len(boxes) > FEW_BOXES
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not is_fast)
        self._paint_boxes(painter, moment, boxes, scale, detail_at(moment.scene.box_height * scale), is_fast=is_fast)

    @property
    def veil(self) -> QColor:
        """What dims everything under it."""
        veil = QColor(self.cards.theme.background)
        veil.setAlphaF(VEIL - 0.1 if self.cards.theme.is_dark else VEIL)
        return veil

    def _paint_boxes(
        self, painter: QPainter, moment: Moment, boxes: Ints, scale: float, detail: Detail, *, is_fast: bool
    ) -> None:
        if self._far is not None:
            self._far.paint_boxes(boxes)
        elif detail <= Detail.RECTS:
            self._paint_small(painter, moment, boxes, scale)
        elif is_fast:
            self._blits.paint(painter, moment, boxes, scale, self._ratio, detail)
        else:
            self._paint_cards(painter, moment, boxes, detail, scale)

    # ----- frames

    def _paint_frames(self, painter: QPainter, moment: Moment, frames: Ints, scale: float) -> None:
        if scale * TITLE_BAR >= LEAST_TITLE_PX:
            for index in frames.tolist():
                self.cards.paint_frame(painter, moment.scene, index)
            return
        if self._far is not None:
            self._far.paint_frames(frames)
            return
        look = box_look(self.cards.theme, Role.FRAME, NodeState.WAITING)
        painter.setPen(_cosmetic(look.border, 1))
        painter.setBrush(look.fill)
        rects = moment.scene.rects[frames].copy()
        rects[:, 2:] -= rects[:, :2]
        self.batches.draw_rects(painter, rects)

    def paint_titles(self, painter: QPainter, moment: Moment, frames: list[int], scale: float) -> None:
        """The titles of open groups, over the links that run through them."""
        if scale * TITLE_BAR >= LEAST_TITLE_PX:
            for index in frames:
                self.cards.paint_title(painter, moment.scene, index, moment.states, moment.stepper, scale)

    # ----- links

    def _paint_links(self, painter: QPainter, moment: Moment, links: Ints, scale: float, *, is_fast: bool) -> None:
        if self._far is not None:
            self._far.paint_links(links, scale)
            return
        scene, theme = moment.scene, self.cards.theme
        is_cut, has_flowed = scene.is_cut[links], moment.states.links[links]
        is_fine = scale >= FINE_SCALE
        strength = link_strength(theme, scale)
        colour = mix(theme.background, theme.edge, strength)
        self._least_length = LEAST_SEGMENT_PX / scale if scale < APART_SCALE else 0.0
        self._paint_lines(
            painter, self._data(scene, links[~is_cut], scale).segments, colour, DATA_WIDTH * scale, is_fast
        )
        if is_fine:
            for link in links[is_cut].tolist():
                self.paint_route(painter, self._data(scene, link, scale), theme.edge, DATA_WIDTH, Qt.PenStyle.DotLine)
        else:
            self._paint_lines(
                painter,
                self._data(scene, links[is_cut], scale).segments,
                mix(theme.background, theme.edge, 0.4),
                1,
                is_fast,
            )
        done = links[has_flowed]
        accent = mix(theme.background, theme.accent, 0.85 * strength)
        if is_fine and not is_fast:
            widths = np.round(scene.shares.widths(done, BACK_WIDTH) * 4) / 4
            for width in np.unique(widths).tolist():
                self._paint_lines(
                    painter, self._back(scene, done[widths == width], scale).segments, accent, width * scale, is_fast
                )
        else:
            self._paint_lines(painter, self._back(scene, done, scale).segments, accent, BACK_WIDTH * scale, is_fast)
        if is_fine and not (is_fast and len(links) > 400):
            self.paint_heads(painter, scene.routes.heads(links), theme.edge)
            self.paint_heads(painter, scene.routes.back_heads(done), accent)

    def _paint_paths(self, painter: QPainter, moment: Moment, links: Ints) -> None:
        scene, theme = moment.scene, self.cards.theme
        for link in links.tolist():
            style = Qt.PenStyle.DotLine if scene.is_cut[link] else Qt.PenStyle.SolidLine
            self.paint_route(painter, self._data(scene, link, 1.0), theme.edge, DATA_WIDTH, style)
        self.paint_heads(painter, scene.routes.heads(links), theme.edge)
        for link in links[moment.states.links[links]].tolist():
            self.paint_gradients(painter, scene, [link], 1.0, is_active=False)

    def _data(self, scene: Scene, links: Ints | int, scale: float) -> Lines:
        """The ways of some links as they are drawn at a scale."""
        chosen = np.atleast_1d(np.asarray(links, dtype=np.int64))
        return scene.routes.rounded(chosen) if scale >= FINE_SCALE else scene.routes.chosen_straight(chosen)

    def _back(self, scene: Scene, links: Ints | int, scale: float) -> Lines:
        """The ways back of some links as they are drawn at a scale."""
        chosen = np.atleast_1d(np.asarray(links, dtype=np.int64))
        if scale >= FINE_SCALE:
            return scene.routes.back_rounded(chosen)
        return scene.routes.back_straight(chosen) if scale >= APART_SCALE else scene.routes.chosen_straight(chosen)

    def _paint_lines(self, painter: QPainter, segments: Segments, colour: QColor, width: float, is_fast: bool) -> None:
        # A cosmetic pen counts the device's pixels.
        pen = _cosmetic(colour, (1.0 if is_fast else max(1.0, width)) * self._ratio)
        if not is_fast and width > 1.2:
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if self._least_length and len(segments) > MANY_SEGMENTS:
            length = np.abs(segments[:, 2] - segments[:, 0]) + np.abs(segments[:, 3] - segments[:, 1])
            segments = segments[length >= self._least_length]
        self.batches.draw_lines(painter, segments)

    def paint_heads(self, painter: QPainter, heads: Floats, colour: QColor) -> None:
        """Arrow heads (n, 3, 2), all of one colour."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        draw_triangles(painter, heads)

    def paint_route(
        self,
        painter: QPainter,
        line: Lines,
        colour: QColor,
        width: float,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    ) -> None:
        """One link as a path of its own, so that dashes run round its corners; width in scene units."""
        segments = line.segments
        if not len(segments):
            return
        path = QPainterPath(QPointF(*segments[0, :2]))
        for x, y in segments[:, 2:].tolist():
            path.lineTo(x, y)
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap if style is not Qt.PenStyle.SolidLine else Qt.PenCapStyle.RoundCap)
        if style is Qt.PenStyle.DashLine:
            pen.setDashPattern([2.6, 1.6])
        elif style is Qt.PenStyle.DotLine:
            pen.setDashPattern([1.2, 2.4])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def paint_gradients(
        self, painter: QPainter, scene: Scene, links: Sequence[int], scale: float, *, is_active: bool
    ) -> None:
        """The ways back of some links, with their heads: dashed and thicker while the current step hands them on."""
        chosen = np.array(links, dtype=np.int64)
        back, theme = self._back(scene, chosen, scale), self.cards.theme
        least = (1.6 if is_active else 1.0) / scale
        shares = scene.shares.widths(chosen, BACK_WIDTH) if scale >= FINE_SCALE else np.full(len(links), BACK_WIDTH)
        widths = np.maximum(shares, max(2.25 if is_active else 1.0, least)).tolist()
        colour = theme.accent if is_active else mix(theme.background, theme.accent, 0.85)
        colours = [self._dimmed(colour, link) for link in links]
        style = Qt.PenStyle.DashLine if is_active else Qt.PenStyle.SolidLine
        for place, (shade, width) in enumerate(zip(colours, widths, strict=True)):
            self.paint_route(painter, back.one(place), shade, width, style)
        if scale >= FINE_SCALE:
            for head, shade in zip(scene.routes.back_heads(chosen), colours, strict=True):
                self.paint_heads(painter, head[None], shade)

    def _dimmed(self, colour: QColor, link: int) -> QColor:
        if self.focus is None or self.focus.links[link]:
            return colour
        return mix(colour, self.cards.theme.background, VEIL)

    def paint_data(self, painter: QPainter, scene: Scene, link: int, scale: float) -> None:
        """The way down of one link while the operation at the cursor reads it."""
        colour = self.cards.theme.data
        self.paint_route(painter, self._data(scene, link, scale), colour, max(2.25, 1.6 / scale), Qt.PenStyle.DashLine)
        if scale >= FINE_SCALE:
            self.paint_heads(painter, scene.routes.heads(np.array([link])), colour)

    # ----- boxes

    def _paint_cards(self, painter: QPainter, moment: Moment, boxes: Ints, detail: Detail, scale: float) -> None:
        for index in boxes.tolist():
            self.cards.paint_item(painter, moment.scene, index, moment.states, moment.stepper, detail, scale)

    def _paint_small(self, painter: QPainter, moment: Moment, boxes: Ints, scale: float) -> None:
        """Boxes as plain rectangles, all of one colour at once; never thinner than a pixel."""
        rects = moment.scene.rects[boxes].copy()
        rects[:, 2:] = np.maximum(rects[:, 2:] - rects[:, :2], 1.0 / scale)
        painter.setPen(Qt.PenStyle.NoPen)
        overlay = self.cards.overlay
        if overlay is not None:
            neutral = mix(self.cards.theme.line, self.cards.theme.edge, 0.4)
            codes = overlay.codes[boxes]
            for code in np.unique(codes).tolist():
                painter.setBrush(QColor.fromRgba(code) if code else neutral)
                self.batches.draw_rects(painter, rects[codes == code])
            return
        style = moment.scene.roles[boxes].astype(np.int64) * 8 + moment.states.state[boxes]
        for code in np.unique(style).tolist():
            painter.setBrush(small_fill(self.cards.theme, Role(code // 8), NodeState(code % 8)))
            self.batches.draw_rects(painter, rects[style == code])
        self._paint_small_progress(painter, moment, boxes, rects)

    def _paint_small_progress(
        self, painter: QPainter, moment: Moment, boxes: Ints, rects: npt.NDArray[np.float64]
    ) -> None:
        """Folded groups fill up from their left as the backward pass works through them."""
        progress = moment.states.progress[boxes]
        is_partial = (moment.scene.roles[boxes] == Role.GROUP) & (progress > 0) & (progress < 1)
        partial = rects[is_partial].copy()
        partial[:, 2] *= progress[is_partial]
        painter.setBrush(small_fill(self.cards.theme, Role.GROUP, NodeState.DONE))
        self.batches.draw_rects(painter, partial)


def _cosmetic(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen
