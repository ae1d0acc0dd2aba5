"""The compare panel: another trace beside the open one, and what changed from that one to this."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QPalette, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.errors import RetrogradError
from engine.graph.diff import Comparison, NodeChange, compare
from engine.graph.trace import Trace

from ..background import Background
from ..document import Document
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, ThemeManager, ui_font
from ..training import TrainingModel
from ..widgets.text import set_text_color
from .compare_list import CHANGE_ROLE, ChangeDelegate, ChangeModel
from .compare_text import PARTS, Part, belongs, headline, rank, title_text, where_text

LARGE = 500
"""Traces with more nodes are compared in the background."""
MOST_EARLIER = 2
"""How many of the traces shown before are kept to compare with."""
_NO_TRACE = "Open a program: what its pass has in common with another one is shown here."
_CHOOSE = (
    "Choose what to compare this pass with: another step of the training, the same program before it was run again, "
    "or a saved trace."
)
_BUSY = "Comparing…"


class Choice(NamedTuple):
    """A trace, or the file that holds it, to compare with."""

    title: str
    trace: Trace | str


class ComparePanel(QWidget):
    """Lists what changed from a chosen trace to the document's, the largest change first.

    Parameters
    ----------
    document : gives the trace and is told the selection.
    training : whose recorded steps can be chosen.
    """

    node_activated = Signal(int)
    """Bring a node of the document's trace into view."""
    marks_changed = Signal(str, object)
    """Mark these nodes of the document's trace in the graph: a title, and a list of ids; empty to mark nothing."""
    compared = Signal()
    """Another comparison (or none) is shown."""

    def __init__(
        self, document: Document, training: TrainingModel, themes: ThemeManager, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._training = training
        self._background = Background(self)
        self._cancel: Callable[[], None] | None = None
        self._original: Choice | None = None
        self._earlier: list[Choice] = []
        self._files: list[Choice] = []
        self._last: Trace | None = None
        self._chosen: Choice | None = None
        self._loaded: tuple[str, Trace] | None = None
        self._comparison: Comparison | None = None
        self._is_stale = self._is_behind = False
        self.setAccessibleName("Compare")
        self._build(themes)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.values_changed.connect(self._on_document_values_changed)
        document.numbers_settled.connect(self._on_document_trace_changed)
        training.recorded_changed.connect(self._list_choices)
        training.was_reset.connect(self._list_choices)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self._on_document_trace_changed()

    def _build(self, themes: ThemeManager) -> None:
        self.choices = QComboBox(self)
        self.choices.setAccessibleName("Compare with")
        self.choices.setToolTip("What to compare the open pass with")
        self.choices.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.parts = QComboBox(self)
        self.parts.setAccessibleName("Which changes")
        self.parts.setToolTip("Which changes are listed")
        for part, title in PARTS:
            self.parts.addItem(title, part)
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Filter by name, file or module")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter the changes")
        self.mark = QPushButton("Mark in graph", self)
        self.mark.setCheckable(True)
        self.mark.setToolTip("Dim every node of the graph that is not listed here")
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setFont(ui_font(TEXT_NORMAL_PT))
        self.model = ChangeModel(self)
        self.list = QListView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(ChangeDelegate(themes, self.model))
        self.list.setMouseTracking(True)
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setLayoutMode(QListView.LayoutMode.Batched)
        self.list.setAccessibleName("What changed")
        self._with = QLabel("Compare with", self)
        self._with.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        top = QVBoxLayout()
        top.setContentsMargins(4 * UNIT, 3 * UNIT, 4 * UNIT, 2 * UNIT)
        top.setSpacing(2 * UNIT)
        top.addWidget(self._with)
        top.addWidget(self.choices)
        top.addWidget(self.message)
        self._tools = QWidget(self)
        tools = QVBoxLayout(self._tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(2 * UNIT)
        row = QHBoxLayout()
        row.setSpacing(2 * UNIT)
        row.addWidget(self.parts, 1)
        row.addWidget(self.mark)
        tools.addLayout(row)
        tools.addWidget(self.filter)
        top.addWidget(self._tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        layout.addStretch(0)
        self.choices.activated.connect(self._on_choices_activated)
        self.parts.currentIndexChanged.connect(self._on_parts_changed)
        self.filter.textChanged.connect(self._on_filter_changed)
        self.mark.toggled.connect(self._on_mark_toggled)
        self.list.selectionModel().currentChanged.connect(self._on_list_current_changed)
        self.list.activated.connect(self._on_list_activated)

    # --- what others call

    @property
    def comparison(self) -> Comparison | None:
        """What is shown."""
        return self._comparison

    def set_original(self, trace: Trace | None, title: str = "The original") -> None:
        """The trace of which the document's is an edited version; it is compared with at once. None: not edited."""
        was_original = self._original is not None and self._chosen == self._original
        self._original = None if trace is None else Choice(title, trace)
        if self._original is not None:
            self._chosen = self._original
        elif was_original:
            self._chosen = None
        self._list_choices()
        self._compare()

    def compare_with(self, trace: Trace | str, title: str) -> None:
        """Choose a trace, or the path of its file, to compare the document's with."""
        choice = Choice(title, trace)
        if choice not in self._all():
            self._files.append(choice)
        self._chosen = choice
        self._list_choices()
        self._compare()

    def shut_down(self) -> None:
        """Wait for a comparison that runs."""
        self._drop()
        self._background.shut_down()

    def sizeHint(self) -> QSize:
        return QSize(320, 260)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 80)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._compare()

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen and self._is_stale:
            self._compare()

    # --- choosing

    def _all(self) -> list[Choice]:
        recorded = self._training.recorded
        steps = [Choice(f"Step {step} of this training", trace) for step, trace in sorted(recorded.items())]
        original = [] if self._original is None else [self._original]
        known = [choice.trace for choice in (*original, *steps)]
        earlier = [choice for choice in self._earlier if all(choice.trace is not trace for trace in known)]
        return [*original, *steps, *earlier, *self._files]

    def _list_choices(self) -> None:
        trace = self._document.trace
        found = [choice for choice in self._all() if choice.trace is not trace]
        if self._chosen is not None and all(choice.trace is not self._chosen.trace for choice in found):
            found.append(self._chosen)  # a step that was reset, or the open trace itself: as it was chosen
        self.choices.clear()
        self.choices.addItem("Choose…" if found else "Nothing recorded yet", None)
        for choice in found:
            self.choices.addItem(choice.title, choice)
        self.choices.insertSeparator(self.choices.count())
        self.choices.addItem("A saved trace…", "file")
        chosen = self._chosen
        place = next((k + 1 for k, c in enumerate(found) if chosen is not None and c.trace is chosen.trace), 0)
        self.choices.setCurrentIndex(place)
        self.choices.setEnabled(trace is not None)

    def _on_choices_activated(self, index: int) -> None:
        data = self.choices.itemData(index)
        if data == "file":
            name, _ = QFileDialog.getOpenFileName(self, "Compare with a saved trace", "", "Traces (*.retrograd)")
            if name:
                self.compare_with(name, Path(name).name)
            else:
                self._list_choices()
            return
        self._chosen = data if isinstance(data, Choice) else None
        self._compare()

    # --- comparing

    def _on_document_trace_changed(self) -> None:
        trace, last = self._document.trace, self._last
        self._last = trace
        is_known = any(choice.trace is last for choice in self._all())
        if last is not None and last is not trace and not is_known and self._original is None:
            self._earlier.insert(0, Choice(_title(last), last))
            del self._earlier[MOST_EARLIER:]
        self._list_choices()
        self._compare()

    def _on_document_values_changed(self) -> None:
        if self._comparison is not None:
            self._compare()

    def _drop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._background.drop()

    def _compare(self) -> None:
        self._drop()
        if self._is_behind or not self.isVisible():
            self._is_stale = True
            self._comparison = None
            return
        self._is_stale = False
        trace, chosen = self._document.trace, self._chosen
        if trace is None or chosen is None:
            self._show(None, _NO_TRACE if trace is None else _CHOOSE)
            return
        other: Trace | str = chosen.trace
        if isinstance(other, str) and self._loaded is not None and self._loaded[0] == other:
            other = self._loaded[1]
        if isinstance(other, Trace) and max(len(other.graph.nodes), len(trace.graph.nodes)) <= LARGE:
            self._show(compare(other, trace))
            return
        self._show(None, _BUSY)
        self._cancel = self._background.run(
            partial(_load_and_compare, other, trace), self._on_compared, self._on_failed
        )

    def _on_compared(self, comparison: Comparison) -> None:
        chosen = self._chosen
        if chosen is not None and isinstance(chosen.trace, str):
            self._loaded = chosen.trace, comparison.before
        self._drop()
        self._show(comparison)

    def _on_failed(self, error: Exception) -> None:
        self._drop()
        is_told = isinstance(error, RetrogradError)
        self._show(None, str(error) if is_told else f"The two cannot be compared: {type(error).__name__}: {error}")

    # --- the list

    def _show(self, comparison: Comparison | None, message: str = "") -> None:
        self._comparison = comparison
        self.message.setText(headline(comparison) if comparison is not None else message)
        has_list = comparison is not None and not comparison.is_identical
        self._tools.setVisible(has_list)
        self.list.setVisible(has_list)
        self._fill()
        self.compared.emit()

    def _fill(self) -> None:
        comparison = self._comparison
        part: Part = self.parts.currentData()
        wanted = self.filter.text().strip().lower()
        shown: list[NodeChange] = []
        if comparison is not None:
            shown = [change for change in comparison.ranked() if belongs(change, part)]
            if part in ("values", "gradients"):
                shown.sort(key=partial(rank, part=part))
            if wanted:
                shown = [change for change in shown if wanted in _searched(comparison, change)]
        self.model.show(comparison, shown)
        if self.mark.isChecked():
            self._mark()

    def _on_parts_changed(self, _index: int) -> None:
        self._fill()

    def _on_filter_changed(self, _text: str) -> None:
        self._fill()

    def _on_mark_toggled(self, _is_checked: bool) -> None:
        self._mark()

    def _mark(self) -> None:
        is_on = self.mark.isChecked() and self._comparison is not None
        nodes = [change.after for change in self.model.changes if change.after is not None] if is_on else []
        title = f"Changed since {self._chosen.title[0].lower()}{self._chosen.title[1:]}" if self._chosen else ""
        self.marks_changed.emit(title, nodes)

    def _on_list_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        change = current.data(CHANGE_ROLE)
        if isinstance(change, NodeChange) and change.after is not None:
            self._document.select(change.after)

    def _on_list_activated(self, index: QModelIndex) -> None:
        change = index.data(CHANGE_ROLE)
        if isinstance(change, NodeChange) and change.after is not None:
            self.node_activated.emit(change.after)

    def _on_themes_changed(self, theme: Theme) -> None:
        set_text_color(self.message, theme.text)
        set_text_color(self._with, theme.muted)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme.surface)
        self.setPalette(palette)
        self.setAutoFillBackground(True)
        self.list.viewport().update()


def _searched(comparison: Comparison, change: NodeChange) -> str:
    return f"{title_text(comparison, change)} {where_text(comparison, change)} {' '.join(change.graph)}".lower()


def _title(trace: Trace) -> str:
    name = Path(trace.target.split(":")[0]).name if not trace.target.startswith("demo:") else trace.target
    step = f", step {trace.step}" if trace.step is not None else ""
    loss = f", loss {trace.loss:.4g}" if trace.loss is not None else ""
    return f"Before: {name or 'a trace'}{step}{loss}"


def _load_and_compare(other: Trace | str, trace: Trace) -> Comparison:
    return compare(other if isinstance(other, Trace) else Trace.load(other), trace)
