"""Writes a recorded VJP with its numbers put in, as lines of text, where it is small enough to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..graph.numbers import format_number
from .cells import cell, text_of

if TYPE_CHECKING:
    from ..graph.model import Edge, TensorInfo
    from ..graph.trace import BackwardStep, Trace

MOST_ELEMENTS = 4
"""Largest number of lines for one operand."""


def substitute(trace: Trace, step: BackwardStep) -> list[str]:
    """The step's VJP with its numbers put in, one line per element of each operand that gets a gradient.

    For example "−0.0817 × 1.1 = −0.0898 → w". Empty where the values were not kept, are too many to read, or the
    operation has no such form; `engine.rules.cells` writes a single element of any size of gradient.
    """
    lines: list[str] = []
    for edge, info in handed_on(trace, step):
        if info.array is None or info.array.size > MOST_ELEMENTS or info.array.dtype.kind == "c":
            return []
        for index in np.ndindex(*info.array.shape):
            found = cell(trace, step, edge, index)
            if found is None:
                return []
            left, result = text_of(found.expression), format_number(float(found.expression.value))
            target = target_name(trace, step, edge) + position(index if info.array.size > 1 else ())
            # "−0.08 = −0.08" would say nothing.
            lines.append(f"{left} → {target}" if left == result else f"{left} = {result} → {target}")
    return lines


def handed_on(trace: Trace, step: BackwardStep) -> list[tuple[Edge | None, TensorInfo]]:
    """The gradients that a step hands on, with the edge of each; those of an AccumulateGrad have none."""
    if step.node.grad_fn == "AccumulateGrad":
        info = step.grad_after or (step.grad_outputs[0] if step.grad_outputs else None)
        return [] if info is None else [(None, info)]
    found: list[tuple[Edge | None, TensorInfo]] = []
    for edge in trace.graph.incoming(step.node):
        number = edge.grad_index
        info = step.grad_inputs[number] if number is not None and 0 <= number < len(step.grad_inputs) else None
        if info is not None:
            found.append((edge, info))
    return found


def target_name(trace: Trace, step: BackwardStep, edge: Edge | None) -> str:
    """Whose gradient it is: the variable's, the transposed variable's, or that of the operation that made it."""
    if edge is None:
        return f"{step.node.name or 'leaf'}.grad"
    source = trace.graph.nodes[edge.source]
    if source.name is None and source.op in ("aten.t.default", "aten.transpose.int"):
        first = next(iter(trace.graph.incoming(source)), None)
        base = None if first is None else trace.graph.nodes[first.source].name
        return f"{base}ᵀ" if base else source.label
    return source.name or source.label


def position(index: tuple[int, ...]) -> str:
    """ "[0, 3]"; nothing for a scalar."""
    return f"[{', '.join(map(str, index))}]" if index else ""
