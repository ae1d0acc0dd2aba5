"""Joins the edges along which data flowed with autograd's own edges, along which gradients flow back."""

from __future__ import annotations

from collections import defaultdict

from ..graph.model import Edge
from .drafts import EdgeDraft
from .tape import Tape

DETACHED = "cut by detach()"
NO_GRAD = "cut: gradients were switched off here (no_grad)"
IN_FUNCTION = "inside a custom Function: its own backward takes over"
MEMORY = "memory"
"""The argument of an edge that comes through memory: around autograd, or by a write into a part of an operand."""
IN_BACKWARD = "cut: computed by a backward pass of the program without create_graph"


def match_edges(tape: Tape, next_nodes: dict[int, list[tuple[int, int] | None]]) -> list[Edge]:
    """Join the data edges with autograd's edges: which input of an operation each gradient belongs to.

    Autograd lists a node's edges in the order of its differentiable arguments, so the first free input with the same
    origin is the one. An autograd edge without such an input (the base of a view that was written to, the inputs of a
    custom Function) becomes an edge of its own.
    """
    inputs: defaultdict[int, list[int]] = defaultdict(list)
    drafts = tape.edges
    for position, draft in enumerate(drafts):
        inputs[draft.target].append(position)
    grad_index: dict[int, int] = {}
    added: dict[int, list[Edge]] = {}
    for node_id, edges in next_nodes.items():
        if not edges:
            continue
        free: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for position in reversed(inputs.get(node_id, ())):
            draft = drafts[position]
            free[draft.source, draft.output].append(position)
        for index, edge in enumerate(edges):
            if edge is None:
                continue
            if found := free.get(edge):
                grad_index[found.pop()] = index
            else:
                number = len(inputs.get(node_id, ())) + len(added.get(node_id, ()))
                added.setdefault(node_id, []).append(
                    Edge(source=edge[0], output_nr=edge[1], target=node_id, input_nr=number, grad_index=index)
                )
    result: list[Edge] = []
    for target in range(len(tape.nodes)):
        for number, position in enumerate(inputs.get(target, ())):
            draft = drafts[position]
            matched = grad_index.get(position)
            result.append(
                Edge(
                    source=draft.source,
                    output_nr=draft.output,
                    target=target,
                    input_nr=number,
                    arg=draft.argument,
                    grad_index=matched,
                    cut=None if matched is not None else _why_cut(tape, draft, target in next_nodes),
                )
            )
        result.extend(added.get(target, ()))
    return result


def _why_cut(tape: Tape, edge: EdgeDraft, is_reached: bool) -> str | None:
    """Why no gradient flows back along an edge; `is_reached` says whether the backward graph has its target."""
    target = tape.nodes[edge.target]
    if edge.argument == "result":
        return IN_FUNCTION
    if edge.argument == MEMORY and edge.requires_grad:
        return "cut: the same memory, reached around autograd (numpy, DLPack, .data)"
    if edge.argument is None:
        return "cut: the value was written in place; the gradient is that of the leaf itself"
    if not edge.requires_grad:
        return "needs no gradient"
    if target.op == "aten.detach.default":
        return tape.without_grad.get(edge.target, DETACHED)
    if target.op == "aten._local_scalar_dense.default":
        return "cut by item(): a Python number carries no gradient"
    if edge.target in tape.without_grad:
        return tape.without_grad[edge.target]
    if target.grad_fn is None:
        kinds = {info.dtype for info in target.outputs}
        if kinds and not any(kind.startswith(("float", "bfloat", "complex")) for kind in kinds):
            return f"cut: the result is {', '.join(sorted(kinds))}, which carries no gradient"
        return "cut: the operation has no derivative, or its result was never used"
    return "cut: the operation has no derivative in this input" if is_reached else "not on a path to the root"
