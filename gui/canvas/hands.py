"""Mouse, wheel, trackpad and keys of the canvas, turned into calls of its public interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent, QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QPinchGesture, QToolTip

from . import hit_test, steps, tooltip
from .group_labels import PADDING, TITLE_BAR
from .look import CALLS

if TYPE_CHECKING:
    from .widget import GraphCanvas

WHEEL_STEP = 1.0015
"""Zoom per unit of a wheel's angle: a notch of 120 units zooms by a fifth."""
KEY_ZOOM = 1.25
NUDGE = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
NUDGES = {
    Qt.Key.Key_Left: (-16.0, 0.0),
    Qt.Key.Key_Right: (16.0, 0.0),
    Qt.Key.Key_Up: (0.0, -16.0),
    Qt.Key.Key_Down: (0.0, 16.0),
}
"""How far a key moves the picked box, in scene units."""


class Hands:
    """What the user's hands are doing: pressing, dragging the view or the minimap's frame, pointing."""

    def __init__(self, canvas: GraphCanvas) -> None:
        self._canvas = canvas
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._is_dragging = False
        self._is_on_map = False
        self._grabbed: int | None = None
        self.hovered: int | None = None

    def reset(self) -> None:
        """The items are others now."""
        self.hovered = self._grabbed = None

    def picked(self) -> int | None:
        """The item that keys act on."""
        return self._canvas.picked_item

    # ----- mouse

    def press(self, event: QMouseEvent) -> None:
        self._pressed = self._last = event.position()
        self._is_dragging = False
        self._grabbed = None
        travel = self._canvas.travel
        if event.button() is Qt.MouseButton.LeftButton and (
            travel.go_by_breadcrumbs(event.position()) or self._canvas.chrome.click(event.position())
        ):
            self._pressed = None
            return
        self._is_on_map = event.button() is Qt.MouseButton.LeftButton and self._canvas.go_by_minimap(event.position())

    def move(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._pressed is None:
            self._hover(position)
            return
        if self._is_on_map:
            self._canvas.go_by_minimap(position, is_drag=True)
            return
        distance = (position - self._pressed).manhattanLength()
        if not self._is_dragging and distance >= QGuiApplication.styleHints().startDragDistance():
            self._is_dragging = True
            self._canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
            item = self.item_at(self._pressed) if event.buttons() & Qt.MouseButton.LeftButton else None
            self._grabbed = item if item is not None and self._canvas.carrier.can_carry(item) else None
        if self._grabbed is not None:
            step = position - self._pressed
            self._canvas.carrier.carry(self._grabbed, step.x(), step.y())
        elif self._is_dragging:
            step = position - self._last
            self._last = position
            self._canvas.pan_by(step.x(), step.y())

    def release(self, event: QMouseEvent) -> None:
        was_click = self._pressed is not None and not self._is_dragging and not self._is_on_map
        self._pressed = None
        self._is_on_map = False
        if self._is_dragging:
            self._is_dragging = False
            self._canvas.unsetCursor()
        if self._grabbed is not None:
            self._grabbed = None
            self._canvas.carrier.drop()
        if was_click and event.button() is Qt.MouseButton.LeftButton:
            self._click(event.position())

    def double_click(self, event: QMouseEvent) -> None:
        crumb = self._canvas.travel.crumb_at(event.position())
        if crumb:
            self._canvas.toggle(crumb)
            return
        item = self.item_at(event.position())
        scene = self._canvas.scene
        if scene is None or item is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        if scene.roles[item] in CALLS:
            self._canvas.toggle(scene.items[item].scope)

    def let_go(self) -> None:
        """Give up what is being dragged: it returns to its place."""
        self._grabbed = self._pressed = None
        if self._is_dragging:
            self._is_dragging = False
            self._canvas.unsetCursor()
        self._canvas.carrier.put_back()

    def leave(self) -> None:
        self._set_hovered(None)

    def item_at(self, position: QPointF) -> int | None:
        """The item at a position of the widget; an open group's ground does not count."""
        scene, canvas = self._canvas.scene, self._canvas
        if scene is None or canvas.chrome.covers(position):
            return None
        return hit_test.box_at(scene, *self._canvas.camera.to_scene(position.x(), position.y()))

    def _click(self, position: QPointF) -> None:
        canvas, scene = self._canvas, self._canvas.scene
        item = self.item_at(position)
        if scene is None or item is None:
            link = canvas.edges.link_at(position)
            if link is None:
                canvas.pick(None)
            else:
                canvas.edges.pick_link(link)
            return
        if scene.roles[item] in CALLS and self._is_on_chevron(item, position):
            canvas.toggle(scene.items[item].scope)
            return
        canvas.pick(item)

    def _is_on_chevron(self, item: int, position: QPointF) -> bool:
        canvas, scene = self._canvas, self._canvas.scene
        if scene is None:
            return False
        x, y = canvas.camera.to_scene(position.x(), position.y())
        return bool(x <= scene.rects[item, 0] + PADDING + 14 and y <= scene.rects[item, 1] + TITLE_BAR)

    def _hover(self, position: QPointF) -> None:
        self._set_hovered(self.item_at(position))
        is_crumb = self._canvas.travel.crumb_at(position) is not None
        if is_crumb != self._is_on_crumb:
            self._is_on_crumb = is_crumb
            if is_crumb:
                self._canvas.setCursor(Qt.CursorShape.PointingHandCursor)
            else:
                self._canvas.unsetCursor()

    _is_on_crumb = False

    def _set_hovered(self, item: int | None) -> None:
        if item != self.hovered:
            self.hovered = item
            self._canvas.update()

    # ----- wheel and trackpad

    def wheel(self, event: QWheelEvent) -> None:
        pixels, angle = event.pixelDelta(), event.angleDelta()
        position, modifiers = event.position(), event.modifiers()
        is_trackpad = not pixels.isNull() and event.phase() is not Qt.ScrollPhase.NoScrollPhase
        if is_trackpad and not modifiers & Qt.KeyboardModifier.ControlModifier:
            self._canvas.pan_by(pixels.x(), pixels.y())
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._canvas.pan_by((angle.x() or angle.y()) / 2, 0)
        else:
            self._canvas.zoom_at(WHEEL_STEP ** (angle.y() or angle.x()), position)
        event.accept()

    def gesture(self, event: QNativeGestureEvent) -> bool:
        """A pinch zooms, a smart zoom fits; returns whether the gesture was understood."""
        kind = event.gestureType()
        if kind is Qt.NativeGestureType.ZoomNativeGesture:
            self._canvas.zoom_at(max(0.2, 1.0 + event.value()), event.position())
        elif kind is Qt.NativeGestureType.SmartZoomNativeGesture:
            self._canvas.fit()
        else:
            return kind in {Qt.NativeGestureType.BeginNativeGesture, Qt.NativeGestureType.EndNativeGesture}
        return True

    def pinch(self, gesture: QPinchGesture) -> None:
        """Two fingers on a touch screen: zoom about the point between them, which may wander."""
        canvas = self._canvas
        self._pressed = None  # what the first finger began is no drag
        now, before = (QPointF(canvas.mapFromGlobal(p)) for p in (gesture.centerPoint(), gesture.lastCenterPoint()))
        canvas.pan_by(now.x() - before.x(), now.y() - before.y())
        canvas.zoom_at(min(max(gesture.scaleFactor(), 0.2), 5.0), now)

    # ----- keys

    def key(self, event: QKeyEvent) -> bool:
        """Returns whether the key meant something here."""
        canvas, key = self._canvas, event.key()
        is_shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() == NUDGE and key in NUDGES:
            canvas.carrier.nudge(*NUDGES[Qt.Key(key)])
            return True
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return False
        if key in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self._walk(is_up=key == Qt.Key.Key_Up)
        elif key in {Qt.Key.Key_Left, Qt.Key.Key_Right} and is_shifted:
            self._walk_beside(is_left=key == Qt.Key.Key_Left)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if not canvas.edges.cross():
                canvas.folding.toggle_picked()
        elif key == Qt.Key.Key_Backspace:
            canvas.travel.pick_around()
        elif key == Qt.Key.Key_F:
            canvas.fit()
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            canvas.zoom_by(KEY_ZOOM)
        elif key == Qt.Key.Key_Minus:
            canvas.zoom_by(1 / KEY_ZOOM)
        elif key == Qt.Key.Key_0:
            canvas.zoom_by(1 / canvas.camera.scale)
        elif key == Qt.Key.Key_Escape:
            canvas.escape()
        else:
            return False
        return True

    def _walk(self, *, is_up: bool) -> None:
        scene, item = self._canvas.scene, self._canvas.picked_item
        if scene is not None and item is not None:
            self._go(steps.along(scene, item, is_up=is_up))

    def _walk_beside(self, *, is_left: bool) -> None:
        scene, item = self._canvas.scene, self._canvas.picked_item
        if scene is not None and item is not None:
            self._go(steps.beside(scene, item, is_left=is_left))

    def _go(self, item: int | None) -> None:
        if item is not None:
            self._canvas.pick(item)
            self._canvas.reveal(item)

    # ----- tooltip

    def tip(self, event: QHelpEvent) -> None:
        """Show what lies under the pointer, or hide the last tip."""
        text, position = self.tip_text(QPointF(event.pos())), event.globalPos()
        if text:
            QToolTip.showText(position, text, self._canvas)
        else:
            QToolTip.hideText()

    def tip_text(self, position: QPointF) -> str:
        """The tooltip for a position of the widget; empty where there is nothing to say."""
        canvas, scene = self._canvas, self._canvas.scene
        item = self.item_at(position)
        if scene is None or canvas.labels is None:
            return ""
        if canvas.travel.is_on_breadcrumbs(position):
            is_crumb = canvas.travel.crumb_at(position) is not None
            return "Click to go there, double click to fold it" if is_crumb else ""
        if item is not None:
            return tooltip.item_text(scene, canvas.labels, item)
        link = canvas.edges.link_at(position)
        return "" if link is None else tooltip.link_text(scene, link)

    def menu_at(self, position: QPointF | None) -> QMenu:
        """The context menu at a position of the widget; without one, for what is picked."""
        canvas = self._canvas
        if position is None:
            return canvas.edges.menu_for_picked() or canvas.menu_for(self.picked())
        item = self.item_at(position)
        link = canvas.edges.link_at(position) if item is None else None
        return canvas.menu_for(item) if link is None else canvas.edges.menu_for(link)
