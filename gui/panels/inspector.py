"""The inspector: everything about one node, value above gradient, at the present position of the backward pass."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.graph.model import Node
from engine.graph.numbers import format_shape
from engine.rules.cells import missing_values

from ..checking import NodeChecker
from ..document import Document
from ..style import TEXT_LARGE_PT, TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, ThemeManager, mono_font, ui_font
from ..watching import Watch, WatchModel
from ..widgets.text import ElidedLabel, set_text_color
from ..widgets.vertical_area import VerticalArea
from .cost_section import CostSection
from .edge_section import EdgeSection
from .edit_section import EditSection
from .following import Following
from .inspector_sections import (
    ArrivalSection,
    HandedSection,
    LeafSection,
    OperandSection,
    SavedSection,
)
from .moment import Moment
from .naming import assigns, file_name, form_text, line_text, node_name, scope_text
from .rows import MARGIN
from .rule_section import RuleSection
from .update_section import UpdateSection
from .value_section import Fetching, ValueSection, is_large

REST_MS = 70
"""So long after the last step, what takes longer to work out is shown too."""
_Section = (
    EditSection | LeafSection | UpdateSection | ArrivalSection | HandedSection | SavedSection | OperandSection
    | CostSection
)  # fmt: skip
_NO_FOCUS = "Click a node of the graph to see its value, its gradient and its rule."
_EMPTY = "Nothing to show yet. Run a program or open a trace; then click a node of the graph."


class Header(QWidget):
    """The node's name and line of code, its autograd node, where it is and what form it has."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel("", self, font=ui_font(TEXT_LARGE_PT, bold=True))
        self.grad_fn = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
        self.grad_fn.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.grad_fn.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.code = ElidedLabel("", self, font=mono_font(TEXT_SMALL_PT))
        self.form = ElidedLabel("", self, font=ui_font(TEXT_NORMAL_PT))
        self.scope = ElidedLabel("", self, font=ui_font(TEXT_NORMAL_PT), mode=Qt.TextElideMode.ElideLeft)
        self.outputs = QComboBox(self)
        self.outputs.setAccessibleName("Output of the node")
        self.outputs.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.outputs.setMinimumWidth(12 * UNIT)
        self._top = QHBoxLayout()
        self._top.setSpacing(2 * UNIT)
        self._top.addWidget(self.title, 1)
        self._top.addWidget(self.grad_fn)
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 3 * UNIT, MARGIN, 3 * UNIT)
        layout.setSpacing(UNIT)
        layout.addLayout(self._top)
        for widget in (self.code, self.form, self.scope, self.outputs):
            layout.addWidget(widget)

    def _arrange(self) -> None:
        """The autograd node stands beside the title where both fit in full, else below it."""
        needed = self.title.sizeHint().width() + self.grad_fn.sizeHint().width() + 2 * UNIT
        fits = needed <= self.width() - 2 * MARGIN
        if fits != (self._top.indexOf(self.grad_fn) >= 0):
            for layout in (self._top, self._column):
                layout.removeWidget(self.grad_fn)
            if fits:
                self._top.addWidget(self.grad_fn)
            else:
                self._column.insertWidget(1, self.grad_fn)
        policy = QSizePolicy.Policy.Maximum if fits else QSizePolicy.Policy.Ignored
        self.grad_fn.setSizePolicy(policy, QSizePolicy.Policy.Fixed)
        side = Qt.AlignmentFlag.AlignRight if fits else Qt.AlignmentFlag.AlignLeft
        self.grad_fn.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def show_moment(self, moment: Moment) -> None:
        node, theme = moment.node, moment.theme
        code = line_text(moment.sources, node.source)
        is_result = assigns(code, node.name)
        self.title.set_text(code if is_result else node_name(node))
        self.title.set_color(theme.text)
        self.grad_fn.set_text(node.grad_fn or ("no grad_fn" if node.kind == "op" else node.kind))
        self.grad_fn.set_color(theme.muted)
        self.code.set_text(code)
        self.code.set_color(theme.muted)
        self.code.setVisible(bool(code) and not is_result)
        self.form.set_text(_form(moment), _place(node))
        self.form.set_color(theme.muted)
        self.scope.set_text(scope_text(node.scope))
        self.scope.set_color(theme.muted)
        self.scope.setVisible(bool(node.scope))
        self._show_outputs(moment)
        self._arrange()

    def _show_outputs(self, moment: Moment) -> None:
        outputs = moment.node.outputs
        self.outputs.setVisible(len(outputs) > 1)
        was_blocked = self.outputs.blockSignals(True)
        self.outputs.clear()
        for number, info in enumerate(outputs):
            self.outputs.addItem(f"output {number}: {info.name or form_text(info)}")
        self.outputs.setCurrentIndex(moment.output)
        self.outputs.blockSignals(was_blocked)


def _form(moment: Moment) -> str:
    node, value = moment.node, moment.value
    parts = [] if node.source is None else [f"line {node.source.line}"]
    if value is not None:
        parts += [format_shape(value.shape), value.dtype.removeprefix("torch."), value.device]
        if value.layout not in ("strided", "torch.strided"):
            parts.append(value.layout.removeprefix("torch."))
    return " · ".join(parts)


def _place(node: Node) -> str | None:
    if node.source is None:
        return None
    return f"{file_name(node.source.file)}, line {node.source.line}, in {node.source.function}"


class InspectorPanel(QWidget):
    """Describes `document.focus`: the selected node, else the current step's, else the root.

    Parameters
    ----------
    document : only read, and told which node to select or to run to.
    themes : whose colours are used.
    """

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._output = 0
        self._shown: int | None = None
        self.follows_later = False
        """Show a new position only after everything else is painted: the graph answers a key at once, and of several
        steps in a row the last one is described."""
        self._is_behind = self._is_stale = False
        self._later = Following(self)
        self._later.due.connect(self._on_later_due)
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self._refresh)
        self._checker: NodeChecker | None = None
        self._watching: WatchModel | None = None
        self.setAccessibleName("Inspector")
        self.header = Header()
        self.value = ValueSection()
        self.rule = RuleSection()
        self.edge = EdgeSection()
        self.leaf = LeafSection()
        self.update_ = UpdateSection()
        self.arrived = ArrivalSection()
        self.handed = HandedSection()
        self.saved = SavedSection()
        self.operands = OperandSection()
        self.cost = CostSection()
        self._sections: tuple[_Section, ...] = (
            self.leaf, self.update_, self.arrived, self.handed, self.saved, self.operands, self.cost,
        )  # fmt: skip
        self._empty = QLabel(_EMPTY)
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setWordWrap(True)
        self._empty.setObjectName("emptyNote")
        self._empty.setFont(ui_font(TEXT_NORMAL_PT))
        self.area = VerticalArea(self)
        self.area.setAccessibleName("Description of the node")
        for widget in (self._empty, self.header, self.edge, self.value, self.rule, *self._sections):
            self.area.column.addWidget(widget)
        self.area.column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        self.setMinimumWidth(220)
        self.rule.fetch_requested.connect(self._on_rule_fetch_requested)
        for section in (self.edge, *self._sections):
            section.node_chosen.connect(self._on_section_node_chosen)
        self.value.look_requested.connect(self._refresh)
        self.value.run_requested.connect(self._on_value_run_requested)
        self.value.fetch_requested.connect(self._on_value_fetch_requested)
        self.header.outputs.currentIndexChanged.connect(self._on_output_index_changed)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_changed)
        document.cursor_changed.connect(self._on_document_changed)
        document.selection_changed.connect(self._on_document_changed)
        document.source_changed.connect(self._on_document_changed)
        document.values_changed.connect(self._on_document_changed)
        document.updates_changed.connect(self._on_document_changed)
        themes.changed.connect(self._on_themes_changed)
        self._refresh()

    def add_section(self, section: _Section) -> None:
        """Put another section below value and gradient."""
        self._sections = (section, *self._sections)
        self.area.column.insertWidget(self.area.column.indexOf(self.value) + 1, section)
        section.node_chosen.connect(self._on_section_node_chosen)
        self._refresh()

    @property
    def output(self) -> int:
        """The output of the node that is described."""
        return self._output

    def set_watching(self, watching: WatchModel) -> None:
        """Where the links beside value and gradient pin them."""
        self._watching = watching
        watching.changed.connect(self._show_pins)
        self.value.pin_requested.connect(self._on_value_pin_requested)
        self._show_pins()

    def _show_pins(self) -> None:
        if self._watching is None or self._shown is None:
            return
        for view, is_gradient in ((self.value.value, False), (self.value.gradient, True)):
            is_watched = self._watching.is_watched(Watch(self._shown, self._output, is_gradient))
            view.show_pin(is_watched=is_watched, color=self._themes.theme.muted)

    def _on_value_pin_requested(self, is_gradient: bool) -> None:
        if self._watching is not None and self._shown is not None:
            self._watching.toggle(Watch(self._shown, self._output, is_gradient))

    def set_checker(self, checker: NodeChecker) -> None:
        """Whom to ask for comparisons with finite differences."""
        self._checker = checker
        checker.changed.connect(self._show_verdict)
        self.rule.check_requested.connect(self._on_rule_check_requested)

    def _show_verdict(self) -> None:
        verdict = None if self._checker is None or self._shown is None else self._checker.verdict(self._shown)
        if verdict is None:
            self.rule.show_verdict("", is_running=False)
        else:
            self.rule.show_verdict(verdict.text, is_running=verdict.is_running, is_bad=verdict.is_bad)

    def _on_rule_check_requested(self) -> None:
        if self._checker is not None and self._shown is not None:
            self._checker.toggle(self._shown)

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen and self._is_stale:
            self._refresh()

    def show_now(self) -> None:
        """Describe at once what would be described after the next frame."""
        if self._later.is_waiting or self._resting.isActive():
            self._refresh()

    def _refresh(self) -> None:
        self._later.stop()
        self._resting.stop()
        self._is_stale = self._is_behind
        if not self._is_behind:
            self._show()

    def _show(self, *, is_brief: bool = False) -> None:
        with self.area.changing():
            is_another = self._show_focus(is_brief=is_brief)
        if is_another:
            self.area.scroll_to_top()

    def _show_focus(self, *, is_brief: bool) -> bool:
        """Describe the node in focus; returns whether it is another one than before."""
        theme = self._themes.theme
        self.area.set_theme(theme)
        focus = self._document.focus
        trace, stepper = self._document.trace, self._document.stepper
        is_empty = focus is None or trace is None or stepper is None or not 0 <= focus < len(trace.graph.nodes)
        self._empty.setVisible(is_empty)
        self._empty.setText(_EMPTY if trace is None else _NO_FOCUS)
        set_text_color(self._empty, theme.muted)
        self.header.setVisible(not is_empty)
        if is_empty or focus is None or trace is None or stepper is None:
            self._shown = None
            for section in (self.edge, self.value, self.rule, *self._sections):
                section.hide()
            return False
        node = trace.graph.nodes[focus]
        is_another = focus != self._shown
        if is_another:
            self._shown = focus
            self._output = _first_output(node)
        index = self._document.edge
        edge = None if index is None else trace.graph.edges[index]
        moment = Moment(trace, stepper, node, self._output, theme, self._document.sources, edge)
        self.header.show_moment(moment)
        self.edge.show_moment(moment)
        self.value.show_moment(moment, self._fetching(moment))
        self.rule.show_moment(moment, is_brief=is_brief, is_fetchable=self._document.is_replayable)
        self._show_verdict()
        self._show_pins()
        for section in self._sections:
            section.show_moment(moment)
        return is_another

    def _fetching(self, moment: Moment) -> Fetching | None:
        if not self._document.is_replayable:
            return None
        node_id, output = moment.node.id, self._output
        value, gradient = (
            self._document.is_awaiting(node_id, output, is_gradient=is_gradient) for is_gradient in (False, True)
        )
        large_value, large_gradient = (
            self._document.large_tensor(node_id, output, is_gradient=is_gradient) if is_large(info) else None
            for info, is_gradient in ((moment.value, False), (moment.gradient, True))
        )
        return Fetching(value, gradient, large_value, large_gradient)

    def _on_document_trace_changed(self) -> None:
        self._shown = None
        self._refresh()

    def _on_later_due(self) -> None:
        self._is_stale = self._is_behind
        if not self._is_behind:
            self._show(is_brief=True)
            self._resting.start()

    def _on_document_changed(self) -> None:
        if self.follows_later and not self._is_behind:
            self._resting.stop()
            self._later.note()
        else:
            self._refresh()

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._refresh()

    def _on_output_index_changed(self, index: int) -> None:
        if index >= 0:
            self._output = index
            self._refresh()

    def _on_section_node_chosen(self, node_id: int) -> None:
        self._document.select(node_id)

    def _on_value_run_requested(self) -> None:
        if self._shown is not None:
            self._document.run_to(self._shown)

    def _on_value_fetch_requested(self, is_gradient: bool) -> None:
        if self._shown is not None:
            self._document.request_values(self._shown, self._output, is_gradient=is_gradient)
            self._refresh()

    def _on_rule_fetch_requested(self) -> None:
        trace, shown = self._document.trace, self._shown
        step = None if trace is None or shown is None else trace.step_of(shown)
        if trace is not None and step is not None:
            for node, output, is_gradient in missing_values(trace, step):
                self._document.request_values(node, output, is_gradient=is_gradient)
            self._refresh()


def _first_output(node: Node) -> int:
    """The output to show first: one that takes part in the backward pass, if there is one."""
    return next((number for number, info in enumerate(node.outputs) if info.requires_grad), 0)
