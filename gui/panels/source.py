"""The code panel: the program's files, the line of the current step, and gradients at the margin."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ..document import Document
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import Theme, ThemeManager, ui_font
from ..widgets.text import set_text_color, tooltip
from .code_calls import CallChain
from .code_lines import CodeLines
from .code_view import CodeView
from .hover_card import card
from .naming import file_name, shown_code
from .rows import MARGIN

_EMPTY = "The code of the program appears here once it has run."
_MOST_FACTS = 12


class SourcePanel(QWidget):
    """Shows the program and follows the cursor; a click on a line selects its node.

    Parameters
    ----------
    document : gives the texts and the trace, and is told the selection.
    themes : whose colours are used.
    """

    marks_changed = Signal(str, object)
    """Mark these nodes in the graph: a title, and a list of ids."""

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._lines: CodeLines | None = None
        self._file: str | None = None
        self._shown_text: str | None = None
        self._is_chosen = False
        self._looked_at: tuple[str, int] | None = None
        self.setAccessibleName("Code")
        self.files = QComboBox(self)
        self.files.setAccessibleName("File")
        self.files.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.view = CodeView(self)
        self.view.describe = self._describe
        self._empty = QLabel(_EMPTY, self)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._empty.setObjectName("emptyNote")
        self._empty.setFont(ui_font(TEXT_NORMAL_PT))
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.files)
        layout.addWidget(self._stack, 1)
        layout.addLayout(self._make_foot())
        self.view.line_chosen.connect(self._on_view_line_chosen)
        self.view.line_marked.connect(self._on_view_line_marked)
        self.files.currentIndexChanged.connect(self._on_files_index_changed)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_numbers_changed)
        document.source_changed.connect(self._on_document_source_changed)
        self._is_behind = False
        document.cursor_changed.connect(self._on_document_cursor_changed)
        document.selection_changed.connect(self._on_document_selection_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self._on_document_trace_changed()

    def _make_foot(self) -> QHBoxLayout:
        """A line below the code: the calls around the marked line, and which of its runs it is."""
        self.calls = CallChain(self._themes.theme, self)
        self.calls.call_chosen.connect(self._on_calls_call_chosen)
        self.run = QLabel("", self)
        self.run.setFont(ui_font(TEXT_SMALL_PT))
        self.earlier = _small_button("‹", "The run of this operation before", self)
        self.later = _small_button("›", "The run of this operation after", self)
        self.earlier.clicked.connect(self._on_earlier_clicked)
        self.later.clicked.connect(self._on_later_clicked)
        foot = QHBoxLayout()
        foot.setContentsMargins(MARGIN, 2, MARGIN // 2, 2)
        foot.addWidget(self.calls, 1)
        for widget in (self.earlier, self.run, self.later):
            foot.addWidget(widget)
        return foot

    def _show_foot(self) -> None:
        trace, lines, focus = self._document.trace, self._lines, self._document.focus
        node = trace.graph.nodes[focus] if trace is not None and focus is not None else None
        if node is None or lines is None or node.source is None:
            self.calls.set_calls((), ())
            runs = []
        else:
            self.calls.set_calls(node.stack or (node.source,), self._document.sources, " › ".join(node.scope))
            runs = lines.runs(node)
        is_loop = node is not None and len(runs) > 1
        for widget in (self.earlier, self.run, self.later):
            widget.setVisible(is_loop)
        if is_loop and node is not None:
            place = runs.index(node.id)
            self.run.setText(f"{place + 1} of {len(runs)}")
            self.run.setToolTip(f"Run {place + 1} of the {len(runs)} that this operation of the line had in this pass")
            self.earlier.setEnabled(place > 0)
            self.later.setEnabled(place < len(runs) - 1)

    def _on_earlier_clicked(self) -> None:
        self._go_to_run(-1)

    def _on_later_clicked(self) -> None:
        self._go_to_run(1)

    def _go_to_run(self, by: int) -> None:
        trace, focus = self._document.trace, self._document.focus
        if trace is None or focus is None or self._lines is None:
            return
        runs = self._lines.runs(trace.graph.nodes[focus])
        place = runs.index(focus) + by if focus in runs else -1
        if 0 <= place < len(runs):
            self._document.select(runs[place])

    def _on_calls_call_chosen(self, file: str, line: int) -> None:
        """Look at a call, until the selection or the cursor moves on."""
        self._looked_at = (file, line)
        if file != self._file:
            self.show_file(file)
        self.view.reveal(line)
        self._show_marks()

    def _on_view_line_marked(self, line: int) -> None:
        """Mark every operation of a line in the graph, each of its runs."""
        if self._lines is not None and self._file is not None:
            nodes = [node.id for node in self._lines.nodes(self._file, line)]
            if nodes:
                self.marks_changed.emit(f"Line {line} of {file_name(self._file)}", nodes)

    @property
    def file(self) -> str | None:
        """Path of the file that is shown."""
        return self._file

    def show_file(self, path: str) -> None:
        """Show another of the program's files."""
        if path not in self._document.sources:
            return
        self._file = path
        text = shown_code(self._document.sources[path])
        if text != self._shown_text:
            self._shown_text = text
            self.view.set_code(text)
        index = self.files.findData(path)
        if index != self.files.currentIndex():
            was_blocked = self.files.blockSignals(True)
            self.files.setCurrentIndex(index)
            self.files.blockSignals(was_blocked)
        self._show_marks()

    # --- the document ---

    def _on_document_trace_changed(self) -> None:
        trace = self._document.trace
        self._lines = None if trace is None else CodeLines(trace)
        self._list_files()
        self._follow(softly=False)

    def _on_document_numbers_changed(self) -> None:
        self._lines = None if self._document.trace is None else CodeLines(self._document.trace)
        self._follow()

    def _on_document_source_changed(self) -> None:
        self._list_files()
        if self._document.trace is None and self._document.fault is not None:
            self._follow(softly=False)

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen:
            self._follow()

    def _on_document_cursor_changed(self) -> None:
        if not self._is_behind:
            self._follow()

    def _on_document_selection_changed(self) -> None:
        self._follow()

    def _list_files(self) -> None:
        paths = list(self._document.sources)
        was_blocked = self.files.blockSignals(True)
        self.files.clear()
        names = [file_name(path) for path in paths]
        for path, name in zip(paths, names, strict=True):
            self.files.addItem(name if names.count(name) == 1 else path, path)
            self.files.setItemData(self.files.count() - 1, tooltip(path), Qt.ItemDataRole.ToolTipRole)
        self.files.blockSignals(was_blocked)
        self.files.setVisible(len(paths) > 1)
        self._stack.setCurrentWidget(self.view if paths else self._empty)
        if not paths:
            self._file = self._shown_text = None
            return
        if self._is_chosen and self._file in paths and self._file is not None:
            self.show_file(self._file)
            return
        self._is_chosen = False
        error = self._document.fault
        main = error[0] if error is not None and error[0] in paths else None
        if main is None:
            main = paths[0] if self._lines is None else self._lines.main_file(paths)
        self.show_file(main or paths[0])

    def _current_place(self) -> tuple[str, int] | None:
        stepper = self._document.stepper
        if self._lines is None or stepper is None or stepper.current_node is None:
            return None
        return self._lines.place(stepper.current_node)

    def _follow(self, *, softly: bool = True) -> None:
        """Show the file and line that the selection, else the cursor, is about."""
        self._looked_at = None
        selection = self._document.selection
        place = self._current_place()
        if selection is not None and self._lines is not None:
            place = self._lines.place(selection) or place
        place = place or self._document.fault
        if place is not None and place[0] in self._document.sources:
            if place[0] != self._file:
                self.show_file(place[0])
            self.view.reveal(place[1], softly=softly)
        self._show_marks()

    def _show_marks(self) -> None:
        self._show_foot()
        trace, stepper, lines = self._document.trace, self._document.stepper, self._lines
        if trace is None or stepper is None or lines is None or self._file is None:
            fault = self._document.fault
            is_here = fault is not None and fault[0] == self._file
            self.view.set_marks(None, None, fault[1] if fault is not None and is_here else None)
            self.view.set_margin({}, set())
            return
        selection = self._document.selection
        places = (
            self._current_place(),
            self._looked_at or (None if selection is None else lines.place(selection)),
            self._document.fault,
        )
        self.view.set_marks(*(place[1] if place is not None and place[0] == self._file else None for place in places))
        updates = lines.updates(self._file, stepper)
        margin = lines.margin(self._file, stepper) | updates
        self.view.set_margin(margin, set(lines.lines(self._file)), set(updates))

    # --- the user ---

    def _on_view_line_chosen(self, line: int) -> None:
        """Select the line's last operation; again: the one before it, and so on round."""
        if self._lines is None or self._file is None:
            return
        nodes = self._lines.nodes(self._file, line)
        ordered = [node.id for node in nodes if node.kind != "op"] + [node.id for node in nodes if node.kind == "op"]
        if not ordered:
            return
        selection = self._document.selection
        index = ordered.index(selection) - 1 if selection is not None and selection in ordered else -1
        self._document.select(ordered[index])

    def _on_files_index_changed(self, index: int) -> None:
        if index >= 0:
            self._is_chosen = True
            self.show_file(str(self.files.itemData(index)))

    def _describe(self, line: int, word: str) -> str:
        """Tooltip of a line, or of the variable under the pointer."""
        stepper = self._document.stepper
        if self._lines is None or stepper is None or self._file is None:
            return ""
        node = self._lines.variable(word, self._file, line) if word.isidentifier() else None
        nodes = [node] if node is not None else self._lines.nodes(self._file, line)
        facts = self._lines.facts(nodes[:_MOST_FACTS], stepper)
        return card(facts, len(nodes) - _MOST_FACTS, self._themes.theme)

    def _on_themes_changed(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        self.calls.set_theme(theme)
        for label in (self._empty, self.run):
            set_text_color(label, theme.muted)
        palette = self._stack.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.surface)
        self._stack.setPalette(palette)
        self._stack.setAutoFillBackground(True)


def _small_button(text: str, tip: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
