"""A scrolling column of widgets that never scrolls sideways and has the surface's colour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from ..theme import Theme


class VerticalArea(QScrollArea):
    """Put widgets into `column`; they get the area's width, whatever they would like to have.

    Parameters
    ----------
    margin, spacing : of the column, in pixels.
    """

    def __init__(self, parent: QWidget | None = None, *, margin: int = 0, spacing: int = 0) -> None:
        super().__init__(parent)
        self._theme: Theme | None = None
        self._content = QWidget()
        self.column = QVBoxLayout(self._content)
        self.column.setContentsMargins(margin, margin, margin, margin)
        self.column.setSpacing(spacing)
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def set_theme(self, theme: Theme) -> None:
        """Take the surface's colour."""
        if theme is self._theme:
            return
        self._theme = theme
        for widget in (self.viewport(), self._content):
            palette = widget.palette()
            palette.setColor(QPalette.ColorRole.Window, theme.surface)
            widget.setPalette(palette)
            widget.setAutoFillBackground(True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change many widgets at once.

        Showing a widget in a visible parent lays out everything around it at once, so the layout is off meanwhile and
        does its work once afterwards.
        """
        self.column.setEnabled(False)
        try:
            yield
        finally:
            self.column.setEnabled(True)
            self.column.invalidate()

    def scroll_to_top(self) -> None:
        self.verticalScrollBar().setValue(0)
