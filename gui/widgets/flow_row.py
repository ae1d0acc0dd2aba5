"""Widgets side by side, on as many lines as they need: links beside each other are never cut for want of room."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from .height_by_width import HeightByWidth

_COMES_OR_GOES = frozenset({QEvent.Type.ShowToParent, QEvent.Type.HideToParent})


class FlowRow(HeightByWidth):
    """Add widgets with `add`; those that are hidden take no room, and where all are the row has no height.

    Parameters
    ----------
    spacing : pixels between two widgets; lines stand `leading` apart.
    """

    def __init__(self, parent: QWidget | None = None, *, spacing: int, leading: int = 2) -> None:
        super().__init__(parent)
        self._spacing, self._leading = spacing, leading
        self.widgets: list[QWidget] = []
        self._height = -1

    def add(self, widget: QWidget) -> None:
        """Show a widget behind the others."""
        widget.setParent(self)
        widget.setVisible(True)
        widget.installEventFilter(self)
        self.widgets.append(widget)
        self._arrange()

    def _lines(self, width: int) -> list[list[QWidget]]:
        lines: list[list[QWidget]] = []
        left = 0
        for widget in self.widgets:
            if widget.isHidden():
                continue
            needed = widget.sizeHint().width()
            if not lines or left + needed > width:
                lines.append([])
                left = 0
            lines[-1].append(widget)
            left += needed + self._spacing
        return lines

    def heightForWidth(self, width: int) -> int:
        heights = [max(widget.sizeHint().height() for widget in line) for line in self._lines(width)]
        return sum(heights) + self._leading * max(len(heights) - 1, 0)

    def _arrange(self) -> None:
        """Put everything in its place; those around are only asked to move where the height is another one."""
        height = self.heightForWidth(self.width())
        if height != self._height:
            self._height = height
            self.updateGeometry()
        self._place()

    def _place(self) -> None:
        top = 0
        for line in self._lines(self.width()):
            height = max(widget.sizeHint().height() for widget in line)
            left = 0
            for widget in line:
                size = widget.sizeHint()
                width = min(size.width(), self.width())
                widget.setGeometry(left, top + (height - size.height()) // 2, width, size.height())
                left += width + self._spacing
            top += height + self._leading

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # a widget wants another size, is shown or hidden
            self._arrange()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _COMES_OR_GOES:
            self._arrange()
        return False
