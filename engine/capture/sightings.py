"""What a recording notes about its program besides the operations, and which nodes it keeps because of that."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from ..graph.model import Node, Source
from ..graph.observation import Observation, ObservationKind
from .drafts import EdgeDraft
from .scopes import ScopeStack
from .tape import Tape

Optimizers = Sequence[tuple[str, Sequence[torch.Tensor]]]
"""Class and parameters of each optimizer that the program has made."""

# They show the memory of their first operand: a write into the result is one into the operand.
_VIEWS = {
    "alias", "as_strided", "detach", "diagonal", "expand", "permute", "select", "slice", "squeeze", "t", "transpose",
    "unbind", "unfold", "unsqueeze", "view", "split", "split_with_sizes", "chunk", "_reshape_alias", "_unsafe_view",
}  # fmt: skip


class Sighting(NamedTuple):
    """An observation that still points at nodes, since their numbers change while a trace is put together."""

    kind: ObservationKind
    nodes: tuple[Node, ...] = ()
    text: str = ""
    source: Source | None = None


class Origins(NamedTuple):
    """What of a recording is needed to recognise its tensors later on: nodes by autograd's numbers, and the leaves."""

    of_sequence: dict[int, Node]
    leaves: list[tuple[weakref.ref[torch.Tensor], Node]]


def origins_of(tape: Tape) -> Origins:
    """To be taken before the tape is released."""
    return Origins(
        {sequence: tape.nodes[node_id] for sequence, node_id in tape.autograd_nodes.of_sequence.items()},
        [(entry.reference, tape.nodes[entry.node]) for entry in _leaf_entries(tape)],
    )


def _leaf_entries(tape: Tape) -> list[EntryOfLeaf]:
    found = []
    for entry in tape.entries.values():
        tensor = entry.reference()
        if tensor is not None and entry.node >= 0 and tape.nodes[entry.node].kind == "leaf":
            found.append(EntryOfLeaf(entry.reference, entry.node, tensor))
    return found


def leaf_tensors(tape: Tape) -> list[torch.Tensor]:
    """The leaves that have been recorded so far and still live."""
    return [leaf.tensor for leaf in _leaf_entries(tape)]


class EntryOfLeaf(NamedTuple):
    reference: weakref.ref[torch.Tensor]
    node: int
    tensor: torch.Tensor


def optimizer_sightings(tape: Tape, optimizers: Optimizers) -> list[Sighting]:
    """Which leaves the optimizers hold, and which leaves are parameters of modules."""
    if not optimizers:
        return []
    leaves = {id(leaf.tensor): leaf for leaf in _leaf_entries(tape)}
    found = [
        Sighting("optimizer", tuple(tape.nodes[leaves[id(p)].node] for p in held if id(p) in leaves), name)
        for name, held in optimizers
    ]
    parameters = [tape.nodes[leaf.node] for leaf in leaves.values() if isinstance(leaf.tensor, nn.Parameter)]
    return [*found, Sighting("parameters", tuple(parameters))]


def without_gradient(tape: Tape, scopes: ScopeStack, optimizers: Optimizers, kept: set[int]) -> list[Sighting]:
    """Leaves that the program means to train, but that the root does not depend on; unread ones get a node here.

    Parameters
    ----------
    optimizers : where there are any, only leaves count that one of them holds together with a leaf of `kept`: a
        network that another optimizer trains waits for its own turn.
    kept : numbers of the nodes that the root depends on.
    """
    leaves = {id(leaf.tensor): leaf for leaf in _leaf_entries(tape)}
    wanted: set[int] | None = None
    if optimizers:
        wanted = set()
        for _, held in optimizers:
            if any(id(p) in leaves and leaves[id(p)].node in kept for p in held):
                wanted |= {id(p) for p in held}
    initialised = only_initialised(tape)
    lost = [
        tape.nodes[leaf.node]
        for key, leaf in leaves.items()
        if leaf.node not in kept and leaf.tensor.requires_grad and (wanted is None or key in wanted)
    ]
    unreached = [node for node in lost if node.id not in initialised]
    unused = [node for node in lost if node.id in initialised]
    for parameter in scopes.parameters():
        if (
            id(parameter) in leaves
            or not parameter.requires_grad
            or (wanted is not None and id(parameter) not in wanted)
        ):
            continue
        node = tape.nodes[tape.origin(parameter)[0]]
        node.scope = ()
        node.put_at(())  # nothing read it, so it is nowhere in the program's text
        unused.append(node)
    found = [Sighting("unreached", tuple(unreached))] if unreached else []
    return [*found, Sighting("unused", tuple(unused))] if unused else found


def only_initialised(tape: Tape) -> set[int]:
    """Numbers of the leaves that no operation read: they were only written in place, with gradients off."""
    found = {node.id for node in tape.nodes if node.kind == "leaf"}
    for edge in tape.edges:
        if edge.source in found:
            is_without_grad = edge.argument == "self" and edge.target in tape.without_grad
            if not is_without_grad or not (tape.nodes[edge.target].op or ".").split(".")[1].endswith("_"):
                found.discard(edge.source)
    return found


def writers_into(nodes: Sequence[Node], edges: Iterable[EdgeDraft], kept: set[int]) -> set[int]:
    """Numbers of the operations that write into a kept node's memory, and of the views through which they do."""
    operands: dict[int, list[EdgeDraft]] = {}
    for edge in edges:
        operands.setdefault(edge.target, []).append(edge)
    shows: dict[int, list[int]] = {}
    found: set[int] = set()
    for node in nodes:
        if node.kind != "op" or node.op is None:
            continue
        name = node.op.split(".")[1] if "." in node.op else node.op
        is_write = name.endswith("_") and not name.endswith("__")
        for edge in operands.get(node.id, ()):
            if not (edge.argument or "").startswith(("self", "input")):
                continue
            through = shows.get(edge.source, [])
            if edge.source not in kept and not through:
                continue
            if name in _VIEWS or is_write:
                shows[node.id] = [*through, node.id]
            if is_write:
                found.update(shows[node.id])
    return found - kept


def ways_out(nodes: Sequence[Node], edges: Sequence[EdgeDraft], lost: Iterable[Node]) -> set[int]:
    """Numbers of the operations by which values of `lost` leaves leave as numbers or arrays, and of all before them."""
    operands: dict[int, list[int]] = {}
    used: set[int] = set()
    for edge in edges:
        operands.setdefault(edge.target, []).append(edge.source)
        used.add(edge.source)
    behind = {leaf.id for leaf in lost}
    found: list[int] = []
    for node in nodes:  # in the order in which they ran
        if not behind.isdisjoint(operands.get(node.id, ())):
            behind.add(node.id)
            if node.op == "aten._local_scalar_dense.default" or (
                node.op == "aten.detach.default" and node.id not in used
            ):
                found.append(node.id)
    kept: set[int] = set()
    while found:
        number = found.pop()
        if number not in kept:
            kept.add(number)
            if nodes[number].kind == "op":
                found.extend(operands.get(number, ()))
    return kept


def observations(sightings: Iterable[Sighting], nodes: Sequence[Node]) -> list[Observation]:
    """The sightings with the numbers that the nodes have now; nodes that were left out are left out here too."""
    result = []
    for seen in sightings:
        left = tuple(node.id for node in seen.nodes if 0 <= node.id < len(nodes) and nodes[node.id] is node)
        if left or not seen.nodes or seen.kind == "optimizer":  # that it holds none of them says something too
            result.append(Observation(kind=seen.kind, nodes=left, text=seen.text, source=seen.source))
    return result
