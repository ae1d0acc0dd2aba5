"""The building blocks of a panel that describes: sections with a heading, and rows of a name and a number."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QSizePolicy, QVBoxLayout, QWidget

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from ..widgets.text import ElidedLabel, LinkButton, set_text_color

MARGIN = 4 * UNIT
_LONGEST = 4000
"""Characters of a paragraph that are shown at most."""


def clear(layout: QLayout) -> None:
    """Take everything out of a layout and delete it, nested layouts too."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            clear(inner)
            inner.deleteLater()


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


class NodeLink(LinkButton):
    """A link to a node of the graph."""

    chosen = Signal(int)

    def __init__(self, text: str, node_id: int, color: QColor, parent: QWidget) -> None:
        super().__init__(text, color, parent, font=ui_font(TEXT_NORMAL_PT))
        self.node_id = node_id
        self.clicked.connect(self._on_self_clicked)

    def _on_self_clicked(self) -> None:
        self.chosen.emit(self.node_id)


class Section(QWidget):
    """A heading with rows below it, set off from what is above by a thin line.

    Parameters
    ----------
    heading : the section's name.
    """

    node_chosen = Signal(int)
    """A row's link was pressed; carries the node's id."""

    def __init__(self, heading: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme: Theme | None = None
        self._heading = QLabel(heading, self)
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._heading.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        self.setAccessibleName(heading)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(MARGIN, 3 * UNIT, MARGIN, 3 * UNIT)
        self._layout.setSpacing(UNIT)
        self._layout.addWidget(self._heading)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(UNIT)
        self._layout.addLayout(self.body)

    @property
    def heading(self) -> str:
        return self._heading.text()

    def restart(self, theme: Theme, heading: str | None = None) -> None:
        """Empty the section and colour its heading."""
        clear(self.body)
        self.theme = theme
        if heading is not None:
            self._heading.setText(heading)
        set_text_color(self._heading, theme.muted)

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
        """A name at the left (a link where `node_id` is given), a number at the right.

        Parameters
        ----------
        exact : what the number's tooltip says and "Copy" copies.
        before : a short word in front of a link's name.
        is_words : whether `value` is not a number but words.
        """
        theme = self._known_theme()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT)
        if before:
            word = ElidedLabel(before, self, font=ui_font(TEXT_NORMAL_PT), color=theme.muted)
            word.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            row.addWidget(word)
        if node_id is None:
            row.addWidget(ElidedLabel(name, self, font=ui_font(TEXT_NORMAL_PT), color=theme.text), 1)
        else:
            link = NodeLink(name, node_id, theme.data, self)
            link.chosen.connect(self.node_chosen)
            row.addWidget(link)
            row.addStretch(1)
        font = ui_font(TEXT_SMALL_PT) if is_words else mono_font(TEXT_NORMAL_PT)
        number = ElidedLabel("", self, font=font, color=color)
        number.set_text(value, exact)
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        number.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        row.addWidget(number)
        self.body.addLayout(row)

    def add_text(self, text: str, color: QColor | None = None, *, point_size: float = TEXT_NORMAL_PT) -> QLabel:
        """A paragraph below the rows so far."""
        label = paragraph(text, color or self._known_theme().muted, self, point_size=point_size)
        self.body.addWidget(label)
        return label

    def add_html(self, html: str) -> QLabel:
        """Lines of a formula in a fixed-width face; whoever makes `html` has escaped what comes from outside."""
        label = paragraph("", self._known_theme().text, self, point_size=TEXT_SMALL_PT)
        label.setFont(mono_font(TEXT_SMALL_PT))
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setText(html)
        self.body.addWidget(label)
        return label

    def texts(self) -> list[str]:
        """Everything the section says below its heading, from the top."""
        return _texts(self.body)

    def _known_theme(self) -> Theme:
        if self.theme is None:
            raise RuntimeError("A section must be restarted with a theme before anything is added to it.")
        return self.theme


def _texts(layout: QLayout) -> list[str]:
    found: list[str] = []
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if isinstance(widget, (ElidedLabel, LinkButton)):
            found.append(widget.whole_text)
        elif isinstance(widget, QLabel):
            found.append(widget.text())
        elif inner is not None:
            found.extend(_texts(inner))
    return found
