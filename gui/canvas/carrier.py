"""Carries boxes to other places: by drag and drop or by keys, each change one step to undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import moving
from .content import Content
from .detail import Detail, detail_at
from .moving import Key, Offsets, PositionChange
from .spotlight import short_name
from .stage import Carry, Stage
from .wording import own_name

if TYPE_CHECKING:
    from .widget import GraphCanvas


class Carrier:
    """Moves the items of one canvas; the positions belong to its trace."""

    def __init__(self, canvas: GraphCanvas, content: Content, stage: Stage) -> None:
        self._canvas = canvas
        self._content = content
        self._stage = stage

    @property
    def has_moved(self) -> bool:
        """Whether any box is somewhere else than the layout put it."""
        return bool(self._content.offsets)

    @property
    def is_carrying(self) -> bool:
        """Whether a box is being dragged."""
        return self._stage.carry is not None

    def can_carry(self, item: int) -> bool:
        """Whether a drag that begins on an item moves it: a box, or a title bar, that is large enough to be meant."""
        scene = self._canvas.scene
        if scene is None:
            return False
        return detail_at(scene.box_height * self._canvas.camera.scale) >= Detail.NAMES

    def carry(self, item: int, dx: float, dy: float) -> None:
        """Show an item so many pixels away from its place."""
        scene, scale = self._canvas.scene, self._canvas.camera.scale
        if scene is not None:
            shift = self._bounded(item, (dx / scale, dy / scale))
            self._stage.set_carry(scene, Carry(item, shift))
            self._canvas.update()

    def put_back(self) -> None:
        """Give up the drag."""
        if self._canvas.scene is not None:
            self._stage.set_carry(self._canvas.scene, None)
            self._canvas.update()

    def drop(self) -> None:
        """Leave the item where it was dragged to."""
        carried = self._stage.carry
        self.put_back()
        if carried is not None and carried.shift != (0.0, 0.0):
            self._move(carried.item, carried.shift, is_nudge=False)

    def nudge(self, dx: float, dy: float) -> None:
        """Move the picked box by scene units."""
        item, scene = self._canvas.picked_item, self._canvas.scene
        if scene is not None and item is not None:
            shift = self._bounded(item, (dx, dy))
            if shift != (0.0, 0.0):
                self._move(item, shift, is_nudge=True)

    def reset(self) -> None:
        """Put every box back to where the layout placed it."""
        if self.has_moved:
            self._push("Reset positions", {}, None)

    def _bounded(self, item: int, shift: moving.Offset) -> moving.Offset:
        scene = self._canvas.scene
        if scene is None:
            return shift
        parent = scene.items[item].parent
        frame = scene.rect_of(parent) if parent >= 0 and scene.drawing.method == "layered" else None
        return moving.bounded(scene.rect_of(item), frame, shift)

    def _move(self, item: int, shift: moving.Offset, *, is_nudge: bool) -> None:
        scene = self._canvas.scene
        if scene is None:
            return
        key = moving.keys_of(scene.drawing)[item]
        shown = scene.items[item]
        name = own_name(shown.scope)[:40] if shown.node is None else short_name(scene.trace.graph.nodes[shown.node])
        x, y = self._content.offsets.get(key, (0.0, 0.0))
        after = {**self._content.offsets, key: (x + shift[0], y + shift[1])}
        self._push(f"Move {name}", after, key if is_nudge else None)

    def _push(self, text: str, after: Offsets, nudged: Key | None) -> None:
        change = PositionChange(text, self._content.offsets, after, self._content.set_offsets, nudged)
        self._canvas.document.undo_stack.push(change)
