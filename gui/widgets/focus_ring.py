"""Shows where the keyboard is: a line around what was reached by Tab and draws no sign of its own."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QFrame, QLineEdit, QSlider, QTabBar, QWidget

WIDTH_PX = 2
_HAVE_THEIR_OWN = QAbstractButton | QAbstractSpinBox | QComboBox | QLineEdit | QSlider | QTabBar
"""The style sheet draws these otherwise while they have the focus."""
_MOVES = frozenset({QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.ParentChange})


class FocusRing(QObject):
    """Four thin lines over `window`: unlike a sheet over the whole widget they make nothing else paint."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._target: QWidget | None = None
        self._watched: list[QWidget] = []
        self.lines = [QFrame(window) for _ in range(4)]
        for line in self.lines:
            line.setObjectName("focusRing")
            line.hide()

    @property
    def target(self) -> QWidget | None:
        """What the ring is around."""
        return self._target

    def show_around(self, widget: QWidget) -> None:
        """Follow a widget that was reached by the keyboard."""
        self.leave()
        if isinstance(widget, _HAVE_THEIR_OWN):
            return
        self._target = widget
        parent: QWidget | None = widget
        while parent is not None and parent is not self._window:
            parent.installEventFilter(self)
            self._watched.append(parent)
            parent = parent.parentWidget()
        widget.destroyed.connect(self._on_target_destroyed)
        self._place()

    def leave(self) -> None:
        """The focus has gone elsewhere."""
        for widget in self._watched:
            widget.removeEventFilter(self)
        if self._target is not None:
            self._target.destroyed.disconnect(self._on_target_destroyed)
        self._target = None
        self._watched.clear()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._target and event.type() == QEvent.Type.FocusOut:
            self.leave()
        elif event.type() in _MOVES:
            self._place()
        return False

    def _place(self) -> None:
        area = QRect() if self._target is None else _visible(self._target, self._window)
        w = WIDTH_PX
        places = (
            QRect(area.left(), area.top(), area.width(), w),
            QRect(area.left(), area.bottom() - w + 1, area.width(), w),
            QRect(area.left(), area.top(), w, area.height()),
            QRect(area.right() - w + 1, area.top(), w, area.height()),
        )
        for line, place in zip(self.lines, places, strict=True):
            line.setVisible(area.width() > 2 * w and area.height() > 2 * w)
            line.setGeometry(place)
            line.raise_()

    def _on_target_destroyed(self) -> None:
        self._target = None
        self._watched.clear()
        self._place()


def _visible(widget: QWidget, window: QWidget) -> QRect:
    """The part of a widget that its parents let through, in the window's coordinates."""
    area = QRect(QPoint(0, 0), widget.size()) if widget.isVisibleTo(window) else QRect()
    while widget is not window:
        area.translate(widget.pos())
        parent = widget.parentWidget()
        if parent is None:
            return QRect()
        widget = parent
        area = area.intersected(widget.rect())
    return area
