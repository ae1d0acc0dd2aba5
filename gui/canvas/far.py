"""The graph from afar: boxes of a few pixels, lines of one, open groups as outlines, all written as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor

from engine.graph.stepper import NodeState
from gui.theme import Theme

from .look import Role, box_look, link_strength, mix, small_fill
from .raster import Raster
from .routes import Segments

if TYPE_CHECKING:
    from .cards import CardPainter
    from .painter import Moment

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]
STATES = 8
LEAST_FRAME_PX = 4.0
"""Open groups smaller than this are not outlined: what is in them is all that can be seen."""
APART_SCALE = 0.12
LEAST_LINE_PX = 1.0


class FarPainter:
    """Paints one moment of a scene whose links run across and down only."""

    def __init__(self, raster: Raster, cards: CardPainter, moment: Moment) -> None:
        self._raster = raster
        self._cards = cards
        self._moment = moment

    def paint_frames(self, frames: Ints) -> None:
        """Open groups: one ground, for it is the same at every depth, and all outlines."""
        scene = self._moment.scene
        look = box_look(self._cards.theme, Role.FRAME, NodeState.WAITING)
        rects = scene.rects[frames]
        self._raster.fill_rects(rects[scene.is_outermost[frames]], look.fill)
        least = LEAST_FRAME_PX / self._raster.scale
        is_large = np.minimum(rects[:, 2] - rects[:, 0], rects[:, 3] - rects[:, 1]) >= least
        self._raster.draw_borders(rects[is_large], look.border)

    def paint_links(self, links: Ints, scale: float) -> None:
        """Data in grey, fainter where no gradient can come back, and the gradients that have come."""
        scene, theme = self._moment.scene, self._cards.theme
        strength = link_strength(theme, scale)
        is_cut, has_flowed = scene.is_cut[links], self._moment.states.links[links]
        apart = scale >= APART_SCALE
        plain = links[~is_cut] if apart else links[~is_cut & ~has_flowed]  # what came back covers what went there
        self._draw(scene.routes.straight.of(links[is_cut]), mix(theme.background, theme.edge, 0.4))
        self._draw(scene.routes.straight.of(plain), mix(theme.background, theme.edge, strength))
        accent = mix(theme.background, theme.accent, 0.85 * strength)
        done = links[has_flowed]
        back = scene.routes.back_straight(done).segments if apart else scene.routes.straight.of(done)
        self._draw(back, accent)

    def _draw(self, segments: Segments, colour: QColor) -> None:
        length = np.abs(segments[:, 2] - segments[:, 0]) + np.abs(segments[:, 3] - segments[:, 1])
        self._raster.draw_lines(segments[length >= LEAST_LINE_PX / self._raster.scale], colour)

    def paint_boxes(self, boxes: Ints) -> None:
        """Boxes in the colours of the overlay, or of kinds and states; folded groups fill up as they are done."""
        moment, cards = self._moment, self._cards
        rects = moment.scene.rects[boxes]
        if cards.overlay is not None:
            neutral = np.uint32(mix(cards.theme.line, cards.theme.edge, 0.4).rgba())
            codes = cards.overlay.codes[boxes]
            self._raster.fill_rects(rects, np.where(codes == 0, neutral, codes))
            return
        roles = moment.scene.roles[boxes].astype(np.int64)
        self._raster.fill_rects(rects, fills(cards.theme)[roles * STATES + moment.states.state[boxes]])
        progress = moment.states.progress[boxes]
        is_partial = ((roles == Role.GROUP) | (roles == Role.FUNCTION)) & (progress > 0) & (progress < 1)
        partial = rects[is_partial]
        partial[:, 2] = partial[:, 0] + (partial[:, 2] - partial[:, 0]) * progress[is_partial]
        self._raster.fill_rects(partial, small_fill(cards.theme, Role.GROUP, NodeState.DONE))


_known: dict[str, Codes] = {}


def fills(theme: Theme) -> Codes:
    """The colour of every role and state, as pixels have it."""
    found = _known.get(theme.name)
    if found is None:
        found = np.zeros((max(Role) + 1) * STATES, dtype=np.uint32)
        for role in Role:
            for state in NodeState:
                found[role * STATES + state] = small_fill(theme, role, state).rgba()
        _known[theme.name] = found
    return found
