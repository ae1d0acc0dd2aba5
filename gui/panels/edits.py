"""The edits panel: what was changed of the open program, to be left out, applied again or removed."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.graph.edits import key_of
from engine.graph.numbers import format_number
from engine.graph.trace import Trace

from ..edit_words import describe, is_gradient, node_of
from ..editing import Editing, Entry
from ..node_edits import NodeEdits
from ..style import TEXT_NORMAL_PT
from ..theme import UNIT, Theme, ThemeManager, mono_font, ui_font
from ..widgets.text import ElidedLabel, LinkButton, set_text_color
from ..widgets.vertical_area import VerticalArea

MARGIN = 4 * UNIT
PATIENCE_MS = 300
"""A run with edits that is over within this time is not worth a word."""
_WIDE_PX = 560
"""From this width on everything above the list stands in one row."""
_HINT = (
    "Nothing is edited. Select a leaf or an input and change its value in the inspector, or right-click a node: its "
    "gradient can be scaled, clipped or replaced, and an edge can be cut. The program runs again at once."
)


class EditRow(QWidget):
    """One edit: a check box that applies it, and a link that removes it."""

    toggled = Signal(bool)
    removed = Signal()
    chosen = Signal()

    def __init__(self, words: str, is_enabled: bool, color: QColor, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.check = QCheckBox(self)
        self.check.setChecked(is_enabled)
        self.check.setAccessibleName(f"Apply {words}")
        self.check.setToolTip("Apply this edit, or leave it out")
        self.words = LinkButton(words, color if is_enabled else theme.muted, self, font=mono_font(TEXT_NORMAL_PT))
        self.words.set_hint("Show where")
        self.words.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.remove = LinkButton("remove", theme.muted, self, font=ui_font(TEXT_NORMAL_PT))
        self.remove.setAccessibleName(f"Remove {words}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT)
        row.addWidget(self.check)
        row.addWidget(self.words)
        row.addSpacing(2 * UNIT)
        row.addWidget(self.remove)
        row.addStretch(1)
        self.check.toggled.connect(self.toggled)
        self.words.clicked.connect(self._on_words_clicked)
        self.remove.clicked.connect(self._on_remove_clicked)

    def _on_words_clicked(self) -> None:
        self.chosen.emit()

    def _on_remove_clicked(self) -> None:
        self.removed.emit()


class EditsPanel(QWidget):
    """Lists the edits; switches between the original and the edited trace.

    Parameters
    ----------
    editing : whose edits are listed.
    edits : asks for the seed.
    """

    node_activated = Signal(int)

    def __init__(
        self,
        editing: Editing,
        edits: NodeEdits,
        themes: ThemeManager,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._editing = editing
        self._themes = themes
        self.rows: list[EditRow] = []
        self.setAccessibleName("What if")
        self._shown: tuple[tuple[Entry, ...], Theme | None, Trace | None] = ((), None, None)
        self.original, self.edited = QToolButton(self), QToolButton(self)
        self.original.setText("Original")
        self.edited.setText("Edited")
        group = QButtonGroup(self)
        group.setExclusive(True)
        self._switch = QWidget(self)
        switch = QHBoxLayout(self._switch)
        switch.setContentsMargins(0, 0, 0, 0)
        switch.setSpacing(UNIT)
        for button in (self.original, self.edited):
            button.setCheckable(True)
            button.setProperty("kind", "pill")
            group.addButton(button)
            switch.addWidget(button, 1)
        self.summary = ElidedLabel("", self, font=mono_font(TEXT_NORMAL_PT))
        self.failure = QLabel(self)
        self.hint = QLabel(_HINT, self)
        for label in (self.failure, self.hint):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setFont(ui_font(TEXT_NORMAL_PT))
        self._list = QWidget(self)
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(UNIT)
        self.reset = QPushButton("Reset all", self)
        self.seed = QPushButton("Change the seed…", self)
        self._buttons = QWidget(self)
        buttons = QHBoxLayout(self._buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(2 * UNIT)
        buttons.addWidget(self.seed)
        buttons.addWidget(self.reset)
        self.area = VerticalArea(self, margin=MARGIN, spacing=2 * UNIT)
        self.area.setAccessibleName("Edits")
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._top.setSpacing(3 * UNIT)
        self._top.addWidget(self._switch)
        self._top.addWidget(self.summary, 1)
        self._top.addWidget(self._buttons)
        self.area.column.addLayout(self._top)
        for widget in (self.hint, self._list, self.failure):
            self.area.column.addWidget(widget)
        self.area.column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        self.original.clicked.connect(partial(editing.show_original, True))
        self.edited.clicked.connect(partial(editing.show_original, False))
        self.reset.clicked.connect(editing.reset)
        self.seed.clicked.connect(edits.ask_seed)
        editing.changed.connect(self._refresh)
        themes.changed.connect(self._on_themes_changed)
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = self.width() < _WIDE_PX
        self._top.setDirection(QBoxLayout.Direction.TopToBottom if is_narrow else QBoxLayout.Direction.LeftToRight)

    def _refresh(self) -> None:
        editing, theme = self._editing, self._themes.theme
        with self.area.changing():
            self.area.set_theme(theme)
            reason = editing.why_not
            has_edits = bool(editing.entries)
            self.hint.setText(reason or _HINT)
            self.hint.setVisible(bool(reason) or not has_edits)
            set_text_color(self.hint, theme.muted)
            self._switch.setVisible(has_edits)
            self.original.setChecked(not editing.is_shown)
            self.edited.setChecked(editing.is_shown)
            self.edited.setEnabled(editing.edited is not None)
            self.summary.set_text(self._summary())
            self.summary.set_color(theme.text)
            self._buttons.setVisible(not reason)
            self.reset.setVisible(has_edits)
            why_doubtful = editing.doubt if editing.is_shown else ""
            self.failure.setVisible(editing.failure is not None or bool(why_doubtful))
            self.failure.setText(why_doubtful if editing.failure is None else f"Not applied: {editing.failure.message}")
            set_text_color(self.failure, theme.accent_text)
            self._list_edits(theme)

    def _summary(self) -> str:
        """The loss of both."""
        original, edited = self._editing.original, self._editing.edited
        if original is None or edited is None or original.loss is None or edited.loss is None:
            return ""
        return f"loss {format_number(original.loss)} → {format_number(edited.loss)}"

    def _list_edits(self, theme: Theme) -> None:
        original = self._editing.original
        entries = self._editing.entries if original is not None else ()
        if (entries, theme, original) == self._shown:
            return
        before, self._shown = self._shown, (entries, theme, original)
        if before[1:] == (theme, original) and _has_same_rows(before[0], entries):
            assert original is not None
            for row, entry in zip(self.rows, entries, strict=True):  # a slider is dragged: only its words are others
                row.words.set_text(describe(entry.edit, original))
            return
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows.clear()
        for index, entry in enumerate(entries):
            assert original is not None
            color = theme.accent_text if is_gradient(entry.edit) else theme.data_text
            row = EditRow(describe(entry.edit, original), entry.is_enabled, color, theme, self._list)
            row.toggled.connect(partial(self._editing.set_enabled, index))
            row.removed.connect(partial(self._editing.remove, index))
            row.chosen.connect(partial(self._choose, node_of(entry.edit)))
            self._column.addWidget(row)
            row.show()
            self.rows.append(row)
        self._list.setVisible(bool(self.rows))

    def _choose(self, node: int | None) -> None:
        if node is not None:
            self.node_activated.emit(node)

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._refresh()


def _has_same_rows(one: tuple[Entry, ...], other: tuple[Entry, ...]) -> bool:
    """Whether both lists are about the same places, and the same of them are applied."""
    return bool(one) and [(key_of(entry.edit), entry.is_enabled) for entry in one] == [
        (key_of(entry.edit), entry.is_enabled) for entry in other
    ]


class EditBadge(QWidget):
    """A mark over the graph while it is an edited one, with a way to the original and back.

    Of a run with edits that takes its time it says that what is shown is from before.
    """

    def __init__(self, editing: Editing, themes: ThemeManager, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._editing = editing
        self._themes = themes
        self.words = ElidedLabel("", self, font=ui_font(TEXT_NORMAL_PT, bold=True))
        self.words.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.switch = LinkButton("", themes.theme.accent_text, self, font=ui_font(TEXT_NORMAL_PT))
        self.switch.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * UNIT, UNIT, 2 * UNIT, UNIT)
        row.setSpacing(2 * UNIT)
        row.addWidget(self.words)
        row.addWidget(self.switch)
        self.switch.clicked.connect(self._on_switch_clicked)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._refresh)
        editing.changed.connect(self._refresh)
        editing.running_changed.connect(self._on_editing_running_changed)
        themes.changed.connect(self._on_themes_changed)
        self._refresh()

    def place(self) -> None:
        """Stand in the upper right corner of the canvas."""
        parent = self.parentWidget()
        if parent is not None:
            self.adjustSize()
            self.move(parent.width() - self.width() - 3 * UNIT, 3 * UNIT)

    def _refresh(self) -> None:
        editing, theme = self._editing, self._themes.theme
        has_edited = editing.edited is not None
        is_late = editing.is_running and not self._patience.isActive()
        count = sum(entry.is_enabled for entry in editing.entries)
        edits = f"{count} edit{'s' if count != 1 else ''}"
        shown = f"Edited · {edits}" if editing.is_shown else "Original"
        self.words.set_text(f"Not yet with {edits}: the program runs…" if is_late else shown)
        self.words.set_color(theme.accent_text if editing.is_shown else theme.text)
        self.switch.set_color(theme.accent_text if editing.is_shown else theme.data_text)
        self.switch.set_text("show original" if editing.is_shown else "show edited")
        self.switch.setVisible(has_edited)
        self.setVisible(has_edited or is_late)
        self.place()

    def _on_editing_running_changed(self) -> None:
        if self._editing.is_running:
            self._patience.start()
        else:
            self._patience.stop()
            self._refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.accent if self._editing.is_shown else theme.line)
        painter.setBrush(theme.accent_soft if self._editing.is_shown else theme.surface)
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.end()

    def _on_switch_clicked(self) -> None:
        self._editing.toggle()

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._refresh()
        self.update()
