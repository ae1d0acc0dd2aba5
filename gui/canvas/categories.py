"""Overlays of what has no order: dtype, device, requires_grad. One colour each, from a palette for every eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from engine.graph.model import Node
from gui.theme import RADIUS_CARD, Theme

from .fonts import Face, Fonts, plain
from .scene import Scene

_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, told apart by every kind of colour vision."""
MIXED, OTHERS = "several", "others"
_GREY = QColor("#8A8F98")
ROW = 18.0


@dataclass(frozen=True)
class Categories:
    """A name for every item (None: not known), and the names in the order of the legend with their counts."""

    title: str
    values: tuple[str | None, ...]
    names: tuple[tuple[str, int], ...]


def dtypes_of(scene: Scene) -> Categories:
    """The dtype of every item's output."""
    return _categories(scene, "dtype", lambda node: node.outputs[0].dtype if node.outputs else None)


def devices_of(scene: Scene) -> Categories:
    """The device that every item's output lies on."""
    return _categories(scene, "Device", lambda node: node.outputs[0].device if node.outputs else None)


def requirements_of(scene: Scene) -> Categories:
    """Whether every item's output requires a gradient."""
    words = {True: "requires grad", False: "requires none"}
    return _categories(
        scene,
        "requires_grad",
        lambda node: words[any(info.requires_grad for info in node.outputs)] if node.outputs else None,
    )


def colours_of(categories: Categories) -> list[QColor | None]:
    """The colour of every item; None where nothing is known."""
    colours = {name: _colour(place, name) for place, (name, _) in enumerate(categories.names)}
    return [None if value is None else colours.get(value, _GREY) for value in categories.values]


def legend_height(categories: Categories) -> float:
    """Height of the legend in pixels."""
    return 40 + ROW * max(len(categories.names), 1)


def paint_legend(painter: QPainter, categories: Categories, theme: Theme, fonts: Fonts, height: float) -> QRectF:
    """Draw the legend in the lower left corner of a view of this height; returns its place."""
    rows = categories.names or (("nothing is known", 0),)
    texts = [(fonts.elide(plain(name), Face.SMALL, 160.0), str(count) if count else "") for name, count in rows]
    widest = max(fonts.width(name, Face.SMALL) + 24 + fonts.width(count, Face.MONO_SMALL) for name, count in texts)
    width = max(widest + 20, fonts.width(categories.title, Face.SMALL_BOLD), 136.0) + 24
    tall = legend_height(categories)
    panel = QRectF(16, height - 16 - tall, width, tall)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(theme.surface)
    painter.drawRoundedRect(panel, RADIUS_CARD, RADIUS_CARD)
    painter.setFont(fonts[Face.SMALL_BOLD])
    painter.setPen(theme.text)
    painter.drawText(QPointF(panel.x() + 12, panel.y() + 22), categories.title)
    for place, (name, count) in enumerate(texts):
        y = panel.y() + 32 + ROW * place
        if count:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_colour(place, rows[place][0]))
            painter.drawRoundedRect(QRectF(panel.x() + 12, y + 3, 12, 12), 3, 3)
        painter.setFont(fonts[Face.SMALL])
        painter.setPen(theme.text)
        painter.drawText(QPointF(panel.x() + (32 if count else 12), y + 13), name)
        painter.setFont(fonts[Face.MONO_SMALL])
        painter.setPen(theme.muted)
        painter.drawText(QPointF(panel.right() - 12 - fonts.width(count, Face.MONO_SMALL), y + 13), count)
    return panel


def _categories(scene: Scene, title: str, category: Callable[[Node], str | None]) -> Categories:
    nodes = scene.trace.graph.nodes
    values: list[str | None] = [None] * len(scene)
    for index in scene.boxes.tolist():
        item = scene.items[index]
        members: Iterable[int] = item.members if item.kind == "group" else () if item.node is None else (item.node,)
        found = {name for member in members if (name := category(nodes[member])) is not None}
        values[index] = (next(iter(found)) if len(found) == 1 else MIXED) if found else None
    counts = Counter(value for value in values if value is not None)
    has_mixed = counts.pop(MIXED, 0)
    common = counts.most_common()
    names = sorted(common[: len(_PALETTE)], key=lambda entry: (-entry[1], entry[0]))
    rest = dict(common[len(_PALETTE) :])
    if rest:
        values = [OTHERS if value in rest else value for value in values]
        names.append((OTHERS, sum(rest.values())))
    if has_mixed:
        names.append((MIXED, has_mixed))
    return Categories(title, tuple(values), tuple(names))


def _colour(place: int, name: str) -> QColor:
    return _GREY if name in (MIXED, OTHERS) or place >= len(_PALETTE) else QColor(_PALETTE[place])
