"""How findings speak of nodes: by the variable's name and the line in the user's file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..graph.model import Node, Source, TensorInfo
from ..graph.observation import Observation, ObservationKind
from ..graph.summary import Summary
from ..graph.trace import Trace

MOST_NAMES = 4


def place_of(source: Source | None) -> str:
    """ "train.py, line 12", or nothing where the source is not known."""
    return f"{os.path.basename(source.file)}, line {source.line}" if source else ""


def at(source: Source | None) -> str:
    """ " at train.py, line 12", to go on with a sentence; nothing where the source is not known."""
    return f" at {place_of(source)}" if source else ""


def place(node: Node) -> str:
    """ "train.py, line 12", or nothing where the source is not known."""
    return place_of(node.source)


def called(node: Node) -> str:
    """ "z (mul)", "log", or a leaf's name."""
    if node.kind != "op":
        return node.name or f"a {node.kind} without a name"
    return f"{node.name} ({node.label})" if node.name else node.label


def located(node: Node) -> str:
    """The node and its place: "z (mul) at train.py, line 12"."""
    where = place(node)
    return f"{called(node)} at {where}" if where else called(node)


def used(leaf: Node) -> str:
    """A leaf and where it is first used: "w, first used at train.py, line 12"."""
    where = place(leaf)
    return f"{called(leaf)}, first used at {where}" if where else called(leaf)


def root_place(trace: Trace) -> str:
    """ " (loss, at train.py, line 12)": the root and its line, for a sentence about it; may be empty."""
    node = trace.graph.nodes[trace.roots[0][0]] if trace.roots else None
    if node is None or node.source is None:
        return ""
    return f" ({node.name or node.label}{at(node.source)})"


def seen(trace: Trace, *kinds: ObservationKind) -> list[Observation]:
    """What the recording noted, of some kinds."""
    return [observation for observation in trace.observations if observation.kind in kinds]


def names(nodes: Sequence[Node]) -> str:
    """ "a, b and 3 more"."""
    first = [called(node) for node in nodes[:MOST_NAMES]]
    more = len(nodes) - len(first)
    if more:
        return f"{', '.join(first)} and {more} more"
    return " and ".join([", ".join(first[:-1]), first[-1]]) if len(first) > 1 else "".join(first)


def names_used(leaves: Sequence[Node]) -> str:
    """ "a and b, first used at train.py, line 12"."""
    where = place(leaves[0]) if leaves else ""
    return f"{names(leaves)}, first used at {where}" if where else names(leaves)


def summary_of(info: TensorInfo | None) -> Summary | None:
    """Statistics, where any were taken."""
    return None if info is None else info.summary


def leaf_gradient(trace: Trace, leaf: Node) -> Summary | None:
    """Statistics of the gradient that arrived at a leaf in this backward pass."""
    return summary_of(trace.grad_info(leaf))


def reaching_root(trace: Trace) -> set[int]:
    """Ids of the nodes whose values the root was computed from, whether or not a gradient flows."""
    found = {node_id for node_id, _ in trace.roots}
    pending = list(found)
    while pending:
        for edge in trace.graph.incoming(pending.pop()):
            if edge.source not in found:
                found.add(edge.source)
                pending.append(edge.source)
    return found


def computed_from(trace: Trace, node_id: int) -> set[int]:
    """Ids of all nodes that `node_id` was computed from, itself included."""
    found = {node_id}
    pending = [node_id]
    while pending:
        for edge in trace.graph.incoming(pending.pop()):
            if edge.source not in found:
                found.add(edge.source)
                pending.append(edge.source)
    return found
