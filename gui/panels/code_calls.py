"""The chain of calls around an operation, as links on one line; what does not fit is left out in the middle."""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy, QWidget

from engine.graph.model import Source

from ..style import TEXT_SMALL_PT
from ..theme import Theme, ui_font
from ..widgets.text import LinkButton, set_shown, set_text_color
from .naming import file_name

_ARROW = " › "


def call_text(source: Source) -> str:
    """ "Block.forward:71"; the file's name for what runs at its top."""
    function = source.function.rpartition("<locals>.")[2]
    return f"{file_name(source.file) if function == '<module>' else function}:{source.line}"


class CallChain(QWidget):
    """Links from the outermost call to the innermost one, each to its line.

    Parameters
    ----------
    theme : the colours at first; `set_theme` changes them.
    """

    call_chosen = Signal(str, int)
    """Show this line of this file."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._calls: tuple[Source, ...] = ()
        self._known: list[bool] = []
        self._module = ""
        self._links: list[LinkButton] = []
        self._arrows: list[QLabel] = []
        self._hidden: list[int] = []
        self.setFont(ui_font(TEXT_SMALL_PT))
        self.setAccessibleName("Calls around this operation")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._add_link()
        self.more = LinkButton("…", theme.text, self, font=self.font())
        self.more.setAccessibleName("More calls")
        self.more.clicked.connect(self._on_more_clicked)
        self.menu = QMenu(self)
        self._place()

    @property
    def whole_text(self) -> str:
        """The whole chain, whether there is room for it or not."""
        return _ARROW.join(map(call_text, self._calls))

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        texts = [link.whole_text for link in self._links[: len(self._calls)]]
        if self._hidden:
            texts[self._hidden[0] : self._hidden[-1] + 1] = [self.more.whole_text]
        return _ARROW.join(texts)

    @property
    def links(self) -> list[LinkButton]:
        """One for each call, the outermost first; some may be hidden."""
        return list(self._links[: len(self._calls)])

    def set_calls(self, stack: Sequence[Source], known: Container[str], module: str = "") -> None:
        """Show a stack, innermost first; only files in `known` can be shown. `module` is where the innermost runs."""
        calls, is_known = tuple(stack)[::-1], [call.file in known for call in stack][::-1]
        if (calls, is_known, module) == (self._calls, self._known, self._module):
            return
        self._calls, self._known, self._module = calls, is_known, module
        while len(self._links) < len(self._calls):
            self._add_link()
        for index, call in enumerate(self._calls):
            link = self._links[index]
            link.set_text(call_text(call))
            where = f"{call.file}, line {call.line}"
            if module and index == len(self._calls) - 1:
                where += f"\nin {module}"
            link.set_hint(where if self._known[index] else f"{where}\nThe text of this file is not in the trace.")
            link.setEnabled(self._known[index])
        self._color()
        self._place()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._color()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self.whole_text) + 4, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        """Before, the font was not yet the one that is drawn."""
        super().showEvent(event)
        self._place()

    def _add_link(self) -> None:
        index = len(self._links)
        link = LinkButton("", self._theme.text, self, font=self.font())
        link.clicked.connect(partial(self._on_link_clicked, index))
        arrow = QLabel(_ARROW.strip(), self)
        arrow.setFont(self.font())
        arrow.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._links.append(link)
        self._arrows.append(arrow)

    def _color(self) -> None:
        for index, link in enumerate(self._links):
            is_known = index < len(self._known) and self._known[index]
            link.set_color(self._theme.text if is_known else self._theme.muted)
        self.more.set_color(self._theme.text)
        for arrow in self._arrows:
            set_text_color(arrow, self._theme.muted)

    def _chosen(self, widths: list[int], arrow: int) -> list[int]:
        """The calls to show: the innermost, then the outermost, then from the inside outwards, as far as they fit."""
        count = len(widths)
        if sum(widths) + arrow * (count - 1) <= self.width():
            return list(range(count))
        more = self.more.sizeHint().width() + arrow
        shown: list[int] = []
        used = more
        for index in [count - 1, 0, *range(count - 2, 0, -1)]:
            used += widths[index] + (arrow if shown else 0)
            if shown and used > self.width():
                if index:
                    break
                used -= widths[index] + arrow  # no room for the outermost; those nearer may be shorter
                continue
            shown.append(index)
        return sorted(shown)

    def _place(self) -> None:
        for link in (*self._links[: len(self._calls)], self.more):
            link.ensurePolished()  # else it is measured with another font than it is drawn with, the first time
        metrics = QFontMetrics(self.font())
        step, height = metrics.horizontalAdvance(_ARROW), metrics.height() + 2
        widths = [link.sizeHint().width() for link in self._links[: len(self._calls)]]
        shown = self._chosen(widths, step)
        self._hidden = [index for index in range(len(widths)) if index not in shown]
        # Everything that is seen, from left to right: the links, and the dots where the first hidden one would be.
        order = sorted([*shown, *self._hidden[:1]])
        left = 0
        for place, index in enumerate(order):
            widget = self.more if index in self._hidden[:1] else self._links[index]
            if place:
                self._arrows[place].setGeometry(left - 1, 0, step, height)  # a link ends in a little room of its own
                left += step
            width = min(widget.sizeHint().width(), max(self.width() - left, 24))
            widget.setGeometry(left, 0, width, height)
            left += width
        for index, link in enumerate(self._links):
            set_shown(link, index in shown)
        for place, arrow in enumerate(self._arrows):
            set_shown(arrow, 0 < place < len(order))
        set_shown(self.more, bool(self._hidden))
        names = [call_text(self._calls[index]) for index in self._hidden]
        self.more.set_hint("\n".join(names))

    def _on_link_clicked(self, index: int) -> None:
        if index < len(self._calls) and self._known[index]:
            self.call_chosen.emit(self._calls[index].file, self._calls[index].line)

    def _on_more_clicked(self) -> None:
        """List the calls that have no room, the outermost first."""
        self.menu.clear()
        for index in self._hidden:
            action = QAction(call_text(self._calls[index]).replace("&", "&&"), self.menu)
            action.setToolTip(self._links[index].toolTip())
            action.setEnabled(self._known[index])
            action.triggered.connect(partial(self._on_link_clicked, index))
            self.menu.addAction(action)
        self.menu.setToolTipsVisible(True)
        self.menu.popup(self.more.mapToGlobal(self.more.rect().topLeft()))
