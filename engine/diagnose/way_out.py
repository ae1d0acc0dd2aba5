"""Finds places where the values of a leaf go on as numbers that carry no gradient: by item(), a comparison, numpy()."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph.model import Edge, Node, Source
from ..graph.trace import Trace
from .cut_path import cut_edges, trained_here, without_gradient
from .finding import Finding
from .words import called, computed_from, names, place, reaching_root, seen

_NUMBER = "aten._local_scalar_dense.default"
_DETACH = "aten.detach.default"


def lost_leaves(trace: Trace) -> list[Node]:
    """Leaves without a gradient that no detach() or no_grad() on the way to the root explains.

    Those that the next backward pass reached are none, nor those that this pass was not asked for.
    """
    behind: set[int] = set()
    for edge in cut_edges(trace):
        behind |= computed_from(trace, edge.source)
    behind |= {node for observation in seen(trace, "reached-later") for node in observation.nodes}
    behind |= _not_asked_for(trace)
    return [leaf for leaf in without_gradient(trace) if leaf.id not in behind]


def ways_out(trace: Trace) -> dict[Edge, list[Node]]:
    """Edges at which the values of lost leaves leave what is differentiated, and those leaves."""
    if not trace.backward or trace.error is not None:
        return {}
    on_the_way = reaching_root(trace)
    found: dict[Edge, list[Node]] = {}
    for leaf in lost_leaves(trace):
        for edge in _exits(trace, leaf.id, on_the_way):
            found.setdefault(edge, []).append(leaf)
    return found


def find(trace: Trace) -> list[Finding]:
    """One finding per line at which leaves of this training are lost."""
    trained = trained_here(trace)
    lines: dict[tuple[str, Source | int], dict[Edge, list[Node]]] = {}
    for edge, lost in ways_out(trace).items():
        if trained is None or any(leaf.id in trained for leaf in lost):
            target = trace.graph.nodes[edge.target]
            lines.setdefault((target.op or "", target.source or edge.target), {})[edge] = lost
    return [_finding(trace, edges) for edges in lines.values()]


def _exits(trace: Trace, leaf: int, on_the_way: set[int]) -> Iterator[Edge]:
    seen_nodes = {leaf}
    pending = [leaf]
    while pending:
        for edge in trace.graph.outgoing(pending.pop()):
            target = trace.graph.nodes[edge.target]
            is_end = target.op == _NUMBER or (target.op == _DETACH and not trace.graph.outgoing(target))
            # Other cuts on the way are none: of a tensor's shape alone (ones_like), of what a backward pass computed.
            has_no_gradient = (edge.cut or "").startswith("cut: the result is")
            if is_end or (edge.target in on_the_way and has_no_gradient):
                yield edge
            elif edge.target not in seen_nodes:
                seen_nodes.add(edge.target)
                pending.append(edge.target)


def _not_asked_for(trace: Trace) -> set[int]:
    """Leaves to which a gradient could flow: backward(inputs=...) did not name them."""
    found = {node_id for node_id, _ in trace.roots}
    pending = list(found)
    while pending:
        target = trace.graph.nodes[pending.pop()]
        if target.op is None:  # a custom Function decides itself what it hands on
            continue
        for edge in trace.graph.incoming(target):
            if edge.grad_index is not None and edge.source not in found:
                found.add(edge.source)
                pending.append(edge.source)
    return found


def _finding(trace: Trace, edges: dict[Edge, list[Node]]) -> Finding:
    target = trace.graph.nodes[next(iter(edges)).target]
    sources = list({edge.source: trace.graph.nodes[edge.source] for edge in edges}.values())
    lost = list({leaf.id: leaf for leaves in edges.values() for leaf in leaves}.values())
    if target.op == _NUMBER:
        how, why = (
            "item()",
            "A Python number carries no gradient (item(), float(), int() or the test of an if makes one)",
        )
    elif target.op == _DETACH:
        how, why = "detach()", "What becomes of the result is not seen by PyTorch (numpy() hands it on, say)"
    else:
        cut = next((edge.cut for edge in edges if edge.cut), "").removeprefix("cut: ")
        how, why = called(target), cut[:1].upper() + cut[1:]
    return Finding(
        kind="cut-path",
        severity="warning",
        node_id=target.id,
        title=f"{how} takes {names(sources)} out of the gradient at {place(target) or called(target)}",
        reason=f"{why}, and nothing else of {names(lost)} reaches the loss, so .grad stays as it was.",
        cure="If the gradient is wanted, go on with the tensor itself, by operations that have a derivative; if not, "
        "all is well.",
        related=(*(source.id for source in sources), *(leaf.id for leaf in lost)),
    )
