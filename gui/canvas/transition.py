"""Shows where boxes went when something was folded, unfolded or moved: old picture, moving boxes, new picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEasingCurve, QObject, QRectF, QVariantAnimation, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from engine.graph.stepper import NodeState

from . import motion, moving
from .camera import Camera
from .cards import CardPainter
from .look import Role
from .painter import Moment
from .scene import Scene

Floats = npt.NDArray[np.float64]
DURATION_MS = 180
MOST_BOXES = 500
"""With more boxes in view than this the new picture comes at once."""
OLD_UNTIL, NEW_FROM = 0.45, 0.4
"""While the old picture fades, and from when on the new one appears."""


@dataclass(frozen=True)
class _Journey:
    """Items of one scene with their boxes before and after, in pixels of the widget; outer ones first."""

    items: list[int]
    before: Floats
    after: Floats


class Transition(QObject):
    """One change of the drawing at a time; a new one replaces the last."""

    changed = Signal()
    """Paint again."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._old_picture = QImage()
        self._journey: _Journey | None = None
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(DURATION_MS)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.valueChanged.connect(self._on_animation_value_changed)

    @property
    def is_running(self) -> bool:
        return self._journey is not None and self._animation.state() is QVariantAnimation.State.Running

    def stop(self) -> None:
        """Show the end at once."""
        self._animation.stop()
        self._journey = None
        self._old_picture = QImage()

    def begin(self, old: Scene, old_camera: Camera, picture: QImage, new: Scene, camera: Camera) -> None:
        """Let the boxes of the old scene travel to where they are in the new one."""
        self.stop()
        if old.trace is not new.trace or picture.isNull() or not motion.is_wanted(self._widget):
            return
        journey = _journey(old, old_camera, new, camera, QRectF(self._widget.rect()))
        if journey is not None:
            self._journey, self._old_picture = journey, picture
            self._animation.start()

    def paint(self, painter: QPainter, cards: CardPainter, now: Moment, picture: QImage) -> None:
        """Paint the present moment of the change; `picture` is how the new scene looks."""
        if self._journey is None:
            return
        progress = float(self._animation.currentValue() or 0.0)
        painter.fillRect(self._widget.rect(), cards.theme.background)
        if progress < OLD_UNTIL:
            painter.setOpacity(1.0 - progress / OLD_UNTIL)
            painter.drawImage(0, 0, self._old_picture)
        painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        journey = self._journey
        rects = journey.before + (journey.after - journey.before) * progress
        rects[:, 2:] -= rects[:, :2]
        for item, (x, y, width, height) in zip(journey.items, rects.tolist(), strict=True):
            role, state = Role(int(now.scene.roles[item])), NodeState(int(now.states.state[item]))
            painter.setOpacity(min(1.0, 0.35 + progress))
            cards.paint_box(painter, QRectF(x, y, max(width, 2.0), max(height, 2.0)), cards.look(item, role, state))
        if progress > NEW_FROM:
            painter.setOpacity((progress - NEW_FROM) / (1.0 - NEW_FROM))
            painter.drawImage(0, 0, picture)
        painter.setOpacity(1.0)

    def _on_animation_value_changed(self, _value: float) -> None:
        self.changed.emit()


def _journey(old: Scene, old_camera: Camera, new: Scene, camera: Camera, view: QRectF) -> _Journey | None:
    """Where every item in view comes from: its own box before, or the folded one that hid it."""
    if len(new) > 20 * MOST_BOXES:
        return None
    place_of = {key: index for index, key in enumerate(moving.keys_of(old.drawing))}
    sources = []
    for item, key in zip(new.items, moving.keys_of(new.drawing), strict=True):
        found = place_of.get(key)
        if found is None and item.node is not None:
            found = old.item_of(item.node)
        for depth in range(len(item.scope), 0, -1):
            found = old.item_of_scope(item.scope[:depth]) if found is None else found
        sources.append(-1 if found is None else found)
    source = np.array(sources, dtype=np.int64)
    after = _on_screen(new.rects, camera)
    before = np.where((source >= 0)[:, None], _on_screen(old.rects, old_camera)[source], after)
    x, y, right, bottom = view.left(), view.top(), view.right(), view.bottom()
    is_seen = np.zeros(len(new), dtype=bool)
    for rects in (before, after):
        is_seen |= (rects[:, 0] < right) & (rects[:, 2] > x) & (rects[:, 1] < bottom) & (rects[:, 3] > y)
    items = np.flatnonzero(is_seen)
    if not len(items) or len(items) > MOST_BOXES:
        return None
    items = np.concatenate([items[new.roles[items] == Role.FRAME], items[new.roles[items] != Role.FRAME]])
    return _Journey(items.tolist(), before[items], after[items])


def _on_screen(rects: Floats, camera: Camera) -> Floats:
    placed: Floats = rects * camera.scale + np.array([camera.dx, camera.dy, camera.dx, camera.dy])
    return placed
