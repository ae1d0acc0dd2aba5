"""The console panel: what the program writes, bounded, as plain text, with a search."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import (
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPalette,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from engine.graph.numbers import format_count

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import Theme, ThemeManager, mono_font, ui_font
from .console_text import ConsoleText, Piece

MAX_LINES = 10_000
MAX_WAITING = 780_000
"""Characters that wait to be shown; of more, the middle is left out."""
_PER_FRAME = 60_000
_FRAME_MS = 33
_KINDS = {"stdout": 0, "stderr": 1, "notice": 2}


class ConsolePanel(QWidget):
    """Shows output as it comes, and stays fluent whatever comes.

    It follows the end unless the user has scrolled up. Standard error has a colour of its own.
    """

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._waiting: deque[tuple[str, str]] = deque()
        self._waiting_size = 0
        self._left_out = 0
        self._streams: dict[str, ConsoleText] = {}
        self._open_stream: str | None = None
        self._is_line_due = False
        self.setAccessibleName("Console")
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(MAX_LINES)
        self.text.setFont(mono_font(TEXT_NORMAL_PT))
        self.text.setAccessibleName("Output of the program")
        self.text.setPlaceholderText("What the program writes appears here.")
        self.text.document().setDocumentMargin(10)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.installEventFilter(self)
        self._make_tools()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)

    def _make_tools(self) -> None:
        self.query = QLineEdit(self)
        self.query.setPlaceholderText("Find (Ctrl+F)")
        self.query.setAccessibleName("Find in the output")
        self.query.setClearButtonEnabled(True)
        self.query.setMaximumWidth(220)
        self.query.setFont(ui_font(TEXT_SMALL_PT))
        self.query.installEventFilter(self)
        self.query.textChanged.connect(self._on_query_text_changed)
        self.query.returnPressed.connect(self.find_next)
        self._result = QLabel(self)
        self._result.setFont(ui_font(TEXT_SMALL_PT))
        row = QHBoxLayout()
        row.setContentsMargins(16, 4, 8, 2)
        row.setSpacing(4)
        row.addWidget(self.query, 1)
        row.addWidget(self._result)
        row.addStretch(1)
        for text, help_text, slot in (
            ("Copy", "Copy the selection, or everything", self.copy),
            ("Clear", "Empty the console; the run's log file keeps everything", self.clear),
        ):
            button = QToolButton(self)
            button.setText(text)
            button.setToolTip(help_text)
            button.setFont(ui_font(TEXT_SMALL_PT))
            button.clicked.connect(slot)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.text, 1)

    # --- public ---

    def append(self, stream: str, text: str) -> None:
        """Show `text` of a stream ("stdout", "stderr", "notice") soon. Any amount may come."""
        if not text:
            return
        for start in range(0, len(text), _PER_FRAME):
            part = text[start : start + _PER_FRAME]
            self._waiting.append((stream, part))
            self._waiting_size += len(part)
        while self._waiting_size > MAX_WAITING:
            _, dropped = self._waiting.popleft()
            self._waiting_size -= len(dropped)
            self._left_out += len(dropped)
        if not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """Empty the console and drop what waits."""
        self._waiting.clear()
        self._waiting_size = self._left_out = 0
        self._streams.clear()
        self._open_stream = None
        self._is_line_due = False
        self._timer.stop()
        self.text.clear()

    def copy(self) -> None:
        """Copy the selection, or everything where nothing is selected."""
        if self.text.textCursor().hasSelection():
            self.text.copy()
        else:
            QGuiApplication.clipboard().setText(self.text.toPlainText())

    def show_now(self) -> None:
        """Show everything that waits at once."""
        while self._waiting:
            self._show_some()
        self._timer.stop()

    def find_next(self, *, is_backward: bool = False) -> bool:
        """Select the next place where the searched text is, from the beginning again after the last."""
        query = self.query.text()
        flags = QTextDocument.FindFlag.FindBackward if is_backward else QTextDocument.FindFlag(0)
        found = bool(query) and self.text.find(query, flags)
        if query and not found:
            before = self.text.textCursor()
            cursor = QTextCursor(self.text.document())
            if is_backward:
                cursor.movePosition(QTextCursor.MoveOperation.End)
            self.text.setTextCursor(cursor)
            found = self.text.find(query, flags)
            if not found:
                self.text.setTextCursor(before)
        self._result.setText("not found" if query and not found else "")
        return found

    # --- showing ---

    def _on_timer_timeout(self) -> None:
        self._show_some()
        if self._waiting:
            self._timer.start()

    def _show_some(self) -> None:
        bar = self.text.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum() - 1
        place = bar.value()
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        if self._left_out:
            self._end_line()
            self._streams.clear()
            notice = f"[{format_count(self._left_out)} characters left out: the program writes faster than can be read]"
            self._write(cursor, "notice", Piece(notice, False, True))
            self._left_out = 0
        shown = 0
        while self._waiting and shown < _PER_FRAME:
            stream, text = self._waiting.popleft()
            self._waiting_size -= len(text)
            shown += len(text)
            if self._open_stream not in {None, stream}:
                self._end_line()
            for piece in self._streams.setdefault(stream, ConsoleText()).feed(text):
                self._write(cursor, stream, piece)
        cursor.endEditBlock()
        bar.setValue(bar.maximum() if is_at_end else min(place, bar.maximum()))

    def _end_line(self) -> None:
        if self._open_stream is not None:
            self._is_line_due = True
            self._streams.pop(self._open_stream, None)
            self._open_stream = None

    def _write(self, cursor: QTextCursor, stream: str, piece: Piece) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if self._is_line_due:  # only now: an empty last line would take the place of a full one
            cursor.insertBlock()
            self._is_line_due = False
        if piece.replaces:
            cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
        kind = _KINDS.get(stream, 0)
        cursor.insertText(piece.text, self._format(kind))
        cursor.block().setUserState(kind)
        self._is_line_due = piece.ends
        self._open_stream = None if piece.ends else stream

    def _format(self, kind: int) -> QTextCharFormat:
        theme = self._themes.theme
        result = QTextCharFormat()
        result.setForeground((theme.text, theme.accent_text, theme.muted)[kind])
        return result

    def _on_themes_changed(self, theme: Theme) -> None:
        palette = self.text.palette()
        palette.setColor(QPalette.ColorRole.Base, theme.surface)
        palette.setColor(QPalette.ColorRole.Text, theme.text)
        palette.setColor(QPalette.ColorRole.PlaceholderText, theme.muted)
        self.text.setPalette(palette)
        self._result.setStyleSheet(f"QLabel {{ color: {theme.muted.name()}; background: transparent; }}")
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        block: QTextBlock = self.text.document().begin()
        while block.isValid():
            cursor.setPosition(block.position())
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(self._format(max(block.userState(), 0)))
            block = block.next()
        cursor.endEditBlock()

    # --- the user ---

    def _on_query_text_changed(self) -> None:
        cursor = self.text.textCursor()
        cursor.setPosition(cursor.selectionStart())
        self.text.setTextCursor(cursor)
        self.find_next()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress}:
            is_press = event.type() == QEvent.Type.KeyPress
            if event.matches(QKeySequence.StandardKey.Find):
                event.accept()
                if is_press:
                    self.query.setFocus()
                    self.query.selectAll()
                return True
            if watched is self.query and event.key() == Qt.Key.Key_Escape:
                event.accept()
                if is_press:
                    self.query.clear()
                    self.text.setFocus()
                return True
        return super().eventFilter(watched, event)
