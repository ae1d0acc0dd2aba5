"""A heat map that is a window onto a larger matrix: it asks to be moved and zoomed, by mouse, wheel and keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from .heat_view import HeatView

_WHEEL_STEP = 120
_KEY_PAN = 0.25
_PANS = {
    Qt.Key.Key_Left: (-_KEY_PAN, 0.0),
    Qt.Key.Key_Right: (_KEY_PAN, 0.0),
    Qt.Key.Key_Up: (0.0, -_KEY_PAN),
    Qt.Key.Key_Down: (0.0, _KEY_PAN),
}


class ZoomHeat(HeatView):
    """Says what the user wants to see; who listens shows it."""

    zoom_requested = Signal(int, float, float)
    """Steps (above zero: nearer), and the place that stays, as fractions of width and height."""
    pan_requested = Signal(float, float)
    """By which fractions of the width and the height what is shown moves."""
    whole_requested = Signal()

    _pressed: QPointF | None = None
    _is_dragged = False

    def _fraction(self, position: QPointF) -> tuple[float, float]:
        return (
            min(max(position.x() / max(self.width(), 1), 0.0), 1.0),
            min(max(position.y() / max(self.height(), 1), 0.0), 1.0),
        )

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl it zooms; without, the panel scrolls."""
        steps = round(event.angleDelta().y() / _WHEEL_STEP)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and steps:
            self.zoom_requested.emit(steps, *self._fraction(event.position()))
            event.accept()
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.zoom_requested.emit(1, *self._fraction(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._is_dragged = event.position(), False
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        before, now = self._pressed, event.position()
        if before is None or not event.buttons() & Qt.MouseButton.LeftButton:
            super().mouseMoveEvent(event)
            return
        moved = now - before
        if self._is_dragged or moved.manhattanLength() >= QApplication.startDragDistance():
            self._is_dragged, self._pressed = True, now
            self.pan_requested.emit(-moved.x() / max(self.width(), 1), -moved.y() / max(self.height(), 1))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """+ and − zoom, 0 shows everything, Shift and an arrow move; an arrow alone goes from cell to cell."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_requested.emit(1, *self._middle())
        elif key == Qt.Key.Key_Minus:
            self.zoom_requested.emit(-1, *self._middle())
        elif key == Qt.Key.Key_0:
            self.whole_requested.emit()
        elif key in _PANS and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan_requested.emit(*_PANS[key])
        else:
            super().keyPressEvent(event)

    def _middle(self) -> tuple[float, float]:
        """The cell that the arrow keys are on, else the middle."""
        if self.cell is None:
            return 0.5, 0.5
        rows, columns = self.matrix_shape
        return (self.cell[1] + 0.5) / columns, (self.cell[0] + 0.5) / rows
