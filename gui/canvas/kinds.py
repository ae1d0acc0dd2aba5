"""The legend of the plain picture: what each form of box and each kind of line stands for, as far as they are there."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPolygonF

from engine.graph.stepper import NodeState
from gui.theme import Theme

from .cards import FUNCTION_MARK, CardPainter
from .categories import INSET, ROW, panel, panel_width
from .fonts import Face, Fonts
from .look import CALLS, BoxLook, Role, box_look, mix
from .scene import Scene

WORDS = {
    Role.INPUT: "input",
    Role.LEAF: "parameter or other leaf",
    Role.BUFFER: "buffer",
    Role.CONSTANT: "constant",
    Role.OP: "operation",
    Role.FUNCTION: "function call",
    Role.GROUP: "module",
    Role.FRAME: "open module",
    Role.LOSS: "root of the backward pass",
}
DATA, GRADIENT, CUT = "data", "gradient", "data, but no gradient back"
SWATCH = 24.0
QUIET = frozenset(Role) - {Role.LEAF, Role.LOSS}
"""Kinds whose outlines are almost the colour of the legend's ground."""
OUTLINE = 0.6
"""So much of the colour of quiet texts their outlines have there."""


@dataclass(frozen=True)
class Kinds:
    """The roles and the lines that a scene has, in the legend's order."""

    roles: tuple[Role, ...]
    lines: tuple[str, ...]


def kinds_of(scene: Scene) -> Kinds:
    """What the legend of a scene explains."""
    present = set(scene.roles.tolist())
    lines = []
    if len(scene.routes):
        lines += [DATA] * bool((~scene.is_cut).any()) + [CUT] * bool(scene.is_cut.any())
    if scene.trace.backward:
        lines.append(GRADIENT)
    return Kinds(tuple(role for role in WORDS if role in present), tuple(lines))


def legend_height(kinds: Kinds) -> float:
    """Height of the legend in pixels."""
    return 40 + ROW * (len(kinds.roles) + len(kinds.lines))


def legend_width(kinds: Kinds, fonts: Fonts) -> float:
    """Width of the legend in pixels."""
    return panel_width(fonts, "Kinds", [*(WORDS[role] for role in kinds.roles), *kinds.lines], SWATCH + 10)


def swatch_look(theme: Theme, role: Role) -> BoxLook:
    """A small box of a kind: as round as the box is, for its size, and with an outline that is seen on the legend."""
    look = box_look(theme, role, NodeState.WAITING)
    border = mix(look.border, theme.muted, OUTLINE) if role in QUIET else look.border
    radius = None if look.radius is None else min(look.radius / 2, 6.0)
    return BoxLook(look.fill, border, look.border_width, radius, look.is_dashed)


def paint_legend(painter: QPainter, kinds: Kinds, cards: CardPainter, height: float) -> QRectF:
    """Draw the legend in the lower left corner of a view of this height; returns its place."""
    words = [*(WORDS[role] for role in kinds.roles), *kinds.lines]
    width = legend_width(kinds, cards.fonts)
    place = panel(painter, cards.theme, cards.fonts, "Kinds", QRectF(INSET, 0, width, legend_height(kinds)), height)
    for row, word in enumerate(words):
        y = place.y() + 32 + ROW * row
        swatch = QRectF(place.x() + 12, y + 2, SWATCH, 14)
        if row < len(kinds.roles):
            role = kinds.roles[row]
            cards.paint_box(painter, swatch, swatch_look(cards.theme, role))
            _paint_sign(painter, role, cards, swatch)
        else:
            _paint_line(painter, word, cards, swatch)
        painter.setFont(cards.fonts[Face.SMALL])
        painter.setPen(cards.theme.text)
        painter.drawText(QPointF(swatch.right() + 10, y + 13), word)
    return place


def _paint_sign(painter: QPainter, role: Role, cards: CardPainter, swatch: QRectF) -> None:
    """The mark by which calls are known."""
    if role is Role.FUNCTION:
        font = QFont(cards.fonts[Face.SMALL_BOLD])
        font.setItalic(True)
        painter.setFont(font)
        painter.setPen(cards.theme.data_text)
        painter.drawText(swatch, Qt.AlignmentFlag.AlignCenter, FUNCTION_MARK)
    elif role in CALLS:
        cards.paint_chevron(painter, swatch.center().x(), swatch.center().y(), is_open=role is Role.FRAME)


def _paint_line(painter: QPainter, word: str, cards: CardPainter, swatch: QRectF) -> None:
    """A line with its head: data goes to the right here, a gradient back to the left."""
    is_back = word == GRADIENT
    colour = cards.theme.accent if is_back else cards.theme.edge
    y, tip = swatch.center().y(), swatch.left() if is_back else swatch.right()
    towards = 1.0 if is_back else -1.0
    pen = QPen(colour, 1.75)
    if word == CUT:
        pen.setDashPattern([1.2, 2.4])
    painter.setPen(pen)
    painter.drawLine(QPointF(tip + 6 * towards, y), QPointF(swatch.right() if is_back else swatch.left(), y))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(
        QPolygonF([QPointF(tip, y), QPointF(tip + 7 * towards, y - 3.5), QPointF(tip + 7 * towards, y + 3.5)])
    )
