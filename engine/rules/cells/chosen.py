"""From a recorded backward step to one element of what it hands on, with the numbers of this step put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..call import Array, MissingValueError, list_name
from ..recorded import evaluate_step, is_whole, operand_edges
from . import losses, products, reduce
from .elementwise import TERMS
from .expression import Expr, gradient, total
from .linear import arriving
from .site import Site

if TYPE_CHECKING:
    from ...graph.model import Edge, TensorInfo
    from ...graph.trace import BackwardStep, Trace

_WHOLES = {**reduce.WHOLES, **products.WHOLES, **losses.WHOLES}


class Cell(NamedTuple):
    """One element of a gradient.

    `expression` is the rule's right-hand side, with a value of its own; `words` says what it is where that has a name
    ("row 0 of g · row 3 of mat2"), and is empty otherwise. `recorded` is what autograd computed, None where not kept.
    """

    expression: Expr
    words: str
    recorded: float | None


class Missing(NamedTuple):
    """A tensor that was not kept: an output of a node, or the gradient of one."""

    node: int
    output: int
    is_gradient: bool


def missing_values(trace: Trace, step: BackwardStep) -> list[Missing]:
    """What a step's rule may need and the trace does not hold."""
    places = {(edge.source, edge.output_nr) for edge in trace.graph.incoming(step.node)}
    places |= {(step.node.id, number) for number in range(len(step.node.outputs))}
    found = [
        Missing(node, output, False)
        for node, output in sorted(places)
        if _is_missing(
            trace.graph.nodes[node].outputs[output] if output < len(trace.graph.nodes[node].outputs) else None
        )
    ]
    return found + [
        Missing(step.node.id, number, True) for number, info in enumerate(step.grad_outputs) if _is_missing(info)
    ]


def _is_missing(info: TensorInfo | None) -> bool:
    return info is not None and info.array is None and info.numel > 0


def cell(trace: Trace, step: BackwardStep, edge: Edge | None, index: tuple[int, ...]) -> Cell | None:
    """Element `index` of what `step` hands on along `edge`; of a leaf's `.grad` where the edge is None.

    None where the rule is not known, has no such form, or a value that it needs was not kept (see `missing_values`).
    """
    if edge is None:
        found = _accumulated(step, index)
        return None if found is None or found.expression.value.ndim else found
    recorded = _recorded(step, edge, index)
    try:
        with np.errstate(all="ignore"):
            expression, words = _of_operator(trace, step, edge, index), _words(step, edge, index)
            if expression is None:
                expression = _of_moves(trace, step, edge, index)
    except (MissingValueError, ValueError, IndexError):  # shapes that do not fit: values not as the operator saw them
        return None
    return None if expression is None or expression.value.ndim else Cell(expression, words, recorded)


def _recorded(step: BackwardStep, edge: Edge, index: tuple[int, ...]) -> float | None:
    number = edge.grad_index
    info = step.grad_inputs[number] if number is not None and 0 <= number < len(step.grad_inputs) else None
    if info is None or info.array is None or info.array.dtype.kind == "c":
        return None
    found = info.array[index] if len(index) == info.array.ndim else None
    return None if found is None else float(found)


def _accumulated(step: BackwardStep, index: tuple[int, ...]) -> Cell | None:
    arrived = step.grad_outputs[0] if step.grad_outputs else None
    if arrived is None or arrived.array is None or arrived.array.dtype.kind == "c":
        return None
    expression = gradient(np.asarray(arrived.array[index], np.float64))
    if step.grad_before is not None:
        if step.grad_before.array is None:
            return None
        expression = gradient(np.asarray(step.grad_before.array[index], np.float64)) + expression
    after = step.grad_after
    recorded = None if after is None or after.array is None else float(after.array[index])
    return Cell(expression, "what .grad held + what arrives" if step.grad_before is not None else "", recorded)


def _of_operator(trace: Trace, step: BackwardStep, edge: Edge, index: tuple[int, ...]) -> Expr | None:
    """By the element's own formula; None where there is none for the operand."""
    grad_fn, name = step.node.grad_fn or "", list_name(edge.arg or "")
    term, whole = TERMS.get(grad_fn, {}).get(name), _WHOLES.get(grad_fn, {}).get(name)
    edges = operand_edges(trace, step)
    is_fitting = _is_spread if term is not None else is_whole
    if (term is None and whole is None) or any(not is_fitting(trace, step, other) for other in edges):
        return None
    info = step.grad_inputs[edge.grad_index or 0]
    operands: dict[str, Array | None] = {}
    for other in edges:
        operands[list_name(other.arg or "")] = trace.value(other.source, other.output_nr)
    if any(value is not None and value.dtype.kind == "c" for value in operands.values()):
        return None
    site = Site(
        name,
        index,
        operands,
        [info.array for info in step.node.outputs],
        [None if info is None else info.array for info in step.grad_outputs],
        step.node.params,
        () if info is None else info.shape,
    )
    if whole is not None:
        return whole(site)
    expression = None if term is None else term(site)
    return total(expression) if expression is not None and expression.value.ndim else expression


def _is_spread(trace: Trace, step: BackwardStep, edge: Edge) -> bool:
    """Whether the operand is what the edge's source made, or was broadcast to what is handed on."""
    if is_whole(trace, step, edge) or edge.grad_index is None:
        return True
    info, outputs = step.grad_inputs[edge.grad_index], trace.graph.nodes[edge.source].outputs
    if info is None:
        return True
    shape = outputs[edge.output_nr].shape
    is_broadcast = all(own in (1, whole) for own, whole in zip(reversed(shape), reversed(info.shape), strict=False))
    return is_broadcast and len(shape) <= len(info.shape) and info.shape == step.node.outputs[0].shape


def _words(step: BackwardStep, edge: Edge, index: tuple[int, ...]) -> str:
    pattern = products.WORDS.get(step.node.grad_fn or "", {}).get(edge.arg or "", "")
    for place in range(-len(index), len(index)):
        pattern = pattern.replace(f"{{{place}}}", str(index[place]))
    return pattern


def _of_moves(trace: Trace, step: BackwardStep, edge: Edge, index: tuple[int, ...]) -> Expr | None:
    """By asking the rule which elements of the given gradients arrive."""
    grads = [None if info is None else info.array for info in step.grad_outputs]
    if all(grad is None for grad in grads) or any(
        info is not None and info.array is None for info in step.grad_outputs
    ):
        return None

    def probe(given: list[Array | None]) -> float:
        for other, found in evaluate_step(trace, step, given) or ():
            if other is edge and found is not None:
                return float(found[index])
        raise MissingValueError("a rule for this operand")

    return arriving(probe, grads)
