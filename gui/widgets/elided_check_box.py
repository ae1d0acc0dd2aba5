"""A check box whose label is elided in the middle where it is too long, and found whole in the tooltip."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QStyle, QStyleOptionButton, QWidget

from .text import plain, tooltip


class ElidedCheckBox(QCheckBox):
    """Takes any width.

    Parameters
    ----------
    text : the label, never taken as markup or as a shortcut.
    hint : what the tooltip says, below the whole label where that is cut.
    """

    def __init__(self, text: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole, self._hint = plain(text), hint
        self.setAccessibleName(self._whole)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._elide()

    @property
    def whole_text(self) -> str:
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(room, 16))
        self.setText(shown.replace("&", "&&"))
        self.setToolTip(tooltip(self._hint if shown == self._whole else f"{self._whole}\n{self._hint}"))
