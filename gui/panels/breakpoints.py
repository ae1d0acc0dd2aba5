"""The breakpoints panel: where to stop, how often each stops in this trace, and a field for conditions."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPalette, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from engine.graph.breakpoints import MOST_BREAKPOINTS, Breakpoint, next_stop
from engine.graph.conditions import parse
from engine.graph.query import QueryError

from ..document import Document
from ..icons import icon
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import Theme, ThemeManager, mono_font, ui_font
from ..widgets.text import plain, set_text_color, tooltip
from .breakpoint_text import times, title_of

_ITEM = Qt.ItemDataRole.UserRole + 1
_PLACEHOLDER = 'Stop when…   grad.norm() > 10    isnan    shape == (3, 4)    op == "addmm"'
_EMPTY = "No breakpoints. F9 puts one on the selected node; a condition stops wherever it holds."
_EXPLAINED = (
    "Conditions: grad, grad_input, value and update with .norm(), .abs().max(), .mean(), .isnan() …; "
    "op, grad_fn, name, scope, kind, dtype, phase, shape, line, step; and, or, not; words in quotes."
)


class BreakpointsPanel(QWidget):
    """Lists the document's breakpoints. Enter goes to where one stops, Space switches it, Del removes it, F2 edits it.

    Parameters
    ----------
    document : holds the breakpoints and the cursor.
    themes : whose colours are used.
    """

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._edited: Breakpoint | None = None
        self._is_filling = False
        self.setAccessibleName("Breakpoints")
        self._make_field()
        self._make_list()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._row)
        layout.addWidget(self.message)
        around = QVBoxLayout()
        around.setContentsMargins(12, 0, 16, 4)
        around.addWidget(self.list, 1)
        around.addWidget(self._hint, 1)
        layout.addLayout(around, 1)
        document.breakpoints.changed.connect(self._fill)
        document.cursor_changed.connect(self._mark_here)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self._fill()

    def _make_field(self) -> None:
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(_PLACEHOLDER)
        self.field.setAccessibleName("Condition of a breakpoint")
        self.field.setToolTip(_EXPLAINED)
        self.field.setFont(mono_font(TEXT_NORMAL_PT))
        self.field.textChanged.connect(self._on_field_text_changed)
        self.field.returnPressed.connect(self._on_field_return_pressed)
        self.field.installEventFilter(self)
        self.add = QToolButton(self)
        self.add.setToolTip("Add this condition (Enter)")
        self.add.setAccessibleName("Add condition")
        self.add.clicked.connect(self._on_field_return_pressed)
        self.remove = QToolButton(self)
        self.remove.setToolTip("Remove the chosen breakpoint (Del)")
        self.remove.setAccessibleName("Remove breakpoint")
        self.remove.clicked.connect(self._on_remove_clicked)
        for button in (self.add, self.remove):
            button.setIconSize(QSize(16, 16))
        self._row = QHBoxLayout()
        self._row.setContentsMargins(16, 8, 12, 6)
        self._row.setSpacing(4)
        self._row.addWidget(self.field, 1)
        self._row.addWidget(self.add)
        self._row.addWidget(self.remove)
        self.message = QLabel(self)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setFont(ui_font(TEXT_SMALL_PT))
        self.message.setContentsMargins(16, 0, 16, 6)
        self.message.hide()

    def _make_list(self) -> None:
        self.model = QStandardItemModel(0, 2, self)
        self.model.setHorizontalHeaderLabels(["Where", "Stops"])
        self.model.itemChanged.connect(self._on_model_item_changed)
        self.list = QTreeView(self)
        self.list.setModel(self.model)
        self.list.setObjectName("roomyList")
        self.list.setAccessibleName("List of breakpoints")
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setFrameShape(QTreeView.Shape.NoFrame)
        self.list.setAllColumnsShowFocus(True)
        self.list.setExpandsOnDoubleClick(False)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._on_list_menu_requested)
        self.list.activated.connect(self._on_list_activated)
        self.list.installEventFilter(self)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.hide()
        self._hint = QLabel(_EMPTY, self)
        self._hint.setObjectName("hint")
        self._hint.setWordWrap(True)
        self._hint.setContentsMargins(2, 4, 2, 8)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    # What others call

    def begin_condition(self, text: str = "") -> None:
        """Put the keyboard into the field, with a text to go on from."""
        self._edited = None
        self.field.setText(text)
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def edit(self, item: Breakpoint) -> None:
        """Change a condition, or put one in the place of another breakpoint."""
        self.begin_condition(item.text if item.kind == "condition" else "")
        self._edited = item
        self.field.selectAll()

    @property
    def chosen(self) -> Breakpoint | None:
        """The breakpoint of the current row."""
        index = self.list.currentIndex()
        return None if not index.isValid() else index.siblingAtColumn(0).data(_ITEM)

    # Filling

    def _fill(self) -> None:
        breakpoints, row = self._document.breakpoints, self.list.currentIndex().row()
        self._is_filling = True
        # In place: a row may not go away while it tells that it was checked.
        self.model.setRowCount(len(breakpoints.items))
        for place, item in enumerate(breakpoints.items):
            self._fill_row(place, item)
        self._is_filling = False
        if row >= 0:
            self.list.setCurrentIndex(self.model.index(min(row, self.model.rowCount() - 1), 0))
        self.list.setVisible(bool(breakpoints.items))
        self._hint.setVisible(not breakpoints.items)
        self.remove.setEnabled(bool(breakpoints.items))
        self._mark_here()

    def _fill_row(self, row: int, item: Breakpoint) -> None:
        title, stops = self._cell(row, 0), self._cell(row, 1)
        title.setText(plain(title_of(self._document, item)))
        title.setCheckable(True)
        title.setCheckState(Qt.CheckState.Checked if item.is_enabled else Qt.CheckState.Unchecked)
        title.setData(item, _ITEM)
        title.setFont(mono_font(TEXT_NORMAL_PT) if item.kind == "condition" else ui_font(TEXT_NORMAL_PT))
        fault, count = self._document.breakpoints.fault(item), len(self._document.breakpoints.hits(item))
        stops.setText("not understood" if fault is not None else times(count))
        stops.setFont(ui_font(TEXT_SMALL_PT))
        stops.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for cell in (title, stops):
            tip = str(fault) if fault is not None else f"{title.text()}: stops {times(count)} in this trace"
            cell.setToolTip(tooltip(tip))
        state = "on" if item.is_enabled else "off"
        title.setData(f"{title.text()}, {state}, {stops.text()}", Qt.ItemDataRole.AccessibleTextRole)

    def _cell(self, row: int, column: int) -> QStandardItem:
        found = self.model.item(row, column)
        if found is None:
            found = QStandardItem()
            self.model.setItem(row, column, found)
        return found

    def _mark_here(self) -> None:
        """Colour what stops at the cursor."""
        theme, cursor = self._themes.theme, self._document.cursor
        self._is_filling = True
        for row in range(self.model.rowCount()):
            title, stops = self.model.item(row, 0), self.model.item(row, 1)
            item: Breakpoint = title.data(_ITEM)
            hits = self._document.breakpoints.hits(item)
            is_here = item.is_enabled and len(hits) > 0 and next_stop(hits, cursor - 1, 1) == cursor
            colour = theme.accent_text if is_here else theme.text if item.is_enabled else theme.muted
            title.setForeground(colour)
            stops.setForeground(theme.accent_text if is_here else theme.muted)
        self._is_filling = False

    def _say(self, text: str, *, is_fault: bool = False) -> None:
        self.message.setText(plain(text))
        set_text_color(self.message, self._themes.theme.accent_text if is_fault else self._themes.theme.muted)
        self.message.setVisible(bool(text))

    # The field

    def _on_field_text_changed(self, text: str) -> None:
        if not text.strip():
            self._say("")
            return
        try:
            parse(text)
        except QueryError as error:
            self._say(str(error))
            return
        item = Breakpoint(kind="condition", text=text.strip())
        self._say(f"Stops {times(len(self._document.breakpoints.hits(item)))} in this trace.")

    def _on_field_return_pressed(self) -> None:
        text = self.field.text()
        try:
            parse(text)
        except QueryError as error:
            self._say(str(error), is_fault=True)
            self.field.setFocus()
            self.field.setCursorPosition(error.position)
            return
        item, edited = Breakpoint(kind="condition", text=text.strip()), self._edited
        if edited is not None and any(edited is other for other in self._document.breakpoints.items):
            self._document.breakpoints.replace(edited, item)
        elif not self._document.breakpoints.add(item):
            self._say(f"There are {MOST_BREAKPOINTS} breakpoints already; remove one first.", is_fault=True)
            return
        self._edited = None
        self.field.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in {QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride}:
            is_press = event.type() == QEvent.Type.KeyPress
            if watched is self.field and event.key() == Qt.Key.Key_Escape:
                if is_press:
                    self._edited = None
                    self.field.clear()
                    self.list.setFocus()
                event.accept()
                return True
            if watched is self.list and self._list_key(event, is_press=is_press):
                event.accept()
                return True
        return super().eventFilter(watched, event)

    # The list

    def _list_key(self, event: QKeyEvent, *, is_press: bool) -> bool:
        item, key = self.chosen, event.key()
        if item is None or key not in {Qt.Key.Key_Delete, Qt.Key.Key_F2, Qt.Key.Key_Space}:
            return False
        if is_press and key == Qt.Key.Key_Delete:
            self._document.breakpoints.remove(item)
        elif is_press and key == Qt.Key.Key_F2:
            self.edit(item)
        elif is_press:
            self._document.breakpoints.set_enabled(item, is_enabled=not item.is_enabled)
        return True

    def _on_model_item_changed(self, changed: QStandardItem) -> None:
        if not self._is_filling and changed.column() == 0:
            item: Breakpoint = changed.data(_ITEM)
            is_enabled = changed.checkState() == Qt.CheckState.Checked
            self._document.breakpoints.set_enabled(item, is_enabled=is_enabled)

    def _on_list_activated(self, index: QModelIndex) -> None:
        item: Breakpoint = index.siblingAtColumn(0).data(_ITEM)
        self.go_to(item)

    def go_to(self, item: Breakpoint, direction: int = 1) -> None:
        """Move the cursor to the next place where a breakpoint stops; from the last one to the first."""
        hits = self._document.breakpoints.hits(item)
        position = next_stop(hits, self._document.cursor, direction)
        if position is None and len(hits):
            position = int(hits[0 if direction > 0 else -1])
        if position is not None:
            self._document.move_to(position)

    def _on_remove_clicked(self) -> None:
        item = self.chosen
        if item is not None:
            self._document.breakpoints.remove(item)

    def _on_list_menu_requested(self, place: QPoint) -> None:
        item = self.chosen
        if item is not None:
            self.menu_for(item).popup(self.list.viewport().mapToGlobal(place))

    def menu_for(self, item: Breakpoint) -> QMenu:
        """What can be done with a breakpoint; the menu deletes itself when it closes."""
        menu, breakpoints = QMenu(self), self._document.breakpoints
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        word = "Disable" if item.is_enabled else "Enable"
        enabling = partial(breakpoints.set_enabled, item, is_enabled=not item.is_enabled)
        for text, keys, slot in (
            ("Go to where it stops", "Return", partial(self.go_to, item)),
            ("Go back to where it stops", "", partial(self.go_to, item, -1)),
            (word, "Space", enabling),
            ("Edit…", "F2", partial(self.edit, item)),
            ("Remove", "Del", partial(breakpoints.remove, item)),
        ):
            action = QAction(text, menu)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slot)
            menu.addAction(action)
        return menu

    def _on_themes_changed(self, theme: Theme) -> None:
        for button, name in ((self.add, "add"), (self.remove, "delete")):
            button.setIcon(icon(name, theme.muted))
        set_text_color(self._hint, theme.muted)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.surface)
        self.setPalette(palette)
        self.setAutoFillBackground(True)
        self._mark_here()
