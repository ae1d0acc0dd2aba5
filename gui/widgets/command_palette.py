"""The palette: type a few letters, get a command, a node, a variable, a module. Lies over the window's upper part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.entries import Entry, search
from gui.icons import pixmap
from gui.theme import RADIUS_CARD, ThemeManager
from gui.widgets.shadow import Shadow

ROW_PX = 32
WIDTH_PX = 620
VISIBLE_ROWS = 10
HINT = "Find commands and nodes · [*, 768] · grad>1e3 · nan · kind:leaf · line:48"
_ENTRY = Qt.ItemDataRole.UserRole
_MATCH = Qt.ItemDataRole.UserRole + 1

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Answer:
    """What is said to a typed text: entries to show in place of those that fit by their letters (None: those), a note
    below the list, and what shows everything that was found.
    """

    entries: tuple[Entry, ...] | None = None
    note: str = ""
    show_all: Callable[[], None] | None = None
    is_fault: bool = False


class CommandPalette(QFrame):
    """A field and a list over `window`; hidden until `popup`."""

    def __init__(self, themes: ThemeManager, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("commandPalette")
        self._window = window
        self._themes = themes
        self.top_px = 52
        """Distance from the window's upper edge."""
        self.home: QWidget = window
        """What has the keyboard once something was chosen."""
        self._came_from: QWidget | None = None
        self._entries: Sequence[Entry] = ()
        self._ask: Callable[[str], Answer] | None = None
        self._answer = Answer()
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(HINT)
        self.field.setAccessibleName("Find")
        self.field.textChanged.connect(self._on_field_text_changed)
        self.field.installEventFilter(self)
        self._model = _Results(self)
        self.list = QListView(self)
        self.list.setModel(self._model)
        self.list.setItemDelegate(_RowPainter(themes, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.clicked.connect(self._on_list_clicked)
        self._hint = QLabel("Nothing found", self)
        self._hint.setObjectName("hint")
        self._hint.setContentsMargins(8, 8, 8, 8)
        self.note = QLabel(self)
        self.note.setObjectName("hint")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setContentsMargins(8, 4, 8, 4)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 8)
        box.setSpacing(4)
        box.addWidget(self.field)
        box.addWidget(self.list)
        box.addWidget(self._hint)
        box.addWidget(self.note)
        self.hide()
        Shadow(self, RADIUS_CARD)

    @property
    def results(self) -> list[Entry]:
        """What the list shows now."""
        return [entry for entry, _ in self._model.rows]

    def popup(self, entries: Sequence[Entry], ask: Callable[[str], Answer] | None = None, text: str = "") -> None:
        """Show the palette with these entries and take the keyboard; `ask` is asked about every text typed."""
        if not self.isVisible():
            self._came_from = self._window.focusWidget()
        self._entries, self._ask = entries, ask
        self.field.setText(text)
        self._search(text)
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def choose(self) -> None:
        """Close, and do what is marked."""
        entry = self.list.currentIndex().data(_ENTRY)
        self.dismiss(self.home)
        if isinstance(entry, Entry):
            entry.run()

    def show_all(self) -> None:
        """Close, and show everything that was found; without effect where there is nothing to show."""
        shown = self._answer.show_all
        if shown is not None:
            self.dismiss(self.home)
            shown()

    def dismiss(self, heir: QWidget | None = None) -> None:
        """Close without doing anything, and give the keyboard to `heir`, if it is not somewhere else already."""
        if self.isVisible():
            is_here = self.field.hasFocus()
            self.hide()
            self._entries, self._ask, self._answer = (), None, Answer()
            self._model.set_rows([])
            if is_here:
                heir = heir if heir is not None and heir.isVisible() else self._window
                heir.setFocus(Qt.FocusReason.OtherFocusReason)

    def place(self) -> None:
        """Fit the height to the results, and stay in the middle of the window's upper part, below the toolbar."""
        parent = self._window
        rows = self._model.rowCount()
        self.list.setVisible(rows > 0)
        self._hint.setVisible(rows == 0 and not self._answer.is_fault)
        self.note.setVisible(bool(self.note.text()))
        self.list.setFixedHeight(min(rows, VISIBLE_ROWS) * ROW_PX + 4)
        width = min(WIDTH_PX, parent.width() - 40)
        layout = self.layout()
        if layout is not None:
            layout.activate()
        height = min(self.sizeHint().height(), parent.height() - self.top_px - 8)
        self.setGeometry((parent.width() - width) // 2, self.top_px, width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QFocusEvent) and event.type() == QEvent.Type.FocusOut:
            if event.reason() != Qt.FocusReason.PopupFocusReason:  # the field's own menu
                self.dismiss()
        elif watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._handle_key(event.key(), event.modifiers())
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_escape = event.key() == Qt.Key.Key_Escape
            if is_escape:
                event.accept()  # or the window's own Esc would take it
            return is_escape
        return False

    def _handle_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        rows = self._model.rowCount()
        moves = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: VISIBLE_ROWS,
            Qt.Key.Key_PageUp: -VISIBLE_ROWS,
        }
        if key == Qt.Key.Key_Escape:
            self.dismiss(self._came_from)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if modifiers & Qt.KeyboardModifier.ControlModifier:
                self.show_all()
            else:
                self.choose()
        elif key in moves and rows:
            step = moves[Qt.Key(key)]
            row = self.list.currentIndex().row() + step
            row = row % rows if abs(step) == 1 else max(0, min(row, rows - 1))
            self.list.setCurrentIndex(self._model.index(row))
        else:
            return False
        return True

    def _search(self, text: str) -> None:
        self._answer = self._ask(text) if self._ask is not None and text.strip() else Answer()
        found = self._answer.entries
        self._model.set_rows(search(self._entries, text) if found is None else [(entry, ()) for entry in found])
        note = self._answer.note
        if self._answer.show_all is not None:
            note += "   ·   Enter goes to one, Ctrl+Enter outlines them all, F3 goes on"
        self.note.setText(note)
        self.list.setCurrentIndex(self._model.index(0))
        self.place()

    def _on_field_text_changed(self, text: str) -> None:
        self._search(text)

    def _on_list_clicked(self, index: QModelIndex) -> None:
        self.list.setCurrentIndex(index)
        self.choose()


class _Results(QAbstractListModel):
    """The entries found, in order."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[tuple[Entry, tuple[int, ...]]] = []

    def set_rows(self, rows: list[tuple[Entry, tuple[int, ...]]]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.rows):
            return None
        entry, places = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.title}, {entry.detail}"
        return {_ENTRY: entry, _MATCH: places}.get(Qt.ItemDataRole(role) if role < _ENTRY else role)


class _RowPainter(QStyledItemDelegate):
    """Icon, title with the matched letters in bold, what it does, and its key at the right."""

    def __init__(self, themes: ThemeManager, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(100, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        entry: Entry = index.data(_ENTRY)
        theme = self._themes.theme
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        palette: QPalette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.data_soft if chosen else theme.background)
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 6, 6)
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect.left() + 8, rect.center().y() - 7, pixmap(entry.icon, theme.muted, 16, ratio))
        right = rect.right() - 10
        if entry.keys:
            width = painter.fontMetrics().horizontalAdvance(entry.keys)
            painter.setPen(theme.muted)
            keys_rect = QRect(right - width, rect.top(), width, rect.height())
            painter.drawText(keys_rect, Qt.AlignmentFlag.AlignVCenter, entry.keys)
            right -= width + 16
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        left = self._draw_title(painter, entry.title, index.data(_MATCH), rect, right)
        if entry.detail and right - left > 40:
            painter.setPen(theme.muted)
            detail_rect = QRect(left + 12, rect.top(), right - left - 12, rect.height())
            text = painter.fontMetrics().elidedText(entry.detail, Qt.TextElideMode.ElideRight, detail_rect.width())
            painter.drawText(detail_rect, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    @staticmethod
    def _draw_title(painter: QPainter, title: str, places: tuple[int, ...], rect: QRect, right: int) -> int:
        """Draw it and return the x coordinate where it ends."""
        plain = painter.font()
        bold = painter.font()
        bold.setBold(True)
        matched = set(places)
        x = rect.left() + 34
        start = 0
        while start < len(title) and x < right:
            is_hit = start in matched
            end = start + 1
            while end < len(title) and (end in matched) == is_hit:
                end += 1
            painter.setFont(bold if is_hit else plain)
            metrics = QFontMetrics(painter.font())
            piece = metrics.elidedText(title[start:end], Qt.TextElideMode.ElideRight, right - x)
            painter.drawText(x, rect.top(), right - x, rect.height(), Qt.AlignmentFlag.AlignVCenter, piece)
            x += metrics.horizontalAdvance(piece)
            start = end
        painter.setFont(plain)
        return x
