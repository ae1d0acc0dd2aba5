"""Rows of a name and a number, painted by one widget: links to nodes, exact values in tooltips, sentences between."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from .height_by_width import HeightByWidth
from .text import plain, tooltip

_GAP = 2 * UNIT
_LEADING = 3
_WRAP = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


@dataclass(frozen=True)
class Row:
    """One row, or (where `value` is None) a sentence that may take several lines.

    `node_id` makes the name a link; `before` is a short word in front of it. `exact` is what the tooltip says and
    "Copy" copies. `is_words` says that the value is no number but words.
    """

    name: str
    value: str | None = None
    color: QColor | None = None
    node_id: int | None = None
    exact: str | None = None
    before: str = ""
    is_words: bool = False

    @property
    def copied(self) -> str:
        return self.exact or self.value or self.name


class RowList(HeightByWidth):
    """Shows rows; a hundred of them cost one widget. Tab reaches it, Up and Down choose a link, Enter follows it."""

    chosen = Signal(int)
    """A link was followed; carries the node's id."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._theme: Theme | None = None
        self._heights: dict[int, list[int]] = {}
        self._current = -1
        self._hovered = -1
        self._name_font, self._small_font = ui_font(TEXT_NORMAL_PT), ui_font(TEXT_SMALL_PT)
        self._number_font = mono_font(TEXT_NORMAL_PT)
        self.setMouseTracking(True)

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    def set_rows(self, rows: list[Row], theme: Theme) -> None:
        """Show other rows; nothing happens where they are the same."""
        shown = tuple(rows)
        if shown == self._rows and theme is self._theme:
            return
        forms = [row.value is None for row in self._rows] if any(row.value is None for row in self._rows) else []
        is_same_height = not forms and len(shown) == len(self._rows) and all(row.value is not None for row in shown)
        self._rows, self._theme = shown, theme
        self._current = self._hovered = -1
        has_links = any(row.node_id is not None for row in shown)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if has_links else Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("; ".join(_spoken(row) for row in shown[:50]))
        if not is_same_height:
            self._heights.clear()
            self.updateGeometry()
        self.update()

    def texts(self) -> list[str]:
        """Everything that is shown, from the top."""
        found: list[str] = []
        for row in self._rows:
            found += [text for text in (row.before, row.name, row.value) if text]
        return found

    def follow(self, name: str) -> None:
        """Follow the link of this name; raises KeyError where there is none."""
        for row in self._rows:
            if row.name == name and row.node_id is not None:
                self.chosen.emit(row.node_id)
                return
        raise KeyError(name)

    # --- geometry ---

    def _row_height(self) -> int:
        return QFontMetrics(self._name_font).height() + _LEADING

    def _measured(self, width: int) -> list[int]:
        if width not in self._heights:
            if len(self._heights) > 8:
                self._heights.clear()
            one, metrics = self._row_height(), QFontMetrics(self._name_font)
            self._heights[width] = [
                one
                if row.value is not None
                else metrics.boundingRect(QRect(0, 0, width, 10_000), int(_WRAP), row.name).height() + _LEADING
                for row in self._rows
            ]
        return self._heights[width]

    def heightForWidth(self, width: int) -> int:
        return sum(self._measured(max(width, 1)))

    def row_at(self, position: QPoint) -> int:
        """Number of the row at a point; -1 below the last."""
        bottom = 0
        for number, height in enumerate(self._measured(max(self.width(), 1))):
            bottom += height
            if 0 <= position.y() < bottom:
                return number
        return -1

    def link_rect(self, number: int) -> QRect:
        """Where a row's link can be pressed; empty where it has none."""
        row = self._rows[number]
        heights = self._measured(max(self.width(), 1))
        if row.node_id is None:
            return QRect()
        left, width, _ = self._columns(row)
        return QRect(left, sum(heights[:number]), width, heights[number])

    def _columns(self, row: Row) -> tuple[int, int, int]:
        """Left edge and width of the name as far as it is written, and the width of the value."""
        value_font = self._small_font if row.is_words else self._number_font
        value = QFontMetrics(value_font).horizontalAdvance(row.value or "")
        value = min(value, max(self.width() - 48, 24))
        metrics = QFontMetrics(self._name_font)
        before = metrics.horizontalAdvance(plain(row.before)) + _GAP if row.before else 0
        room = max(self.width() - before - value - _GAP, 24)
        return before, min(metrics.horizontalAdvance(plain(row.name)) + 2, room), value

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is None:
            return
        painter = QPainter(self)
        top = 0
        for number, (row, height) in enumerate(zip(self._rows, self._measured(max(self.width(), 1)), strict=True)):
            if top + height >= event.rect().top() and top <= event.rect().bottom():
                if row.value is None:
                    painter.setFont(self._name_font)
                    painter.setPen(row.color or self._theme.muted)
                    painter.drawText(QRect(0, top, self.width(), height), int(_WRAP), row.name)
                else:
                    self._draw_row(painter, row, QRect(0, top, self.width(), height), number, self._theme)
            top += height
        painter.end()

    def _draw_row(self, painter: QPainter, row: Row, area: QRect, number: int, theme: Theme) -> None:
        left, name_width, value_width = self._columns(row)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(self._name_font)
        if row.before:
            painter.setPen(theme.muted)
            painter.drawText(area, int(middle | Qt.AlignmentFlag.AlignLeft), plain(row.before))
        is_link = row.node_id is not None
        font = QFont(self._name_font)
        font.setUnderline(is_link and number in (self._hovered, self._current if self.hasFocus() else -1))
        painter.setFont(font)
        painter.setPen(theme.data_text if is_link else theme.text)
        name = QFontMetrics(font).elidedText(plain(row.name), Qt.TextElideMode.ElideRight, name_width)
        painter.drawText(
            QRect(left, area.top(), name_width, area.height()), int(middle | Qt.AlignmentFlag.AlignLeft), name
        )
        if is_link and self.hasFocus() and number == self._current:
            painter.setPen(theme.edge)
            painter.drawRoundedRect(QRect(left - 2, area.top(), name_width + 3, area.height() - 1), 3, 3)
        painter.setFont(self._small_font if row.is_words else self._number_font)
        painter.setPen(row.color or theme.text)
        value = painter.fontMetrics().elidedText(row.value or "", Qt.TextElideMode.ElideRight, value_width + 1)
        painter.drawText(area, int(middle | Qt.AlignmentFlag.AlignRight), value)

    # --- hands ---

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self.row_at(event.pos())
            QToolTip.showText(event.globalPos(), self.tooltip_of(number), self)
            return True
        return super().event(event)

    def tooltip_of(self, number: int) -> str:
        """The exact value of a row, or the whole name where it is cut."""
        if number < 0 or self._rows[number].value is None:
            return ""
        row = self._rows[number]
        _, width, _ = self._columns(row)
        is_cut = QFontMetrics(self._name_font).horizontalAdvance(plain(row.name)) + 2 > width
        return tooltip("\n".join(part for part in (row.name if is_cut else "", row.exact or "") if part))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        number = self.row_at(position)
        number = number if number >= 0 and self.link_rect(number).contains(position) else -1
        if number != self._hovered:
            self._hovered = number
            if number < 0:
                self.unsetCursor()
            else:
                self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        number = self.row_at(event.position().toPoint())
        is_on_link = number >= 0 and self.link_rect(number).contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and is_on_link:
            self._follow(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        links = [number for number, row in enumerate(self._rows) if row.node_id is not None]
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and links:
            at = links.index(self._current) if self._current in links else -1
            at = max(at - 1, 0) if key == Qt.Key.Key_Up else min(at + 1, len(links) - 1)
            self._current = links[at]
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and links:
            self._follow(self._current if self._current in links else links[0])
        else:
            super().keyPressEvent(event)

    def _follow(self, number: int) -> None:
        node_id = self._rows[number].node_id
        if node_id is not None:
            self.chosen.emit(node_id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        number = self.row_at(event.pos())
        if number < 0:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = QAction("Copy", menu)
        copy.setData(self._rows[number].copied)
        copy.triggered.connect(self._on_copy_triggered)
        menu.addAction(copy)
        menu.popup(event.globalPos())

    def _on_copy_triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            QGuiApplication.clipboard().setText(str(action.data()))


def _spoken(row: Row) -> str:
    return " ".join(part for part in (row.before, plain(row.name), row.value or "") if part)[:200]
