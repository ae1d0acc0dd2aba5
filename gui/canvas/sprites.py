"""Ready-made pictures of boxes and of labels, for frames that must be fast. Bounded; the longest unused go first."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from .cards import CardPainter
from .group_labels import Run
from .look import BoxLook, Role

BUDGET_BYTES = 48 * 2**20
BUCKETS_PER_OCTAVE = 4


def bucket(scale: float) -> float:
    """The nearest of the few scales at which sprites are made."""
    return float(2 ** (round(math.log2(scale) * BUCKETS_PER_OCTAVE) / BUCKETS_PER_OCTAVE))


class SpriteCache:
    """Pixmaps of boxes and of labels, apart: another tint re-blits the label and never renders its text again."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, tuple[QPixmap, object]] = OrderedDict()
        """Pixmaps, each with what its key knows by identity alone."""
        self._bytes = 0
        self.made = 0
        """How many sprites were rendered so far."""

    def __len__(self) -> int:
        return len(self._found)

    def clear(self) -> None:
        self._found.clear()
        self._bytes = 0

    def box(
        self, cards: CardPainter, look: BoxLook, width: float, height: float, scale: float, *, is_stack: bool = False
    ) -> QPixmap:
        """A box of this size in scene units, at a scale in device pixels."""
        key = (look.fill.rgba(), look.border.rgba(), look.border_width, look.radius, width, height, scale, is_stack)
        pixmap = self._get(key)
        if pixmap is None:
            pixmap, painter = _canvas(width, height, scale)
            cards.paint_body(painter, QRectF(0, 0, width, height), look, is_stack=is_stack)
            painter.end()
            self._put(key, pixmap)
        return pixmap

    def label(
        self,
        cards: CardPainter,
        runs: tuple[Run, ...],
        role: Role,
        width: float,
        height: float,
        scale: float,
        *,
        zoom: float = 1.0,
        may_make: bool = True,
    ) -> QPixmap | None:
        """The texts of a box, magnified by `zoom`; None if they are not at hand and must not be made now.

        Equal texts should be the same object, as `CardPainter` has them: they are looked up by identity.
        """
        key = (id(runs), role, cards.theme.name, width, height, scale, zoom)
        pixmap = self._get(key)
        if pixmap is None and may_make:
            pixmap, painter = _canvas(width, height, scale)
            painter.scale(zoom, zoom)
            cards.paint_runs(painter, runs, 0, 0, role)
            painter.end()
            self._put(key, pixmap, runs)
        return pixmap

    def _get(self, key: Hashable) -> QPixmap | None:
        found = self._found.get(key)
        if found is None:
            return None
        self._found.move_to_end(key)
        return found[0]

    def _put(self, key: Hashable, pixmap: QPixmap, keep: object = None) -> None:
        self.made += 1
        self._found[key] = (pixmap, keep)
        self._bytes += _size(pixmap)
        while self._bytes > BUDGET_BYTES and len(self._found) > 1:
            _, (old, _) = self._found.popitem(last=False)
            self._bytes -= _size(old)


def _canvas(width: float, height: float, scale: float) -> tuple[QPixmap, QPainter]:
    pixmap = QPixmap(max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale)))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    painter.scale(scale, scale)
    return pixmap, painter


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
