"""Section of the inspector on the selected edge: the tensor that flows along it, and the gradient that comes back."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from engine.graph.model import Edge, TensorInfo

from ..widgets.text import set_shown
from .moment import NOT_YET, Moment
from .naming import axis_names, node_title
from .rows import Section
from .value_section import QuantityView


class EdgeSection(Section):
    """Its two ends, the value there, and its consumer's contribution to the gradient of its source."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Edge", parent)
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self.value = QuantityView("Flows along it", self)
        self.gradient = QuantityView("Comes back along it", self)
        self.body.addWidget(self.value)
        self.body.addWidget(self.gradient)

    def show_moment(self, moment: Moment) -> None:
        edge, theme = moment.edge, moment.theme
        self.restart(theme)
        if edge is None:
            self.finish(is_shown=False)
            return
        nodes, stepper = moment.trace.graph.nodes, moment.stepper
        source, target = nodes[edge.source], nodes[edge.target]
        argument = f"as {edge.arg}" if edge.arg else ""
        self.add_row(node_title(source), "", theme.muted, node_id=source.id, before="from")
        self.add_row(node_title(target), argument, theme.muted, node_id=target.id, before="to", is_words=True)
        info = stepper.value(source, edge.output_nr) if stepper.has_value(source) else None
        axes = axis_names(moment.trace.graph, source, edge.output_nr)
        self.value.show_info(info, NOT_YET, theme, is_gradient=False, axes=axes)
        back, note = contribution(moment, edge)
        self.gradient.show_info(back, note, theme, is_gradient=True, axes=axes)
        share = _share(moment, edge) if back is not None else None
        if share is not None:
            self.add_text(
                f"{share:.0%} of what comes back to {node_title(source)}, by norm; its gradient is the sum of all."
            )
        self.finish()
        # What flows out of the node that is described is shown as its value already.
        set_shown(self.value, (moment.node.id, moment.output) != (edge.source, edge.output_nr))
        set_shown(self.gradient, True)


def contribution(moment: Moment, edge: Edge) -> tuple[TensorInfo | None, str]:
    """The gradient that came back along an edge by now; else why there is none."""
    step = moment.trace.step_of(edge.target)
    if edge.grad_index is None:
        return None, f"No gradient comes back: {edge.cut or 'it needs none'}."
    if step is None:
        return None, "No gradient comes back: the backward pass never reaches its reader."
    if step.index >= moment.stepper.position:
        return None, f"Not reached yet: step {step.index + 1} of {len(moment.trace.backward)}."
    info = step.grad_inputs[edge.grad_index] if edge.grad_index < len(step.grad_inputs) else None
    return info, "None came back."


def _share(moment: Moment, edge: Edge) -> float | None:
    """The contribution's part in all that come back to the same output; None for the only one."""
    norms = {}
    for other, info in moment.trace.contributions(edge.source, edge.output_nr):
        if info.summary is None:
            return None
        norms[other] = info.summary.norm
    total = sum(norms.values())
    return norms[edge] / total if len(norms) > 1 and edge in norms and total > 0 else None
