"""Edits in words: what the list, the undo menu and the badge say."""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph.edits import (
    AnyEdit,
    ClipGradient,
    CutEdge,
    ReplaceGradient,
    ScaleGradient,
    SetConstant,
    SetRequiresGrad,
    SetSeed,
    SetValue,
)
from engine.graph.model import Edge
from engine.graph.numbers import format_number, format_shape
from engine.graph.trace import Trace
from engine.graph.values import Values


def node_words(trace: Trace, node: int) -> str:
    """The variable's name, else the operation."""
    found = trace.graph.nodes[node]
    return found.name or found.label


def edge_words(trace: Trace, edge: Edge | CutEdge) -> str:
    """ "w → mul"; "x (line 72) → x (line 71)" where one name stands for both."""
    names = [node_words(trace, edge.source), node_words(trace, edge.target)]
    sources = [trace.graph.nodes[node].source for node in (edge.source, edge.target)]
    if names[0] == names[1]:
        names = [
            name if source is None else f"{name} (line {source.line})"
            for name, source in zip(names, sources, strict=True)
        ]
    return " → ".join(names)


def different_edge_words(trace: Trace, edges: Sequence[Edge]) -> list[str]:
    """The edges in words; those that read the same say by their consumer's line, else by its input, which is which."""
    words = [edge_words(trace, edge) for edge in edges]
    for is_line in (True, False):
        again = {text for text in words if words.count(text) > 1}
        for place, (text, edge) in enumerate(zip(words, edges, strict=True)):
            source = trace.graph.nodes[edge.target].source
            if text in again and is_line and source is not None:
                words[place] = f"{text} (line {source.line})"
            elif text in again and not is_line:
                words[place] = f"{text} as {edge.arg or f'input {edge.input_nr}'}"
    return words


def describe(edit: AnyEdit, trace: Trace) -> str:
    """ "w = −1.5", "cut w → mul", "∂z × 0.5"; `trace` is the unedited one."""
    if isinstance(edit, SetValue):
        return f"{node_words(trace, edit.node)} = {_amount(edit.values)}"
    if isinstance(edit, SetConstant):
        value = edit.value if isinstance(edit.value, bool) else format_number(float(edit.value))
        return f"{edit.name} of {node_words(trace, edit.node)} = {value}"
    if isinstance(edit, SetSeed):
        return f"seed = {edit.seed}"
    if isinstance(edit, SetRequiresGrad):
        return f"{node_words(trace, edit.node)} {'requires' if edit.requires_grad else 'needs no'} gradient"
    if isinstance(edit, CutEdge):
        return f"cut {edge_words(trace, edit)}"
    place = f"∂{node_words(trace, edit.node)}"
    if isinstance(edit, ScaleGradient):
        return f"{place} = 0" if edit.factor == 0 else f"{place} × {format_number(edit.factor)}"
    if isinstance(edit, ClipGradient):
        limit = format_number(edit.limit)
        return f"‖{place}‖ ≤ {limit}" if edit.is_norm else f"{place} within ±{limit}"
    return f"{place} = {_amount(edit.values)}"


def _amount(values: Values) -> str:
    array = values.array
    if array.size == 1 and array.dtype.kind != "c":
        return format_number(float(array.reshape(-1)[0]))
    return f"{format_shape(values.shape)} values"


def node_of(edit: AnyEdit) -> int | None:
    """The node that an edit is about; None for the seed."""
    if isinstance(edit, CutEdge):
        return edit.target
    return None if isinstance(edit, SetSeed) else edit.node


def is_gradient(edit: AnyEdit) -> bool:
    """Whether an edit is one of the backward pass."""
    return isinstance(edit, ScaleGradient | ClipGradient | ReplaceGradient | CutEdge | SetRequiresGrad)
