"""Cuts a recording down to one training step: what the root depends on, from leaves and inputs onwards."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..graph.model import Edge, Node
from .drafts import EdgeDraft, Origin


def step_nodes(nodes: list[Node], edges: list[EdgeDraft], extra: list[Edge], roots: list[Origin]) -> set[int]:
    """Ids of the nodes that belong to the step.

    Operations that ran outside every module call, before the first differentiable operation of the step, and without
    looking at a leaf prepared its data: the last tensor of them becomes an input, and they are left out. A leaf has
    nothing before it.
    """
    sources: dict[int, set[int]] = {}
    for edge in edges:
        sources.setdefault(edge.target, set()).add(edge.source)
    for link in extra:
        sources.setdefault(link.target, set()).add(link.source)
    ancestors = _ancestors({root for root, _ in roots}, sources, lambda node_id: nodes[node_id].kind == "leaf")
    differentiable = [n for n in ancestors if nodes[n].kind == "op" and nodes[n].grad_fn is not None]
    begin = min(differentiable, default=0)

    from_leaf: set[int] = set()
    for node_id in sorted(ancestors):
        if nodes[node_id].kind == "leaf" or not from_leaf.isdisjoint(sources.get(node_id, ())):
            from_leaf.add(node_id)

    def is_setup(node_id: int) -> bool:
        node = nodes[node_id]
        is_plain = node.kind == "op" and not node.scope and node.grad_fn is None
        return is_plain and node_id < begin and node_id not in from_leaf

    kept = _ancestors(
        {root for root, _ in roots}, sources, lambda node_id: nodes[node_id].kind == "leaf" or is_setup(node_id)
    )
    _place_leaves(nodes, sources, kept)
    for node_id in kept:
        node = nodes[node_id]
        if is_setup(node_id):
            node.kind = "input"
        if node.kind != "op":
            node.op = None
            node.params = {}
    return kept


def _place_leaves(nodes: list[Node], sources: dict[int, set[int]], kept: set[int]) -> None:
    """A leaf that was read before the step begins (by an optimizer, by an evaluation) is first used in the step."""
    readers: dict[int, list[int]] = {}
    for node_id in sorted(kept):
        for source in sources.get(node_id, ()) if nodes[node_id].kind == "op" else ():
            readers.setdefault(source, []).append(node_id)
    for node_id, reading in readers.items():
        node = nodes[node_id]
        is_from_outside = node.kind in ("leaf", "buffer") and node.op is None  # one made in the recording has its line
        if is_from_outside and all(nodes[reader].source != node.source for reader in reading):
            node.scope = nodes[reading[0]].scope
            node.put_at(nodes[reading[0]].stack)


def _ancestors(start: set[int], sources: dict[int, set[int]], is_end: Callable[[int], bool]) -> set[int]:
    found: set[int] = set()
    pending = sorted(start)
    while pending:
        node_id = pending.pop()
        if node_id in found:
            continue
        found.add(node_id)
        if not is_end(node_id):
            pending.extend(sources.get(node_id, ()))
    return found


def renumber(
    nodes: list[Node], edges: list[Edge], roots: list[Origin], kept: set[int]
) -> tuple[list[Node], list[Edge], list[Origin]]:
    """Keep some nodes, number them anew from 0 in their old order, and drop edges that have lost an end.

    An edge into a kept node that is no operation is dropped too: leaves and inputs have nothing before them.
    """
    number = {node_id: index for index, node_id in enumerate(sorted(kept))}
    for node_id, index in number.items():
        nodes[node_id].id = index
        for position, saved in enumerate(nodes[node_id].saved):
            if saved.source is not None:
                place = number.get(saved.source[0])
                source = None if place is None else (place, saved.source[1])
                nodes[node_id].saved[position] = msgspec.structs.replace(saved, source=source)
    kept_nodes = [nodes[node_id] for node_id in sorted(kept)]
    kept_edges = [
        msgspec.structs.replace(edge, source=number[edge.source], target=number[edge.target])
        for edge in edges
        if edge.source in number and edge.target in number and nodes[edge.target].kind == "op"
    ]
    return kept_nodes, kept_edges, [(number[node_id], output) for node_id, output in roots]
