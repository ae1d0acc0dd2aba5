"""Sections of the inspector that are rows: gradients that arrive and are handed on, saved tensors, arguments, .grad."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from engine.graph.lifetimes import start_of
from engine.graph.model import Edge, Node, SavedTensor, TensorInfo
from engine.graph.numbers import format_shape

from ..widgets.tensor_view import exact_text, number_text
from .moment import Moment
from .naming import node_title
from .rows import Section

_MOST_ROWS = 24
"""A node may have thousands of consumers: the rest is counted."""


def exact_of(info: TensorInfo) -> str:
    """What a tooltip says about a tensor: a scalar's exact value, else its form."""
    if info.numel == 1 and info.array is not None:
        return exact_text(info.array)
    return f"{format_shape(info.shape)}, {info.dtype}"


class ArrivalSection(Section):
    """The gradient that each consumer handed back, and their sum."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Arrived from", parent)

    def show_moment(self, moment: Moment) -> None:
        theme = moment.theme
        arrivals = moment.arrivals()
        self.restart(theme)
        is_start = moment.is_root and bool(moment.trace.backward)
        if is_start:
            info = start_of(moment.trace, moment.node, moment.output)
            start = "" if info is None else number_text(info)
            self.add_row("the backward pass starts here", start, theme.accent_text)
        for edge, info in arrivals[:_MOST_ROWS]:
            name = node_title(moment.trace.graph.nodes[edge.target])
            if info is None:
                self.add_row(name, "still to come", theme.muted, node_id=edge.target, is_words=True)
            else:
                self.add_row(name, number_text(info), theme.accent_text, node_id=edge.target, exact=exact_of(info))
        if len(arrivals) > _MOST_ROWS:
            self.add_text(f"and {len(arrivals) - _MOST_ROWS} more consumers")
        here = sum(1 for handed in arrivals if handed.info is not None) + is_start
        total, count = moment.gradient, len(arrivals) + is_start
        if count > 1 and total is not None:
            self.add_row(f"sum of {count}", number_text(total), theme.accent_text, exact=exact_of(total))
        elif count > 1:
            self.add_text(f"{here} of {count} have arrived; the gradient is their sum.")
        self.finish(is_shown=bool(arrivals) or is_start)


class HandedSection(Section):
    """What the node hands on along each of its inputs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Handed on to", parent)

    def show_moment(self, moment: Moment) -> None:
        theme = moment.theme
        handed = moment.handed_on()
        self.restart(theme)
        for edge, info in handed[:_MOST_ROWS]:
            name = node_title(moment.trace.graph.nodes[edge.source])
            if info is not None:
                self.add_row(name, number_text(info), theme.accent_text, node_id=edge.source, exact=exact_of(info))
                continue
            self.add_row(name, _reason(edge, moment), theme.muted, node_id=edge.source, is_words=True)
        if len(handed) > _MOST_ROWS:
            self.add_text(f"and {len(handed) - _MOST_ROWS} more inputs")
        self.finish(is_shown=bool(handed) and moment.node.grad_fn is not None)


def _reason(edge: Edge, moment: Moment) -> str:
    """Why nothing was handed on along an edge (so far)."""
    if edge.grad_index is not None:
        if moment.step is None:
            return "never reached"
        return "none" if moment.has_run else "still to come"
    return f"none: {edge.cut or 'needs no gradient'}"


class SavedSection(Section):
    """The tensors that the node keeps for its VJP."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Saved for backward", parent)

    def show_moment(self, moment: Moment) -> None:
        theme = moment.theme
        self.restart(theme)
        if not moment.node.saved:
            self.add_text("nothing")
        for saved in moment.node.saved[:_MOST_ROWS]:
            source_of = _saved_source(saved, moment.node)
            text = f"{format_shape(saved.shape)} · v{saved.version}"
            exact = f"{saved.dtype}, {saved.nbytes:,} bytes, version {saved.version}"
            if source_of is None:
                self.add_row(saved.name, text, theme.text, exact=exact)
                continue
            node_id, output = source_of
            source = moment.trace.graph.nodes[node_id]
            info = source.outputs[output] if output < len(source.outputs) else None
            if info is not None and info.numel == 1 and info.array is not None:
                text = f"{number_text(info)} · v{saved.version}"
            self.add_row(node_title(source), text, theme.data_text, node_id=node_id, exact=exact, before=saved.name)
        self.finish(is_shown=moment.node.grad_fn is not None and moment.node.kind == "op")


def _saved_source(saved: SavedTensor, node: Node) -> tuple[int, int] | None:
    """The node and output that a saved tensor is; "result" is autograd's name for a node's own output."""
    if saved.source is None and saved.name == "result" and len(node.outputs) == 1:
        return node.id, 0
    return saved.source


class OperandSection(Section):
    """The operator's arguments that are no tensors."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Arguments", parent)

    def show_moment(self, moment: Moment) -> None:
        self.restart(moment.theme)
        params = moment.node.params
        for name, value in list(params.items())[:_MOST_ROWS]:
            self.add_row(name, _param_text(value), moment.theme.text, exact=_param_text(value))
        self.finish(is_shown=bool(params))


def _param_text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


class LeafSection(Section):
    """What a leaf's `.grad` held before its AccumulateGrad ran, and what it holds afterwards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(".grad", parent)

    def show_moment(self, moment: Moment) -> None:
        self.restart(moment.theme)
        if moment.node.kind == "leaf":
            self._describe(moment)
        self.finish(is_shown=moment.node.kind == "leaf")

    def _describe(self, moment: Moment) -> None:
        theme, step = moment.theme, moment.step
        if step is None:
            self.add_text("None: the backward pass never reaches this leaf.")
            return
        before, after = step.grad_before, step.grad_after
        held = "None" if before is None else number_text(before)
        self.add_row("before", held, theme.accent_text if before is not None else theme.muted)
        if not moment.has_run:
            self.add_row("after", "still to come", theme.muted, is_words=True)
            return
        arrived = step.grad_outputs[0] if step.grad_outputs else None
        if before is not None and arrived is not None:
            self.add_row("+ arrived now", number_text(arrived), theme.accent_text, exact=exact_of(arrived))
        if after is not None:
            self.add_row("after", number_text(after), theme.accent_text, exact=exact_of(after))
        if before is not None:
            self.add_text(
                "The new gradient was added to what .grad already held: it was not set to zero or None before."
            )
