"""What the program's own hooks do to gradients: a check compares what is before them, and names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..diagnose.words import at, called, computed_from, names, place_of, seen
from ..graph.model import Node, TensorInfo
from ..graph.trace import BackwardStep, Trace

Array = npt.NDArray[np.floating]
Gradient = npt.NDArray[np.float64]
_PLACE_OF_MODULE_HOOK = "BackwardHookFunctionBackward"


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


def after_module_hook(step: BackwardStep, gradients: Sequence[Gradient | None]) -> list[Gradient | None] | None:
    """What the place of a module's backward hook hands on for each of its operands; None if the step is no such place.

    Torch puts a Function around what goes into such a module and around what comes out. It hands on what it is given,
    or what a hook gives back instead.
    """
    if step.node.grad_fn != _PLACE_OF_MODULE_HOOK:
        return None
    return [
        _array(given) if _is_changed(step, number) else gradients[number] if number < len(gradients) else None
        for number, given in enumerate(step.grad_inputs)
    ]


def _changing_module_hooks(trace: Trace) -> list[Node]:
    """The places where a module's backward hook has given back another gradient."""
    return [
        step.node
        for step in trace.backward
        if step.node.grad_fn == _PLACE_OF_MODULE_HOOK
        and any(_is_changed(step, number) for number in range(len(step.grad_inputs)))
    ]


def _is_changed(step: BackwardStep, number: int) -> bool:
    arrived = _array(step.grad_outputs[number]) if number < len(step.grad_outputs) else None
    given = _array(step.grad_inputs[number])
    if arrived is None or given is None:
        return given is not None  # an operand that needs no gradient is handed none
    return not np.array_equal(arrived, given, equal_nan=True)


def _array(info: TensorInfo | None) -> Gradient | None:
    return None if info is None or info.array is None else info.array.astype(np.float64)


def behind_hooks(trace: Trace) -> set[int]:
    """Ids of the nodes whose gradient comes through a hook on another node: differences know nothing of that."""
    found: set[int] = set()
    for node_id in hooked_nodes(trace):
        if trace.graph.nodes[node_id].kind == "op":
            found |= computed_from(trace, node_id)
    for node in _changing_module_hooks(trace):
        found |= computed_from(trace, node.id)
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
    for node in _changing_module_hooks(trace):
        inside = f" in {'.'.join(node.scope[:-1])}" if node.scope[:-1] else ""
        notes.append(
            f"A module's backward hook changes the gradient{inside}{at(node.source)}: what lies behind it is compared "
            "by rule alone, beginning with what the hook gave back."
        )
    for hook, nodes in changed.items():
        notes.append(f"{hook} changes the gradient of {names(nodes)}: what is compared is the one before the hook.")
    return notes
