"""Paints one box with its texts at full quality, in scene units: on screen, into sprites and into exported files."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from engine.graph.stepper import NodeState, Stepper
from gui.theme import Theme

from .categories import Tints
from .detail import Detail
from .fonts import Face, Fonts
from .group_labels import GAP, PADDING, STACK, TITLE_BAR, Run
from .labels import Labels
from .look import BoxLook, Role, box_look, mix, opposite, text_role
from .names import Name, name_of, title_zoom
from .scene import Scene
from .states import SceneStates
from .wording import is_function

FUNCTION_MARK = "ƒ"
LEAST_OUTLINE_PX = 0.9
STRIPE = 6.0
"""Width of the stripe in which an overlay shows its full colour."""


class CardPainter:
    """Draws cards, pills, chips, folded groups and frames of one trace in one theme."""

    def __init__(self, labels: Labels, theme: Theme) -> None:
        self.labels = labels
        self.fonts: Fonts = labels.fonts
        self.theme = theme
        self.overlay: Tints | None = None
        """Colour of each item in the overlay; None shows kinds and states."""
        self._looks: dict[tuple[Role, NodeState], BoxLook] = {}
        self._tinted: dict[tuple[Role, NodeState, int], BoxLook] = {}
        self._runs: dict[tuple[int, int, int], tuple[Run, ...]] = {}
        self._same: dict[tuple[Run, ...], tuple[Run, ...]] = {}
        self._runs_scene: Scene | None = None
        self._names: dict[tuple[int, int], Name | None] = {}
        self._names_scale = 0.0

    def look(self, index: int, role: Role, state: NodeState) -> BoxLook:
        """The item's look, with the overlay's tint in place of the state's; where it has none the box is neutral."""
        colour = self.overlay[index] if self.overlay is not None else None
        if self.overlay is not None and colour is None and state is NodeState.DONE:
            state = NodeState.WAITING  # the tint of what is done would be taken for a colour of the scale
        look = self._looks.get((role, state))
        if look is None:
            look = self._looks[role, state] = box_look(self.theme, role, state)
        if colour is None or role in {Role.LOSS, Role.FRAME}:
            return look
        tinted = self._tinted.get((role, state, colour.rgba()))
        if tinted is not None:
            return tinted
        fill = mix(self.theme.surface, colour, 0.22 if self.theme.is_dark else 0.16)
        border = look.border if state is NodeState.CURRENT else mix(self.theme.line, colour, 0.6)
        tinted = BoxLook(fill, border, look.border_width, look.radius, look.is_dashed)
        self._tinted[role, state, colour.rgba()] = tinted
        return tinted

    def runs(self, scene: Scene, index: int, states: SceneStates, stepper: Stepper) -> tuple[Run, ...]:
        """The item's texts; kept for every state that it was seen in."""
        if scene is not self._runs_scene:
            self._runs.clear()
            self._runs_scene = scene
        node = scene.items[index].node
        # A leaf is current more than once: at its AccumulateGrad, and wherever an optimizer changes it.
        updates = 0 if node is None or stepper.position <= stepper.length else len(stepper.updates(node))
        key = (index, int(states.state[index]), updates)
        found = self._runs.get(key)
        if found is None:
            x, y, right, bottom = scene.rects[index].tolist()
            found = self._shared(self.labels.runs(scene.items[index], right - x, bottom - y, stepper))
            self._runs[key] = found
        return found

    def paint(
        self,
        painter: QPainter,
        scene: Scene,
        index: int,
        states: SceneStates,
        stepper: Stepper,
        *,
        has_shadow: bool = True,
    ) -> None:
        """Paint one card, pill, chip or folded group at its place: box, texts, progress.

        Where the box is painted over an earlier state of itself, its shadow is there already.
        """
        x, y, right, bottom = scene.rects[index].tolist()
        role, state = Role(int(scene.roles[index])), NodeState(int(states.state[index]))
        rect = QRectF(x, y, right - x, bottom - y)
        look = self.look(index, role, state)
        rect = self.paint_body(painter, rect, look, is_stack=scene.items[index].repeats > 1, has_shadow=has_shadow)
        if self.overlay is not None:
            self._paint_stripe(painter, rect, look, self.overlay[index])
        self.paint_runs(painter, self.runs(scene, index, states, stepper), x, y, text_role(role, state))
        if role is Role.GROUP:
            self.paint_progress(painter, rect, float(states.progress[index]), state)
            self.paint_chevron(painter, x + PADDING + 5, rect.y() + 18, is_open=False)
        elif role is Role.FUNCTION:
            self.paint_mark(painter, x + PADDING, rect.y() + 23)

    def paint_item(
        self,
        painter: QPainter,
        scene: Scene,
        index: int,
        states: SceneStates,
        stepper: Stepper,
        detail: Detail,
        scale: float,
        *,
        has_shadow: bool = True,
    ) -> None:
        """Paint a box with as much of its texts as there is to be seen at a scale."""
        if detail is Detail.TEXT:
            self.paint(painter, scene, index, states, stepper, has_shadow=has_shadow)
            return
        x, y, right, bottom = scene.rects[index].tolist()
        role, state = Role(int(scene.roles[index])), NodeState(int(states.state[index]))
        rect, is_stack = QRectF(x, y, right - x, bottom - y), scene.items[index].repeats > 1
        front = self.paint_body(painter, rect, self.look(index, role, state), is_stack=is_stack)
        if detail is not Detail.NAMES:
            return
        if role is Role.GROUP:
            self.paint_progress(painter, front, float(states.progress[index]), state)
        name = self.name(scene, index, states, stepper, scale)
        if name is not None:
            painter.save()
            painter.translate(x, y)
            painter.scale(name.zoom, name.zoom)
            self.paint_runs(painter, name.runs, 0, 0, text_role(role, state))
            painter.restore()

    def name(self, scene: Scene, index: int, states: SceneStates, stepper: Stepper, scale: float) -> Name | None:
        """The item's name as it is drawn at a scale where there is no room for more."""
        if scene is not self._runs_scene or scale != self._names_scale:
            self._names.clear()
            self._names_scale = scale
        key = (index, int(states.state[index]))
        if key not in self._names:
            x, y, right, bottom = scene.rects[index].tolist()
            runs, role = self.runs(scene, index, states, stepper), Role(int(scene.roles[index]))
            name = name_of(runs, role, right - x, bottom - y, scale, self.fonts)
            self._names[key] = None if name is None else Name(self._shared(name.runs), name.zoom)
        return self._names[key]

    def _shared(self, runs: tuple[Run, ...]) -> tuple[Run, ...]:
        """The one object that stands for all texts equal to these."""
        return self._same.setdefault(runs, runs)

    def paint_frame(self, painter: QPainter, scene: Scene, index: int) -> None:
        """The ground of an open group; links run over it."""
        x, y, right, bottom = scene.rects[index].tolist()
        look = self.look(index, Role.FRAME, NodeState.WAITING)
        self.paint_box(painter, QRectF(x, y, right - x, bottom - y), look)

    def paint_title(
        self, painter: QPainter, scene: Scene, index: int, states: SceneStates, stepper: Stepper, scale: float = 1.0
    ) -> None:
        """The title of an open group, on a plate that keeps links from running through its words."""
        x, y, right, _ = scene.rects[index].tolist()
        runs = self.runs(scene, index, states, stepper)
        zoom = title_zoom(TITLE_BAR, scale)
        if zoom > 1.0:
            self._paint_large_title(
                painter, runs, QPointF(x, y), right - x, zoom, is_function(scene.items[index].scope)
            )
            return
        width = max((run.x + self.fonts.width(run.text, run.face) for run in runs), default=0.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.look(index, Role.FRAME, NodeState.WAITING).fill)
        painter.drawRoundedRect(QRectF(x + 6, y + 5, width, 22), 4, 4)
        self.paint_runs(painter, runs, x, y, Role.FRAME)
        if is_function(scene.items[index].scope):
            self.paint_mark(painter, x + PADDING, y + 21)
        else:
            self.paint_chevron(painter, x + PADDING + 5, y + 16, is_open=True)

    def _paint_large_title(
        self, painter: QPainter, runs: tuple[Run, ...], corner: QPointF, width: float, zoom: float, is_call: bool
    ) -> None:
        """Name and class of an open group, magnified in a title bar that is small on screen."""
        left, room = 21.0, width / zoom - 8.0
        shown: list[Run] = []
        for run in runs:
            text = self.fonts.elide(run.text, run.face, room - left)
            if text:
                shown.append(Run(text, left, (TITLE_BAR / zoom) / 2 + 5.0, run.face, run.colour))
                left += self.fonts.width(text, run.face) + GAP
        painter.save()
        painter.translate(corner)
        painter.scale(zoom, zoom)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.look(0, Role.FRAME, NodeState.WAITING).fill)
        painter.drawRoundedRect(QRectF(4, 2, left - 4, TITLE_BAR / zoom - 4), 2, 2)
        self.paint_runs(painter, shown, 0, 0, Role.FRAME)
        if is_call:
            self.paint_mark(painter, 7, (TITLE_BAR / zoom) / 2 + 5.0)
        else:
            self.paint_chevron(painter, 12, (TITLE_BAR / zoom) / 2, is_open=True)
        painter.restore()

    def paint_body(
        self, painter: QPainter, rect: QRectF, look: BoxLook, *, is_stack: bool, has_shadow: bool = False
    ) -> QRectF:
        """A box, or a stack of them for repeated calls; returns the rectangle of the one in front."""
        if is_stack:
            for behind in (STACK, STACK / 2):
                card = QRectF(rect.x() + behind, rect.y() + STACK - behind, rect.width() - STACK, rect.height() - STACK)
                self.paint_box(painter, card, look, has_shadow=has_shadow)
            rect = rect.adjusted(0, STACK, -STACK, 0)
        self.paint_box(painter, rect, look, has_shadow=has_shadow)
        return rect

    def paint_box(self, painter: QPainter, rect: QRectF, look: BoxLook, *, has_shadow: bool = False) -> None:
        """A rounded box with its outline inside the rectangle, so that another state paints over it exactly.

        Seen from afar the outline is no thinner than on a box at full size: white on nearly white it is all of the box.
        """
        scale = max(abs(painter.worldTransform().m11()), 0.05)
        width = max(look.border_width, LEAST_OUTLINE_PX / scale)
        radius = min(rect.height(), rect.width()) / 2 if look.radius is None else look.radius
        if has_shadow and look.radius is not None:
            # All that can be seen of a shadow right below is a line.
            painter.setPen(QPen(QColor(0, 0, 0, 60 if self.theme.is_dark else 14), 1.0))
            foot = rect.bottom() + 0.5
            painter.drawLine(QPointF(rect.x() + radius, foot), QPointF(rect.right() - radius, foot))
        pen = QPen(look.border, width)
        if look.is_dashed:
            pen.setDashPattern([3, 2.5])
        painter.setPen(pen)
        painter.setBrush(look.fill)
        inner = rect.adjusted(width / 2, width / 2, -width / 2, -width / 2)
        painter.drawRoundedRect(inner, radius - width / 2, radius - width / 2)

    def paint_runs(self, painter: QPainter, runs: Sequence[Run], x: float, y: float, role: Role) -> None:
        """The texts of a box whose corner is at (x, y)."""
        theme = opposite(self.theme) if role is Role.LOSS else self.theme
        for run in runs:
            painter.setFont(self.fonts[run.face])
            painter.setPen(theme.written(run.colour))
            painter.drawText(QPointF(x + run.x, y + run.y), run.text)

    def paint_progress(self, painter: QPainter, rect: QRectF, progress: float, state: NodeState) -> None:
        """A thin bar at the foot of a folded group: the part of its nodes that the backward pass is done with."""
        if state is NodeState.IDLE:
            return
        bar = QRectF(rect.x() + PADDING, rect.bottom() - 10, rect.width() - 2 * PADDING, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mix(self.theme.line, self.theme.edge, 0.25))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        if progress > 0:
            bar.setWidth(max(3.0, bar.width() * min(progress, 1.0)))
            painter.setBrush(self.theme.accent)
            painter.drawRoundedRect(bar, 1.5, 1.5)

    def paint_chevron(self, painter: QPainter, x: float, y: float, is_open: bool) -> None:
        """The mark of a group, around (x, y): to the right when folded, down when open."""
        points = [(-4.0, -2.0), (0.0, 2.0), (4.0, -2.0)] if is_open else [(-2.0, -4.0), (2.0, 0.0), (-2.0, 4.0)]
        pen = QPen(self.theme.muted, 1.75)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in points]))

    def paint_mark(self, painter: QPainter, x: float, y: float) -> None:
        """The mark of a function call, at the beginning of its title."""
        font = QFont(self.fonts[Face.TITLE])
        font.setItalic(True)
        painter.setFont(font)
        painter.setPen(self.theme.data_text)
        painter.drawText(QPointF(x + 1, y), FUNCTION_MARK)

    def _paint_stripe(self, painter: QPainter, rect: QRectF, look: BoxLook, colour: QColor | None) -> None:
        if colour is None:
            return
        radius = rect.height() / 2 if look.radius is None else look.radius
        painter.save()
        painter.setClipRect(QRectF(rect.x(), rect.y(), STRIPE, rect.height()), Qt.ClipOperation.IntersectClip)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(rect, radius, radius)
        painter.restore()
