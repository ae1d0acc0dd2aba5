"""How boxes and lines look: roles, states, colours. Kinds differ by shape and tint, states by tint and outline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtGui import QColor

from engine.graph.stepper import NodeState
from gui.theme import DARK, LIGHT, RADIUS_CARD, Theme


class Role(IntEnum):
    """What a box is, for the eye."""

    OP = 0
    LEAF = 1
    INPUT = 2
    BUFFER = 3
    CONSTANT = 4
    LOSS = 5
    GROUP = 6
    FRAME = 7
    FUNCTION = 8
    """A folded call of a function; an open one is a frame."""


CALLS = frozenset({Role.GROUP, Role.FUNCTION, Role.FRAME})
"""What can be folded and unfolded."""
PILLS = frozenset({Role.LEAF, Role.INPUT, Role.BUFFER, Role.CONSTANT})
ROLE_OF_KIND = {
    "op": Role.OP,
    "leaf": Role.LEAF,
    "input": Role.INPUT,
    "buffer": Role.BUFFER,
    "constant": Role.CONSTANT,
}


FUNCTION_RADIUS = 16.0
"""Function calls are rounder than operations and modules, and not as round as tensors."""


@dataclass(frozen=True)
class BoxLook:
    """Fill, outline and corner radius of one box; `radius` is None for a pill (half the height)."""

    fill: QColor
    border: QColor
    border_width: float
    radius: float | None
    is_dashed: bool = False


def mix(first: QColor, second: QColor, amount: float) -> QColor:
    """`first` with `amount` (0 to 1) of `second`; alpha included."""
    return QColor.fromRgbF(
        first.redF() + (second.redF() - first.redF()) * amount,
        first.greenF() + (second.greenF() - first.greenF()) * amount,
        first.blueF() + (second.blueF() - first.blueF()) * amount,
        first.alphaF() + (second.alphaF() - first.alphaF()) * amount,
    )


def link_strength(theme: Theme, scale: float) -> float:
    """How much of their colour links keep at a scale: less from afar, where there are many, so that boxes stand out."""
    return min(1.0, (0.75 if theme.is_dark else 0.55) + scale)


def text_role(role: Role, state: NodeState) -> Role:
    """Whose colours the texts of a box have: the loss is inverted only once there is one."""
    return Role.OP if role is Role.LOSS and state is NodeState.ABSENT else role


def opposite(theme: Theme) -> Theme:
    """The theme whose colours are right on an inverted card."""
    return LIGHT if theme.is_dark else DARK


def box_look(theme: Theme, role: Role, state: NodeState) -> BoxLook:
    """How a box of this role looks while its node is in this state."""
    radius = None if role in PILLS else FUNCTION_RADIUS if role is Role.FUNCTION else float(RADIUS_CARD)
    if role is Role.LOSS and state is not NodeState.ABSENT:
        fill = theme.text
        border = theme.accent if state is NodeState.CURRENT else fill
        return BoxLook(fill, border, 2.0 if state is NodeState.CURRENT else 1.0, radius)
    if role is Role.FRAME:
        fill = mix(theme.background, theme.surface, 0.5) if theme.is_dark else mix(theme.background, theme.line, 0.3)
        return BoxLook(fill, theme.line, 1.0, 12.0)
    here = {
        NodeState.CURRENT: BoxLook(theme.accent_soft, theme.accent, 2.0, radius),
        NodeState.COMPUTED: BoxLook(theme.data_soft, theme.data, 2.0, radius),
        NodeState.ABSENT: BoxLook(theme.background, mix(theme.background, theme.edge, 0.6), 1.0, radius, True),
    }.get(state)
    if here is not None:
        return here
    if role is Role.LEAF:
        if state is NodeState.UPDATED:
            return BoxLook(mix(theme.leaf_soft, theme.leaf, 0.06), theme.leaf, 2.0, radius)
        fill = theme.accent_soft if state is NodeState.DONE else theme.leaf_soft
        return BoxLook(fill, theme.leaf, 1.25, radius)
    if state in {NodeState.DONE, NodeState.UPDATED}:
        return BoxLook(theme.accent_soft, mix(theme.accent_soft, theme.accent, 0.28), 1.0, radius)
    if role is Role.INPUT:
        return BoxLook(mix(theme.line, theme.background, 0.35), mix(theme.line, theme.edge, 0.25), 1.0, radius)
    if role in {Role.BUFFER, Role.CONSTANT}:
        return BoxLook(theme.background, theme.edge, 1.0, radius, is_dashed=role is Role.CONSTANT)
    return _look_ahead(theme, state, radius, is_function=role is Role.FUNCTION)


def _look_ahead(theme: Theme, state: NodeState, radius: float | None, *, is_function: bool) -> BoxLook:
    """How an operation or a call looks that the backward pass has not reached, or never does."""
    surface = mix(theme.surface, theme.line, 0.35) if theme.is_dark else theme.surface
    surface = mix(surface, theme.data_soft, 0.45) if is_function else surface
    if state is NodeState.IDLE:
        return BoxLook(mix(surface, theme.background, 0.55), theme.line, 1.0, radius)
    if state is NodeState.READY:
        return BoxLook(surface, mix(theme.line, theme.accent, 0.55), 1.0, radius)
    border = (
        mix(theme.line, theme.data, 0.5) if is_function else mix(theme.line, theme.edge, 0.6 if theme.is_dark else 0.35)
    )
    return BoxLook(surface, border, 1.0, radius)


def small_fill(theme: Theme, role: Role, state: NodeState) -> QColor:
    """Fill of a box too small for an outline: stronger, so that state and kind can be seen from afar."""
    if state is NodeState.CURRENT:
        return theme.accent
    if state is NodeState.COMPUTED:
        return theme.data
    if state is NodeState.ABSENT:
        return mix(theme.background, theme.line, 0.8)
    if role is Role.LOSS:
        return theme.text
    if state is NodeState.UPDATED:
        return theme.leaf
    if state is NodeState.DONE:
        return mix(theme.accent_soft, theme.accent, 0.5)
    if role is Role.LEAF:
        return mix(theme.leaf_soft, theme.leaf, 0.6)
    if role in PILLS or state is NodeState.IDLE:
        return mix(theme.line, theme.edge, 0.7 if theme.is_dark else 0.3)
    return mix(theme.edge, theme.muted, 0.35) if theme.is_dark else mix(theme.line, theme.edge, 0.75)
