"""The problems panel: what looks wrong in the recorded pass, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QPalette, QResizeEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QListView,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.diagnose import Finding, diagnose
from engine.diagnose.trail import trail_of, why
from engine.diagnose.trail_step import TrailStep
from engine.graph.trace import Trace

from ..background import Background
from ..document import Document
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, ThemeManager, ui_font
from ..widgets.copying import add_copy
from ..widgets.flow_row import FlowRow
from ..widgets.text import plain
from .naming import node_title
from .problem_list import FINDING_ROLE, ROW_PX, WHERE_ROLE, ProblemDelegate, make_model, notices
from .trail_view import TrailView

LARGE = 300
"""Traces with more nodes are searched in the background."""
AFTER_MS = 300
"""So long after they are opened: the graph is drawn first."""
_NO_TRACE = "Open a program: what looks wrong in its backward pass is listed here."
_SEARCHING = "Looking for problems…"
_HEALTHY = "No problems found in this step."
_UNSEEN = " It was recorded without values: NaNs and sizes were not looked at."


class ProblemsPanel(QWidget):
    """Lists the findings of the document's trace, the worst first, and what the recording left out.

    Parameters
    ----------
    document : gives the trace; "Show me" selects the node there and moves to its step.
    themes : whose colours are used.
    """

    count_changed = Signal(int)
    """How many errors and warnings there are now."""
    findings_changed = Signal()
    trail_shown = Signal(str, list)
    """A way back is shown, with its title and nodes; or (no nodes) none is any more."""
    node_shown = Signal(int)
    """Bring a node into view: it is selected, and the cursor is at its step."""

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._background = Background(self)
        self._cancel: Callable[[], None] | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AFTER_MS)
        self._later.timeout.connect(self._on_later_timeout)
        self._findings: list[Finding] = []
        self._count = 0
        self.setAccessibleName("Problems")
        self.model = QStandardItemModel(self)
        self.list = QListView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(ProblemDelegate(themes, self.model))
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Problems found")
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._show_action, self._trace_action = QAction("Show me", self.list), QAction(self.list)
        self._show_action.triggered.connect(self._on_show_clicked)
        self._trace_action.triggered.connect(self._on_trace_back_clicked)
        self.list.addActions([self._show_action, self._trace_action])
        add_copy(self.list, self._copied)
        self._message = QLabel(self)
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setWordWrap(True)
        self._message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._message.setFont(ui_font(TEXT_NORMAL_PT))
        self._make_details()
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.list)
        self._splitter.addWidget(self.details)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 1)
        self._is_divided = False
        self._splitter.splitterMoved.connect(self._on_splitter_moved)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._message)
        self._stack.addWidget(self._splitter)
        self.trail = TrailView(themes, self)
        self._stack.addWidget(self.trail)
        self.trail.step_chosen.connect(self._on_trail_step_chosen)
        self.trail.closed.connect(self._on_trail_closed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self.list.selectionModel().currentChanged.connect(self._on_list_current_changed)
        self.list.activated.connect(self._on_show_clicked)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.updates_changed.connect(self._on_document_updates_changed)
        document.numbers_settled.connect(self._on_document_updates_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self._on_document_trace_changed()

    def _make_details(self) -> None:
        body = self._details_body = QFrame(self)
        self.title = self._paragraph(body, is_bold=True)
        self.reason = self._paragraph(body)
        self.cure = self._paragraph(body)
        self._cure_title = QLabel("What to do", body)
        self._cure_title.setIndent(0)  # with a padding of its own it would not stand in line with what it is above
        self._cure_title.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        self.show_me = QPushButton("Show me", body)
        self.show_me.setToolTip("Select the node and move to its backward step (Enter)")
        row = FlowRow(body, spacing=2 * UNIT, leading=UNIT)
        self.trace_back = QPushButton("Trace it back", body)
        self.trace_back.setToolTip("Walk from what is wrong to where it begins, step by step")
        row.add(self.show_me)
        row.add(self.trace_back)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(6)
        for widget in (self.title, self.reason, self._cure_title, self.cure, row):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.details = QScrollArea(self)
        self.details.setAccessibleName("What was found, and what to do")
        self.details.setWidgetResizable(True)
        self.details.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.details.setFrameShape(QFrame.Shape.NoFrame)
        self.details.setWidget(body)
        self.show_me.clicked.connect(self._on_show_clicked)
        self.trace_back.clicked.connect(self._on_trace_back_clicked)

    @staticmethod
    def _paragraph(parent: QWidget, *, is_bold: bool = False) -> QLabel:
        label = QLabel(parent)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setFont(ui_font(TEXT_NORMAL_PT, bold=is_bold))
        label.setMinimumWidth(40)
        return label

    @property
    def findings(self) -> list[Finding]:
        """What is listed, in the order of the rows."""
        return list(self._findings)

    @property
    def count(self) -> int:
        """How many errors and warnings there are."""
        return self._count

    @property
    def message(self) -> str:
        """What is said instead of a list; empty while there is one."""
        return self._message.text() if self._stack.currentWidget() is self._message else ""

    def explain(self, node_id: int) -> None:
        """Say why a node's value or gradient is NaN, or its gradient zero or None, as a trail."""
        trace = self._document.trace
        if trace is None:
            return
        name = plain(node_title(trace.graph.nodes[node_id]))
        steps = why(trace, node_id)
        if not steps:
            text = f"The value of {name} is finite, its gradient neither None nor NaN, and its size not known."
            steps = [TrailStep(node_id=node_id, what="gradient", role="symptom", text=text)]
        self._show_trail(f"Why is this so: {name}", steps)

    def sizeHint(self) -> QSize:
        return QSize(320, 260)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 80)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._divide()

    def _on_splitter_moved(self, _position: int, _index: int) -> None:
        self._is_divided = True

    def _divide(self) -> None:
        """Give the explanation what it needs, as long as two rows of the list are seen; unless the user has divided."""
        layout = self._details_body.layout()
        if self._is_divided or layout is None or self._splitter.height() <= 2 * ROW_PX:
            return
        total = self._splitter.height() - self._splitter.handleWidth()
        needed = layout.heightForWidth(max(self.details.viewport().width(), 40))
        rows = min(self.list.maximumHeight(), max(total - needed, 2 * ROW_PX))
        self._splitter.setSizes([rows, total - rows])

    def shut_down(self) -> None:
        """Wait for a search that runs."""
        self._drop_search()
        self._background.shut_down()

    # --- the search ---

    def _on_document_trace_changed(self) -> None:
        self._drop_search()
        trace = self._document.trace
        if trace is None:
            self._show([], _NO_TRACE)
        elif len(trace.graph.nodes) <= LARGE:
            self._on_search_finished(trace, diagnose(trace))
        else:
            self._show([], _SEARCHING)
            self._later.start()

    def _on_later_timeout(self) -> None:
        trace = self._document.trace
        if trace is not None:
            self._cancel = self._background.run(
                partial(diagnose, trace), partial(self._on_search_finished, trace), self._on_search_failed
            )

    def _on_document_updates_changed(self) -> None:
        """More is known of the program now: what is chosen in the list stays chosen."""
        shown = self._stack.currentWidget()
        self._on_document_trace_changed()
        if shown is self.trail:
            self._stack.setCurrentWidget(shown)

    def _drop_search(self) -> None:
        self._later.stop()
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._background.drop()

    def _on_search_finished(self, trace: Trace, found: list[Finding]) -> None:
        self._drop_search()
        extra = notices(trace)
        listed = [row for row in extra if row.severity == "error"] + found
        self._show(
            listed + [row for row in extra if row.severity != "error"], _HEALTHY + _UNSEEN * (trace.values == "none")
        )

    def _on_search_failed(self, error: Exception) -> None:
        self._drop_search()
        self._show([], f"The search for problems failed: {error}")

    def _show(self, findings: list[Finding], message: str) -> None:
        current, worst, self._findings = self._current(), self._findings[:1], findings
        trace = self._document.trace
        if trace is not None:
            make_model(trace, findings, self.model)
        else:
            self.model.clear()
        self._message.setText(message)
        self._stack.setCurrentWidget(self._splitter if findings else self._message)
        if findings:
            self.list.setMaximumHeight(len(findings) * ROW_PX + 2)  # the explanation has the rest
            is_same = current in findings and findings[:1] == worst  # else the worst is new, and is shown
            row = findings.index(current) if is_same and current is not None else 0
            self.list.setCurrentIndex(self.model.index(row, 0))
        count = sum(1 for finding in findings if finding.severity != "note")
        if count != self._count:
            self._count = count
            self.count_changed.emit(count)
        self.findings_changed.emit()

    # --- the user ---

    def _current(self) -> Finding | None:
        found = self.list.currentIndex().data(FINDING_ROLE)
        return found if isinstance(found, Finding) else None

    def _on_list_current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        finding = self._current()
        if finding is None:
            return
        self.title.setText(finding.title)
        self.reason.setText(finding.reason)
        self.reason.setVisible(bool(finding.reason))
        self.cure.setText(finding.cure)
        self.cure.setVisible(bool(finding.cure))
        self._cure_title.setVisible(bool(finding.cure))
        self.show_me.setVisible(finding.node_id >= 0)
        trace = self._document.trace
        has_trail = trace is not None and finding.node_id >= 0 and bool(trail_of(trace, finding))
        self.trace_back.setVisible(has_trail)
        self.trace_back.setText("Trace the NaN back" if finding.kind.startswith("nan-") else "Trace it back")
        self._trace_action.setText(self.trace_back.text())
        self._trace_action.setVisible(has_trail)
        self._show_action.setVisible(finding.node_id >= 0)
        self.details.verticalScrollBar().setValue(0)
        self._divide()

    def _copied(self) -> str:
        """The current finding in full, for a message to somebody else."""
        finding, where = self._current(), self.list.currentIndex().data(WHERE_ROLE)
        if finding is None:
            return ""
        return "\n".join(text for text in (finding.title, where, finding.reason, finding.cure) if text)

    def _on_show_clicked(self) -> None:
        finding = self._current()
        if finding is not None and finding.node_id >= 0:
            self._show_node(finding.node_id)

    def _show_node(self, node_id: int) -> None:
        self._document.jump_to(node_id)
        self._document.select(node_id)
        self.node_shown.emit(node_id)

    def _on_trace_back_clicked(self) -> None:
        finding, trace = self._current(), self._document.trace
        if finding is not None and trace is not None:
            self._show_trail(finding.title, trail_of(trace, finding))

    def _show_trail(self, title: str, steps: list[TrailStep]) -> None:
        self._stack.setCurrentWidget(self.trail)
        self.trail.show_trail(title, steps)
        self.trail_shown.emit(title, [node for step in steps for node in (step.node_id, *step.passed)])

    def _on_trail_step_chosen(self, step: TrailStep) -> None:
        self._show_node(step.node_id)

    def _on_trail_closed(self) -> None:
        self.trail_shown.emit("", [])
        self._stack.setCurrentWidget(self._splitter if self._findings else self._message)

    def _on_themes_changed(self, theme: Theme) -> None:
        for label, color in (
            (self._message, theme.muted),
            (self._cure_title, theme.muted),
            (self.title, theme.text),
            (self.reason, theme.text),
            (self.cure, theme.text),
        ):
            # The heading belongs to what is below it.
            padding = "16px" if label is self._message else "8px 0 0 0" if label is self._cure_title else "0"
            label.setStyleSheet(f"QLabel {{ color: {color.name()}; background: transparent; padding: {padding}; }}")
        for widget in (self._stack, self._details_body):
            palette = widget.palette()
            palette.setColor(QPalette.ColorRole.Window, theme.surface)
            widget.setPalette(palette)
            widget.setAutoFillBackground(True)
        self.list.viewport().update()
        self.trail.set_colors()
