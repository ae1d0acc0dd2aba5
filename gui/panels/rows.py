"""The building blocks of a panel that describes: sections with a heading, and rows of a name and a number."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, ui_font
from ..widgets.row_list import Row, RowList
from ..widgets.text import set_shown, set_text_color

__all__ = ["MARGIN", "Section", "paragraph", "set_shown", "set_text"]

MARGIN = 4 * UNIT
_LONGEST = 4000
"""Characters of a paragraph that are shown at most."""


def paragraph(text: str, color: QColor, parent: QWidget, *, point_size: float = TEXT_NORMAL_PT) -> QLabel:
    """Selectable text of several lines, never taken as markup."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text[:_LONGEST])
    label.setWordWrap(True)
    label.setFont(ui_font(point_size))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    set_text_color(label, color)
    policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    return label


def set_text(label: QLabel, text: str) -> None:
    """Give a label its text, and hide it where there is none."""
    shown = text[:_LONGEST]
    if label.text() != shown:
        label.setText(shown)
    set_shown(label, bool(text))


class Section(QWidget):
    """A heading with rows below it, set off from what is above by a thin line.

    Rows are gathered between `restart` and `finish`, and only what changed is drawn again.

    Parameters
    ----------
    heading : the section's name.
    """

    node_chosen = Signal(int)
    """A row's link was pressed; carries the node's id."""

    def __init__(self, heading: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme: Theme | None = None
        self._gathered: list[Row] = []
        self._heading = QLabel(heading, self)
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._heading.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        self.setAccessibleName(heading)
        self.list = RowList(self)
        self.list.chosen.connect(self.node_chosen)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(MARGIN, 3 * UNIT, MARGIN, 3 * UNIT)
        self.body.setSpacing(UNIT)
        self.body.addWidget(self._heading)
        self.body.addWidget(self.list)

    @property
    def heading(self) -> str:
        return self._heading.text()

    def restart(self, theme: Theme, heading: str | None = None) -> None:
        """Gather rows anew, and colour the heading."""
        self._gathered = []
        self.theme = theme
        if heading is not None and heading != self._heading.text():
            self._heading.setText(heading)
        set_text_color(self._heading, theme.muted)

    def finish(self, *, is_shown: bool = True) -> None:
        """Show what was gathered, or hide the whole section."""
        if is_shown and self.theme is not None:
            self.list.set_rows(self._gathered, self.theme)
            set_shown(self.list, bool(self._gathered))
        set_shown(self, is_shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.theme is not None:
            painter = QPainter(self)
            painter.fillRect(0, 0, self.width(), 1, self.theme.line)
            painter.end()

    def add_row(
        self,
        name: str,
        value: str,
        color: QColor,
        *,
        node_id: int | None = None,
        exact: str | None = None,
        before: str = "",
        is_words: bool = False,
    ) -> None:
        """A name at the left (a link where `node_id` is given), a number at the right; see `Row`."""
        self._gathered.append(Row(name, value, color, node_id, exact, before, is_words))

    def add_text(self, text: str, color: QColor | None = None) -> None:
        """A paragraph below the rows so far."""
        self._gathered.append(Row(text[:_LONGEST], None, color))

    def texts(self) -> list[str]:
        """Everything the section says below its heading, from the top."""
        return self.list.texts()
