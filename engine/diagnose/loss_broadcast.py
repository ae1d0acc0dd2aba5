"""Finds a loss that compares (N, 1) with (N,): broadcasting makes N × N pairs of it, silently."""

from __future__ import annotations

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import located

_LOSSES = {"mse_loss", "smooth_l1_loss", "huber_loss", "l1_loss", "binary_cross_entropy_with_logits"}
_ON_THE_WAY = {"pow", "abs", "mul", "square", "mean", "sum", "sqrt", "div", "neg", "add"}
MOST_NODES = 5


def find(trace: Trace) -> list[Finding]:
    """One finding per loss whose prediction and target have been stretched against each other."""
    found = []
    for node in trace.graph.nodes:
        if node.label in _LOSSES or (node.label in ("sub", "rsub") and _leads_to_root(trace, node)):
            shapes = _operand_shapes(trace, node)
            if len(shapes) == 2 and _is_crossed(shapes[0], shapes[1]):
                found.append(_finding(trace, node, shapes))
    return found


def _operand_shapes(trace: Trace, node: Node) -> list[tuple[int, ...]]:
    """Shapes of the first two operands, before any expand() that the loss function put in."""
    shapes = []
    for edge in list(trace.graph.incoming(node))[:2]:
        source = trace.graph.nodes[edge.source]
        expanded = list(trace.graph.incoming(source))[:1] if source.label == "expand" else []
        origin = expanded[0] if expanded else edge
        outputs = trace.graph.nodes[origin.source].outputs
        if origin.output_nr < len(outputs):
            shapes.append(outputs[origin.output_nr].shape)
    return shapes


def _is_crossed(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether one is a column and the other a plain row of the same length."""
    for column, row in ((first, second), (second, first)):
        if len(column) == len(row) + 1 and column[-1] == 1 and column[:-1] == row and row and row[-1] > 1:
            return True
    return False


def _leads_to_root(trace: Trace, node: Node) -> bool:
    """Whether only the usual operations of a handwritten loss lie between a difference and the root."""
    roots = {node_id for node_id, _ in trace.roots}
    current = node.id
    for _ in range(MOST_NODES):
        targets = {edge.target for edge in trace.graph.outgoing(current)}
        if current in roots:
            return True
        if len(targets) != 1:
            return False
        current = targets.pop()
        if trace.graph.nodes[current].label not in _ON_THE_WAY:
            return False
    return current in roots


def _finding(trace: Trace, node: Node, shapes: list[tuple[int, ...]]) -> Finding:
    first, second = shapes
    pairs = max(first[-2:] + second[-1:])
    return Finding(
        kind="loss-broadcast",
        severity="warning",
        node_id=node.id,
        title=f"The loss compares shapes {first} and {second} at {located(node)}",
        reason=f"Broadcasting compares every prediction with every target, {pairs} × {pairs} pairs instead of "
        f"{pairs}. The loss is wrong, and the model learns the mean of the targets.",
        cure="Give both the same shape: target.unsqueeze(1), or prediction.squeeze(1).",
        related=tuple(edge.source for edge in trace.graph.incoming(node)),
    )
