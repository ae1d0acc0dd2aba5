"""Overlays of what has no order: dtype, device, requires_grad. One colour each, from a palette for every eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from gui.theme import RADIUS_CARD, Theme

from . import quantities
from .fonts import Face, Fonts, plain
from .scene import Scene

_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, told apart by every kind of colour vision."""
MIXED, OTHERS = "several", "others"
_GREY = QColor("#8A8F98")
ROW = 18.0
INSET = 16.0
"""Pixels between a legend and the edges of the view."""
MOST_NAME = 160.0


class Tints:
    """One colour for every item, or none."""

    def __init__(self, codes: npt.NDArray[np.uint32]) -> None:
        self.codes = codes
        """(n,) as pixels have them; 0 where an item has no colour."""
        self._colours: dict[int, QColor | None] = {0: None}

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, item: int) -> QColor | None:
        code = int(self.codes[item])
        if code not in self._colours:
            self._colours[code] = QColor.fromRgba(code)
        return self._colours[code]


@dataclass(frozen=True)
class Categories:
    """For every item the place of its name (-1: not known), and the names in the legend's order with their counts."""

    title: str
    places: npt.NDArray[np.int64]
    names: tuple[tuple[str, int], ...]

    @property
    def values(self) -> list[str | None]:
        """The name of every item."""
        return [None if place < 0 else self.names[place][0] for place in self.places.tolist()]


def dtypes_of(scene: Scene) -> Categories:
    """The dtype of every item's output."""
    return _categories(scene, "dtype", *quantities.of(scene.trace).dtypes)


def devices_of(scene: Scene) -> Categories:
    """The device that every item's output lies on."""
    return _categories(scene, "Device", *quantities.of(scene.trace).devices)


def requirements_of(scene: Scene) -> Categories:
    """Whether every item's output requires a gradient."""
    return _categories(scene, "requires_grad", *quantities.of(scene.trace).requirements)


def colours_of(categories: Categories) -> Tints:
    """The colour of every item; none where nothing is known."""
    colours = [_colour(place, name).rgba() for place, (name, _) in enumerate(categories.names)]
    return Tints(np.array([*colours, 0], dtype=np.uint32)[categories.places])


def legend_height(categories: Categories) -> float:
    """Height of the legend in pixels."""
    return 40 + ROW * max(len(categories.names), 1)


def panel_width(fonts: Fonts, title: str, texts: Sequence[str], before: float) -> float:
    """Width of a legend with rows of texts, `before` pixels of room left of each."""
    widest = max((fonts.width(text, Face.SMALL) for text in texts), default=0.0) + before
    return max(widest, fonts.width(title, Face.SMALL_BOLD) + 24, 112.0) + 24


def panel(painter: QPainter, theme: Theme, fonts: Fonts, title: str, size: QRectF, height: float) -> QRectF:
    """Draw the ground and the title of a legend at the foot of a view of this height; returns its place."""
    place = QRectF(size.x(), height - INSET - size.height(), size.width(), size.height())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(theme.surface)
    painter.drawRoundedRect(place, RADIUS_CARD, RADIUS_CARD)
    painter.setFont(fonts[Face.SMALL_BOLD])
    painter.setPen(theme.text)
    painter.drawText(QPointF(place.x() + 12, place.y() + 22), title)
    return place


def legend_width(categories: Categories, fonts: Fonts) -> float:
    """Width of the legend in pixels."""
    texts = _texts(categories, fonts)
    widest = max(fonts.width(name, Face.SMALL) + 44 + fonts.width(count, Face.MONO_SMALL) for name, count in texts)
    return max(widest + 24, panel_width(fonts, categories.title, (), 0))


def _texts(categories: Categories, fonts: Fonts) -> list[tuple[str, str]]:
    """Name and count of every row; one without a count where nothing is known."""
    rows = categories.names or (("nothing is known", 0),)
    return [(fonts.elide(plain(name), Face.SMALL, MOST_NAME), str(count) if count else "") for name, count in rows]


def paint_legend(painter: QPainter, categories: Categories, theme: Theme, fonts: Fonts, height: float) -> QRectF:
    """Draw the legend in the lower left corner of a view of this height; returns its place."""
    texts = _texts(categories, fonts)
    size = QRectF(INSET, 0, legend_width(categories, fonts), legend_height(categories))
    place = panel(painter, theme, fonts, categories.title, size, height)
    for row, (name, count) in enumerate(texts):
        y = place.y() + 32 + ROW * row
        if count:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_colour(row, categories.names[row][0]))
            painter.drawRoundedRect(QRectF(place.x() + 12, y + 3, 12, 12), 3, 3)
        painter.setFont(fonts[Face.SMALL])
        painter.setPen(theme.text)
        painter.drawText(QPointF(place.x() + (32 if count else 12), y + 13), name)
        painter.setFont(fonts[Face.MONO_SMALL])
        painter.setPen(theme.muted)
        painter.drawText(QPointF(place.right() - 12 - fonts.width(count, Face.MONO_SMALL), y + 13), count)
    return place


def _categories(scene: Scene, title: str, codes: npt.NDArray[np.int64], words: list[str]) -> Categories:
    known = np.where(codes < 0, np.nan, codes)
    least, largest = scene.least(known)[scene.boxes], scene.largest(known)[scene.boxes]
    mixed = len(words)
    of_box = np.where(np.isnan(least), -1, np.where(least == largest, least, mixed)).astype(np.int64)
    count = np.bincount(of_box[of_box >= 0], minlength=mixed + 1)
    present = sorted(np.flatnonzero(count[:mixed]).tolist(), key=lambda code: (-int(count[code]), words[code]))
    names = [(words[code], int(count[code])) for code in present[: len(_PALETTE)]]
    place = np.full(mixed + 2, -1)  # the last one is for what is not known
    place[present[: len(_PALETTE)]] = np.arange(len(names))
    rest = present[len(_PALETTE) :]
    if rest:
        place[rest] = len(names)
        names.append((OTHERS, int(count[rest].sum())))
    if count[mixed]:
        place[mixed] = len(names)
        names.append((MIXED, int(count[mixed])))
    places = np.full(len(scene), -1, dtype=np.int64)
    places[scene.boxes] = place[of_box]
    return Categories(title, places, tuple(names))


def _colour(place: int, name: str) -> QColor:
    return _GREY if name in (MIXED, OTHERS) or place >= len(_PALETTE) else QColor(_PALETTE[place])
