"""A read-only view of one program file: line numbers at the left, gradients at the right, the step's line marked."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial

from PySide6.QtCore import QEasingCurve, QEvent, QPoint, QPropertyAnimation, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QToolTip, QWidget

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, mix
from ..theme import UNIT, Theme, mono_font
from .highlight import CodeHighlighter

_SCROLL_MS = 160
_FADE_PX = 16
"""Over so many pixels code fades out below a gradient at the margin."""
_ERROR = QColor("#d64545")


def _fade(right: int, color: QColor) -> QLinearGradient:
    """From nothing to `color`, which is reached at `right`."""
    clear = QColor(color)
    clear.setAlpha(0)
    gradient = QLinearGradient(right - _FADE_PX, 0, right, 0)
    gradient.setColorAt(0, clear)
    gradient.setColorAt(1, color)
    return gradient


class Strip(QWidget):
    """A strip beside the text; it only asks the view to paint it, and hands clicks on."""

    def __init__(self, view: CodeView, paint: Callable[[QWidget, QPaintEvent], None]) -> None:
        super().__init__(view)
        self._paint = paint
        self._view = view

    def paintEvent(self, event: QPaintEvent) -> None:
        self._paint(self, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._view.press_at(event.position().toPoint().y())


class CodeView(QPlainTextEdit):
    """Shows code and announces which line was clicked or chosen with Enter."""

    line_chosen = Signal(int)
    """Number of the line, counted from 1."""
    line_marked = Signal(int)
    """All operations of this line are asked for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme | None = None
        self._current: int | None = None
        self._selected: int | None = None
        self._error: int | None = None
        self._margin: dict[int, str] = {}
        self._updated: Set[int] = frozenset()
        self._active: set[int] = set()
        self._press: QPoint | None = None
        self.describe: Callable[[int, str], str] | None = None
        """Gives the tooltip for a line and the word under the pointer."""
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFrameShape(QFrame.Shape.NoFrame)
        font = mono_font(TEXT_NORMAL_PT)
        font.setFeature(QFont.Tag("calt"), 0)  # no ligatures: code is shown as it is typed
        self.setFont(font)
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self.setAccessibleName("Code of the program")
        self.setCursorWidth(0)
        option = self.document().defaultTextOption()
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)  # also of a line whose first name is Arabic or Hebrew
        self.document().setDefaultTextOption(option)
        self.document().setDocumentMargin(0)  # else the marked line is cut off from its number
        self._highlighter = CodeHighlighter(self.document())
        self._numbers = Strip(self, self._paint_numbers)
        self._gradients = Strip(self, self._paint_gradients)
        self._gradients.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._animation = QPropertyAnimation(self.verticalScrollBar(), b"value", self)
        self._animation.setDuration(_SCROLL_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self.updateRequest.connect(self._on_self_update_requested)
        self.viewport().setMouseTracking(True)

    # --- what is shown ---

    def set_code(self, text: str) -> None:
        self._highlighter.set_code(text)
        self.setPlainText(text)
        self._place_edges()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, theme.surface)
        palette.setColor(QPalette.ColorRole.Text, theme.text)
        palette.setColor(QPalette.ColorRole.Highlight, theme.data_soft)
        palette.setColor(QPalette.ColorRole.HighlightedText, theme.text)
        self.setPalette(palette)
        self.setStyleSheet(
            f"CodeView {{ background: {theme.surface.name()}; color: {theme.text.name()}; border: none; "
            f"selection-background-color: {theme.data_soft.name()}; selection-color: {theme.text.name()}; }}"
        )
        self._highlighter.set_theme(theme)
        self._mark()

    def set_marks(self, current: int | None, selected: int | None, error: int | None) -> None:
        """Lines (counted from 1) of the current step, of the selected node, and of the program's failure."""
        if (current, selected, error) != (self._current, self._selected, self._error):
            self._current, self._selected, self._error = current, selected, error
            self._mark()

    def set_margin(self, texts: dict[int, str], active: set[int], updated: Set[int] = frozenset()) -> None:
        """Texts at the right of lines, and the lines that have nodes.

        A text is a gradient, or for the lines `updated` the new value of a leaf.
        """
        if (texts, active, updated) != (self._margin, self._active, self._updated):
            self._margin, self._active, self._updated = texts, active, updated
            self._place_edges()
            self._numbers.update()
            self._gradients.update()

    @property
    def marks(self) -> tuple[int | None, int | None, int | None]:
        return self._current, self._selected, self._error

    @property
    def margin_texts(self) -> dict[int, str]:
        return dict(self._margin)

    def reveal(self, line: int, *, softly: bool = True) -> None:
        """Bring a line into view if it is not there yet; the text glides rather than jumps."""
        bar = self.verticalScrollBar()
        visible = max(self.viewport().height() // max(self.fontMetrics().lineSpacing(), 1), 1)
        goal = (
            self._animation.endValue() if self._animation.state() == QPropertyAnimation.State.Running else bar.value()
        )
        first = int(goal)
        if first < line - 1 < first + visible - 2 or (first == 0 and line <= visible - 2):
            return
        target = min(max(line - 1 - visible // 2, bar.minimum()), bar.maximum())
        self._animation.stop()
        if softly and self.isVisible():
            self._animation.setStartValue(bar.value())
            self._animation.setEndValue(target)
            self._animation.start()
        else:
            bar.setValue(target)

    def _mark(self) -> None:
        theme = self._theme
        if theme is None:
            return
        marks = []
        for line, color in (
            (self._selected, theme.data_soft),
            (self._current, theme.current_line),
            (self._error, mix(theme.surface, _ERROR, 0.22)),
        ):
            block = self.document().findBlockByNumber(line - 1) if line is not None else QTextBlock()
            if block.isValid():
                selection = QTextEdit.ExtraSelection()
                selection.cursor = QTextCursor(block)
                selection.format.setBackground(color)
                selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                marks.append(selection)
        self.setExtraSelections(marks)
        self._numbers.update()
        self._gradients.update()

    # --- the two strips ---

    def _place_edges(self) -> None:
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance("9" * max(len(str(self.blockCount())), 2)) + 5 * UNIT
        right = self._gradient_width()
        self.setViewportMargins(left, UNIT, 0, 0)
        area = self.contentsRect()
        bar = self.verticalScrollBar().width() if self.verticalScrollBar().isVisible() else 0
        height = self.viewport().height()
        self._numbers.setGeometry(area.left(), area.top() + UNIT, left, height)
        self._gradients.setGeometry(area.right() + 1 - right - bar, area.top() + UNIT, right, height)
        self._gradients.setVisible(right > 0)

    def _gradient_width(self) -> int:
        """The gradients lie over the ends of their lines, so that no other line loses room to them."""
        metrics = QFontMetrics(mono_font(TEXT_SMALL_PT))
        widths = [metrics.horizontalAdvance(text) + 4 * UNIT + _FADE_PX for text in self._margin.values()]
        return max(widths, default=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        first, line = self.verticalScrollBar().value(), self._current or self._selected
        rows = event.oldSize().height() // max(self.fontMetrics().lineSpacing(), 1)
        super().resizeEvent(event)
        self._place_edges()
        if line is not None and first < line <= first + rows:  # it was in view, and stays there
            self.reveal(line, softly=False)

    def _on_self_update_requested(self, area: QRect, dy: int) -> None:
        if dy:
            self._numbers.scroll(0, dy)
            self._gradients.update()
        else:
            self._numbers.update(0, area.y(), self._numbers.width(), area.height())
        if self.viewport().height() != self._numbers.height():
            self._place_edges()

    def _rows(self, event: QPaintEvent) -> list[tuple[int, int, int]]:
        """Line number, top and height of each line within the painted area."""
        rows = []
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= event.rect().bottom():
            height = self.blockBoundingRect(block).height()
            if block.isVisible() and top + height >= event.rect().top():
                rows.append((block.blockNumber() + 1, round(top), round(top + height) - round(top)))
            top += height
            block = block.next()
        return rows

    def _tint(self, line: int, theme: Theme) -> QColor:
        if line == self._error:
            return mix(theme.surface, _ERROR, 0.22)
        if line == self._current:
            return theme.current_line
        return theme.data_soft if line == self._selected else theme.surface

    def _paint_numbers(self, strip: QWidget, event: QPaintEvent) -> None:
        theme = self._theme
        if theme is None:
            return
        painter = QPainter(strip)
        painter.fillRect(event.rect(), theme.surface)
        painter.setFont(mono_font(TEXT_SMALL_PT))
        for line, top, height in self._rows(event):
            painter.fillRect(0, top, strip.width(), height, self._tint(line, theme))
            bar = _ERROR if line == self._error else theme.accent if line == self._current else None
            if bar is not None:
                painter.fillRect(0, top, 3, height, bar)
            painter.setPen(theme.text if line in self._active else mix(theme.surface, theme.muted, 0.8))
            area = QRect(0, top, strip.width() - 3 * UNIT, height)
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(line))
        painter.end()

    def _paint_gradients(self, strip: QWidget, event: QPaintEvent) -> None:
        theme = self._theme
        if theme is None:
            return
        painter = QPainter(strip)
        painter.setFont(mono_font(TEXT_SMALL_PT))
        metrics = painter.fontMetrics()
        for line, top, height in self._rows(event):
            if line in self._margin:
                width = metrics.horizontalAdvance(self._margin[line]) + 4 * UNIT
                left, tint = strip.width() - width, self._tint(line, theme)
                painter.fillRect(left, top, width, height, tint)
                painter.fillRect(left - _FADE_PX, top, _FADE_PX, height, _fade(left, tint))
                painter.setPen(theme.leaf_text if line in self._updated else theme.accent_text)
                area = QRect(0, top, strip.width() - 2 * UNIT, height)
                painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._margin[line])
        painter.end()

    # --- pointer and keys ---

    def line_at(self, y: int) -> int | None:
        """The line at a height of the viewport; None below the last one."""
        cursor = self.cursorForPosition(QPoint(0, y))
        area = self.blockBoundingGeometry(cursor.block()).translated(self.contentOffset())
        return cursor.blockNumber() + 1 if area.top() <= y < area.bottom() else None

    def press_at(self, y: int) -> None:
        line = self.line_at(y)
        if line is not None:
            self.line_chosen.emit(line)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        is_left = event.button() == Qt.MouseButton.LeftButton
        self._press = event.position().toPoint() if is_left else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        place = event.position().toPoint()
        if self._press is not None and (place - self._press).manhattanLength() < 4:
            self.press_at(place.y())
        self._press = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.line_marked.emit(self.textCursor().blockNumber() + 1)
                return
            self.line_chosen.emit(self.textCursor().blockNumber() + 1)
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.createStandardContextMenu()
        line = self.line_at(event.pos().y())
        if line in self._active:
            first = menu.actions()[0] if menu.actions() else None
            action = QAction("Show every operation of this line in the graph\tShift+Enter", menu)
            action.triggered.connect(partial(self.line_marked.emit, line))
            menu.insertAction(first, action)  # type: ignore[arg-type] # None puts it at the end
            menu.insertSeparator(first)  # type: ignore[arg-type]
        menu.exec(event.globalPos())
        menu.deleteLater()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.describe is not None:
            line = self.line_at(event.pos().y())
            cursor = self.cursorForPosition(event.pos())
            cursor.select(QTextCursor.SelectionType.WordUnderCursor)
            text = "" if line is None else self.describe(line, cursor.selectedText())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(280, 300)
