"""What the program's own hooks do to gradients: a check compares what is before them, and names them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..diagnose.words import called, computed_from, names, place_of, seen
from ..graph.model import Node
from ..graph.trace import Trace

Array = npt.NDArray[np.floating]


def gradient_before_hooks(trace: Trace, leaf: Node) -> Array | None:
    """The gradient that arrives at a leaf, before hooks on the leaf change it; None where it was not kept."""
    grad = trace.grad(leaf)
    if grad is None or leaf.id not in hooked_nodes(trace):
        return grad
    handed = trace.contributions(leaf)
    parts = [info.array for _, info in handed if info.array is not None and info.array.shape == grad.shape]
    if not parts or len(parts) < len(handed):
        return grad  # a leaf that is a root itself has no contributions
    return np.asarray(np.sum(parts, axis=0))


def hooked_nodes(trace: Trace) -> set[int]:
    """Ids of the nodes whose gradient a hook of the program's may change."""
    return {node_id for observation in seen(trace, "hook") for node_id in observation.nodes}


def behind_hooks(trace: Trace) -> set[int]:
    """Ids of the nodes whose gradient comes through a hook on another node: differences know nothing of that."""
    found: set[int] = set()
    for node_id in hooked_nodes(trace):
        if trace.graph.nodes[node_id].kind == "op":
            found |= computed_from(trace, node_id)
    return found


def hook_notes(trace: Trace) -> list[str]:
    """A sentence for every hook that changed a gradient or may have: which, where, and what is compared instead."""
    notes = []
    changed: dict[str, list[Node]] = {}
    for observation in seen(trace, "hook"):
        node = trace.graph.nodes[observation.nodes[0]]
        if trace.step_of(node) is None:
            continue
        where = place_of(observation.source)
        hook = f"The program's own hook {observation.text}" + (f" ({where})" if where else "")
        if node.kind == "op":
            notes.append(
                f"{hook} on {called(node)} may change the gradient there: what lies behind it is compared by rule "
                "alone, beginning with what the hook gave back."
            )
            continue
        before, after = gradient_before_hooks(trace, node), trace.grad(node)
        if before is not None and after is not None and not np.array_equal(before, after, equal_nan=True):
            changed.setdefault(hook, []).append(node)
    for hook, nodes in changed.items():
        notes.append(f"{hook} changes the gradient of {names(nodes)}: what is compared is the one before the hook.")
    return notes
