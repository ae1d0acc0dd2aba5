"""The tree panel: the same graph as rows, for the keyboard and for screen readers; in step with the canvas."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QStackedLayout, QTreeView, QWidget

from ..document import Document
from ..style import TEXT_NORMAL_PT
from ..theme import Theme, ThemeManager, ui_font
from .tree_model import GRADIENT, NAME, STATE, VALUE, TreeModel

OWN_KEYS = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End})
"""Keys that move in the tree while it has the focus, and step everywhere else."""
WIDTHS = {STATE: 76, VALUE: 96, GRADIENT: 96}
NARROW_WIDTHS = {STATE: 0, VALUE: 74, GRADIENT: 84}
"""For a panel beside which a small window still has room for its graph: the graph and the tooltips say the states."""
NARROW_PX = 360
LEAST_NAME_PX = 88
OPEN_UP_TO = 60
"""Graphs of at most so many nodes are shown with every module call open."""


class _View(QTreeView):
    """A tree that keeps its own keys from the window's shortcuts."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFont(ui_font(TEXT_NORMAL_PT))
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names get the room that the other columns leave, and enough to be read where those have to be scrolled to."""
        super().resizeEvent(event)
        room = self.viewport().width()
        widths = NARROW_WIDTHS if room < NARROW_PX else WIDTHS
        for column, width in widths.items():
            self.setColumnHidden(column, not width)
            if width:
                self.header().resizeSection(column, width)
        self.header().resizeSection(NAME, max(room - sum(widths.values()), LEAST_NAME_PX))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_own = event.key() in OWN_KEYS and event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.KeypadModifier,
            )
            if is_own:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left leads from an entry to the call around it, right into an open one, whatever the style does."""
        index = self.currentIndex()
        target = QModelIndex()
        is_open = self.isExpanded(index) and self.model().hasChildren(index)
        if event.key() == Qt.Key.Key_Left and not is_open:
            target = index.parent()
        elif event.key() == Qt.Key.Key_Right and is_open:
            target = self.model().index(0, 0, index)
        if target.isValid():
            self.setCurrentIndex(target)
        else:
            super().keyPressEvent(event)


class TreePanel(QWidget):
    """Module calls and their nodes in the order in which they ran.

    The row in which one is, is the document's selection or else its current step; Enter goes there on the canvas.
    """

    node_activated = Signal(int)
    scope_chosen = Signal(object)
    """The row of a module call was moved to; the path."""
    scope_activated = Signal(object)

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._is_stale = True
        self._is_behind = False
        self._is_following = False
        self._is_choosing = False
        self.model = TreeModel(themes.theme, self)
        self.view = _View(self)
        self.view.setModel(self.model)
        self.view.setAccessibleName("Graph as a tree")
        self.view.setAccessibleDescription(
            "Module calls and operations in the order in which they ran. Enter shows one in the graph."
        )
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setExpandsOnDoubleClick(False)
        self.view.setFrameShape(QTreeView.Shape.NoFrame)
        self.view.setIndentation(14)
        self.view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._hint = QLabel("Open a program to see its graph as a tree.", self)
        self._hint.setObjectName("hint")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._hint)
        self._pages.addWidget(self.view)
        self.setFocusProxy(self.view)
        self.view.selectionModel().currentChanged.connect(self._on_view_current_changed)
        self.view.activated.connect(self._on_view_activated)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_numbers_changed)
        document.cursor_changed.connect(self._on_document_cursor_changed)
        document.selection_changed.connect(self._on_document_selection_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_document_trace_changed()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._catch_up()

    def _catch_up(self) -> None:
        """Build the rows of a trace that came while the panel was hidden, and go to the present row."""
        if self._is_stale:
            self._is_stale = False
            trace = self._document.trace
            self.model.set_trace(trace, self._document.stepper)
            self._pages.setCurrentIndex(0 if trace is None or not trace.graph.nodes else 1)
            if trace is not None and len(trace.graph.nodes) <= OPEN_UP_TO:
                self.view.expandAll()
        elif not self.model.refresh():
            self.view.viewport().update()
        self._follow()

    def _follow(self) -> None:
        focus = self._document.focus
        index = QModelIndex() if focus is None else self.model.index_of_node(focus)
        if self._is_choosing or not index.isValid() or index == self.view.currentIndex():
            return
        self._is_following = True
        try:
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        finally:
            self._is_following = False

    def _on_view_current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if self._is_following or not current.isValid() or not self.view.hasFocus():
            return
        self._is_choosing = True
        try:
            node, scope = self.model.node_at(current), self.model.scope_at(current)
            if scope is not None:
                self.scope_chosen.emit(scope)
            elif node is not None:
                self._document.select(node)
        finally:
            self._is_choosing = False

    def _on_view_activated(self, index: QModelIndex) -> None:
        node, scope = self.model.node_at(index), self.model.scope_at(index)
        if scope is not None:
            self.scope_activated.emit(scope)
        elif node is not None:
            self.node_activated.emit(node)

    def _on_document_trace_changed(self) -> None:
        self._is_stale = True
        if self.isVisible() and not self._is_behind:
            self._catch_up()
        else:
            self.model.set_trace(None, None)

    def _on_document_numbers_changed(self) -> None:
        if not self._is_stale:
            self.model.exchange_trace(self._document.trace, self._document.stepper)
            self.view.viewport().update()

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen:
            self._catch_up()

    def _on_document_cursor_changed(self) -> None:
        if self.isVisible() and not self._is_behind:
            self._catch_up()

    def _on_document_selection_changed(self) -> None:
        if self.isVisible() and not self._is_behind:
            self._follow()

    def _on_themes_changed(self, theme: Theme) -> None:
        self.model.set_theme(theme)
        self.view.viewport().update()
