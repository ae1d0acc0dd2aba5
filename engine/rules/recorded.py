"""Applies the rules to a recorded backward step: operands, results and gradients are taken from the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Array
from .evaluate import EVALUATORS, evaluate
from .writes import evaluate_view_made_anew, evaluate_write

if TYPE_CHECKING:
    from ..graph.model import Edge, TensorInfo
    from ..graph.trace import BackwardStep, Trace


def operand_edges(trace: Trace, step: BackwardStep) -> list[Edge]:
    """The edges into a step's node that stand for operands of its operator, in the order of its schema."""
    return [edge for edge in trace.graph.incoming(step.node) if edge.arg is not None]


def arrays_of(infos: list[TensorInfo | None] | list[TensorInfo]) -> list[Array | None]:
    """The kept values; None where there are none."""
    return [None if info is None else info.array for info in infos]


def is_whole(trace: Trace, step: BackwardStep, edge: Edge) -> bool:
    """Whether the operand is what the edge's source made: after a write into a slice, only the slice is known."""
    if edge.grad_index is None or edge.grad_index >= len(step.grad_inputs):
        return True
    info = step.grad_inputs[edge.grad_index]
    outputs = trace.graph.nodes[edge.source].outputs
    return info is None or edge.output_nr >= len(outputs) or info.shape == outputs[edge.output_nr].shape


def evaluate_step(
    trace: Trace, step: BackwardStep, grad_outputs: list[Array | None] | None = None
) -> list[tuple[Edge, Array | None]] | None:
    """The gradients that a step's rule gives for its operands, from the recorded values.

    Parameters
    ----------
    grad_outputs : gradients of the node's outputs; the recorded ones if left out.

    Returns
    -------
    (edge, gradient in float64) per operand; the gradient is None for one that gets none. None altogether where the
    node has no rule that can be evaluated, or a value that it needs was not kept.
    """
    if step.node.grad_fn is None:
        return None
    if step.node.grad_fn == "CopySlices":
        given = arrays_of(step.grad_outputs) if grad_outputs is None else grad_outputs
        return evaluate_write(trace, step.node, given, EVALUATORS)
    if step.node.op is None and step.node.grad_fn == "AsStridedBackward0":
        given = arrays_of(step.grad_outputs) if grad_outputs is None else grad_outputs
        return evaluate_view_made_anew(trace, step.node, given)
    edges = operand_edges(trace, step)
    if any(not is_whole(trace, step, edge) for edge in edges):
        return None
    result = evaluate(
        step.node.grad_fn,
        [(edge.arg or "", trace.value(edge.source, edge.output_nr)) for edge in edges],
        arrays_of(step.node.outputs),
        arrays_of(step.grad_outputs) if grad_outputs is None else grad_outputs,
        step.node.params,
    )
    return None if result is None else list(zip(edges, result, strict=True))
