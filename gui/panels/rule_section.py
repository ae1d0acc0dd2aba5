"""The rule of a node: formulas, one plain sentence, the numbers of this step put in, and what can be asked about it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from engine.rules import Rule, rule_for
from engine.rules.book import derivative_text
from engine.rules.jacobian import MOST_ENTRIES, jacobian

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from ..widgets.flow_row import FlowRow
from ..widgets.formula_view import FormulaView
from ..widgets.heat_map import scale_limit
from ..widgets.heat_view import HeatView
from ..widgets.text import LinkButton, set_text_color
from .moment import Moment
from .naming import node_name
from .rows import Section, paragraph, set_shown, set_text
from .substitution import SubstitutionView, is_quick

_NO_BACKWARD = "No backward node: autograd did not record this operation, so no gradient flows through it."
_GRAY = QColor("gray")


class JacobianView(QWidget):
    """d result / d operand of a small node, as a matrix: rows are the result's elements, columns the operand's."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions: list[QLabel] = []
        self._heats: list[HeatView] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(UNIT)

    def show_moment(self, moment: Moment) -> bool:
        """Show the Jacobians in each operand; False where there is none that is small enough and known."""
        step, shown = moment.step, 0
        for edge in moment.trace.graph.incoming(moment.node) if step is not None else ():
            if step is None or edge.grad_index is None:
                continue
            found = jacobian(moment.trace, step, edge, moment.output)
            if found is None or found.size == 0:
                continue
            if len(self._heats) <= shown:
                self._captions.append(paragraph("", _GRAY, self, point_size=TEXT_SMALL_PT))
                self._heats.append(HeatView(self, most_height=120))
                self._column.addWidget(self._captions[-1])
                self._column.addWidget(self._heats[-1])
            operand = node_name(moment.trace.graph.nodes[edge.source])
            rows, columns = found.shape
            text = f"∂ {node_name(moment.node)} / ∂ {operand}: {rows} × {columns}"
            set_text(self._captions[shown], text)
            set_text_color(self._captions[shown], moment.theme.muted)
            self._heats[shown].show_matrix(found, scale_limit(found), moment.theme, is_gradient=False)
            set_shown(self._heats[shown], True)
            shown += 1
        for caption, heat in zip(self._captions[shown:], self._heats[shown:], strict=True):
            set_shown(caption, False)
            set_shown(heat, False)
        return shown > 0

    @property
    def matrices(self) -> list[HeatView]:
        return [heat for heat in self._heats if not heat.isHidden()]


class RuleSection(Section):
    """Forward formula, VJP, one sentence, and the rule with this node's numbers put in."""

    fetch_requested = Signal()
    """The user asks for the values that the rule needs."""
    check_requested = Signal()
    """The user asks for a comparison with finite differences, or (while one runs) to stop it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Rule", parent)
        self.body.setSpacing(2 * UNIT)
        self.forward, self.vjp = FormulaView(self), FormulaView(self)
        self.forward_text = paragraph("", _GRAY, self, point_size=TEXT_SMALL_PT)
        self.vjp_text = paragraph("", _GRAY, self, point_size=TEXT_SMALL_PT)
        self.explanation = paragraph("", _GRAY, self)
        self.numbers = SubstitutionView(self)
        self.numbers.fetch_requested.connect(self.fetch_requested)
        self.note = paragraph("", _GRAY, self, point_size=TEXT_SMALL_PT)
        self.derivative = paragraph("", _GRAY, self, point_size=TEXT_SMALL_PT)
        self.derivative.setFont(mono_font(TEXT_SMALL_PT))
        self.jacobian = JacobianView(self)
        self.verdict = paragraph("", _GRAY, self)
        font = ui_font(TEXT_NORMAL_PT)
        self.check_link = LinkButton("Check", _GRAY, self, font=font)
        self.jacobian_link = LinkButton("Jacobian", _GRAY, self, font=font)
        self.derivative_link = LinkButton("PyTorch’s formula", _GRAY, self, font=font)
        self.check_link.set_hint("Compare this VJP with finite differences of the operation, run again")
        self.jacobian_link.set_hint("Every derivative of a result's element by an operand's, as a matrix")
        self.derivative_link.set_hint("How PyTorch itself writes this derivative")
        self.check_link.clicked.connect(self.check_requested)
        self.jacobian_link.clicked.connect(self._on_jacobian_link_clicked)
        self.derivative_link.clicked.connect(self._on_derivative_link_clicked)
        links = FlowRow(self, spacing=4 * UNIT)
        for link in (self.check_link, self.jacobian_link, self.derivative_link):
            links.add(link)
        for widget in (
            *(self.forward, self.vjp, self.forward_text, self.vjp_text, self.explanation, self.numbers, self.note),
        ):
            self.body.addWidget(widget)
        self.body.addWidget(links)
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.jacobian)
        self.body.addWidget(self.derivative)
        self.verdict.hide()
        self.jacobian.hide()
        self.derivative.hide()
        self._moment: Moment | None = None
        self._has_jacobian = self._has_derivative = False

    def show_moment(self, moment: Moment, *, is_brief: bool = False, is_fetchable: bool = False) -> None:
        """`is_brief` leaves out what takes more than a moment to work out."""
        self._moment = moment
        grad_fn, theme = moment.node.grad_fn, moment.theme
        self.restart(theme)
        rule = None if grad_fn is None else rule_for(grad_fn)
        if rule is None:
            self.add_text(_NO_BACKWARD if grad_fn is None else f"No formula is known for {grad_fn}.")
        self._show_rule(rule, theme)
        if not moment.has_run or moment.step is None or rule is None:
            self.numbers.clear()
        elif is_brief and not is_quick(moment.step):
            self.numbers.show_waiting(theme)
        else:
            self.numbers.show_step(moment.trace, moment.step, theme, is_fetchable=is_fetchable)
        set_shown(self.numbers, bool(self.numbers.shown) or bool(self.numbers.note.text()))
        self._show_links(moment, rule)
        if not is_brief:
            self._show_more()
        self.finish(is_shown=grad_fn is not None or moment.node.kind == "op")

    def _show_rule(self, rule: Rule | None, theme: Theme) -> None:
        is_text = rule is not None and rule.is_text
        forward, vjp = ("", "") if rule is None else (rule.forward, rule.vjp)
        for view, latex, color in ((self.forward, forward, theme.text), (self.vjp, vjp, theme.accent_text)):
            is_typeset = bool(latex) and not is_text
            if is_typeset:
                view.set_latex(latex, color)
            set_shown(view, is_typeset)
        for label, text, color in (
            (self.forward_text, forward if is_text else "", theme.text),
            (self.vjp_text, vjp if is_text else "", theme.accent_text),
            (self.explanation, "" if rule is None else rule.explanation, theme.text),
            (self.note, "" if rule is None else rule.note, theme.muted),
        ):
            set_text(label, text)
            set_text_color(label, color)

    def _show_links(self, moment: Moment, rule: Rule | None) -> None:
        theme = moment.theme
        is_operation = moment.node.kind == "op" and moment.node.grad_fn is not None and moment.step is not None
        set_shown(self.check_link, is_operation)
        set_shown(self.jacobian_link, is_operation and _is_small(moment))
        set_shown(self.derivative_link, rule is not None and not rule.is_text and bool(derivative_text(rule.name)))
        self.jacobian_link.set_text("Hide the Jacobian" if self._has_jacobian else "Jacobian")
        self.derivative_link.set_text("Hide PyTorch’s formula" if self._has_derivative else "PyTorch’s formula")
        for link in (self.check_link, self.jacobian_link, self.derivative_link):
            link.set_color(theme.data_text)

    def _show_more(self) -> None:
        moment = self._moment
        if moment is None:
            return
        has_jacobian = self._has_jacobian and not self.jacobian_link.isHidden()
        set_shown(self.jacobian, has_jacobian and self.jacobian.show_moment(moment))
        is_known = self._has_derivative and not self.derivative_link.isHidden()
        set_text(self.derivative, derivative_text(moment.node.grad_fn or "") if is_known else "")
        set_text_color(self.derivative, moment.theme.text)

    def show_verdict(self, text: str, *, is_running: bool, is_bad: bool = False) -> None:
        """What a comparison with finite differences said, or that one runs."""
        self.check_link.set_text("Stop the check" if is_running else "Check")
        set_text(self.verdict, text)
        if self.theme is not None:
            set_text_color(self.verdict, self.theme.accent_text if is_bad else self.theme.text)

    def texts(self) -> list[str]:
        labels = (self.forward_text, self.vjp_text, self.explanation, self.note, self.verdict, self.derivative)
        found = super().texts() + [label.text() for label in labels if not label.isHidden()]
        return found + ([self.numbers.text()] if self.numbers.text() else [])

    def _on_jacobian_link_clicked(self) -> None:
        self._has_jacobian = not self._has_jacobian
        self._show_again()

    def _on_derivative_link_clicked(self) -> None:
        self._has_derivative = not self._has_derivative
        self._show_again()

    def _show_again(self) -> None:
        moment = self._moment
        if moment is not None:
            grad_fn = moment.node.grad_fn
            self._show_links(moment, None if grad_fn is None else rule_for(grad_fn))
            self._show_more()


def _is_small(moment: Moment) -> bool:
    """Whether the Jacobian has few enough entries to be drawn, and the values are there."""
    value = moment.value
    sizes = [
        moment.trace.graph.nodes[edge.source].outputs[edge.output_nr].numel
        for edge in moment.trace.graph.incoming(moment.node)
        if edge.grad_index is not None
    ]
    return value is not None and bool(sizes) and min(sizes) * value.numel <= MOST_ENTRIES
