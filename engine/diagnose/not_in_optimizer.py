"""Finds leaves that get a gradient which no optimizer uses."""

from __future__ import annotations

from ..graph.trace import Trace
from .finding import Finding
from .words import names_used, seen


def find(trace: Trace) -> list[Finding]:
    """At most one finding, where the program has optimizers and none of them holds a leaf of the same kind."""
    optimizers = seen(trace, "optimizer")
    parameters = {node for observation in seen(trace, "parameters") for node in observation.nodes}
    held = {node for observation in optimizers for node in observation.nodes}
    if not optimizers:
        return []
    reached = [leaf for leaf in trace.leaves() if trace.step_of(leaf) is not None]
    # A plain tensor with requires_grad may be an input that is attacked, unless plain tensors are what is trained.
    wanted = [leaf for leaf in reached if leaf.id in parameters or held - parameters]
    missing = [leaf for leaf in wanted if leaf.id not in held]
    if not missing:
        return []
    which = " and ".join(dict.fromkeys(observation.text for observation in optimizers))
    is_one = len(missing) == 1
    return [
        Finding(
            kind="not-in-optimizer",
            # An optimizer over plain tensors alone looks for an input: the network is not meant to be trained.
            severity="note" if held and not held & parameters and parameters else "warning",
            node_id=missing[0].id,
            title=f"No optimizer holds {names_used(missing)}",
            reason=f"backward() computes {'its gradient' if is_one else 'their gradients'}, but {which} was made "
            f"without {'it' if is_one else 'them'}: {'it stays' if is_one else 'they stay'} as initialised.",
            cure=f"Give {'it' if is_one else 'them'} to the optimizer (add_param_group, or all parameters at once), or "
            f"set requires_grad=False for {'it' if is_one else 'them'}.",
            related=tuple(leaf.id for leaf in missing[1:]),
        )
    ]
