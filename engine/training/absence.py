"""Why a script that ran to its end has no backward pass."""

from __future__ import annotations

import torch

from ..graph.trace import Trace


def why_no_backward(trace: Trace, *, used_autograd_grad: bool) -> str:
    """A clause that goes on after "because", from what of the script was recorded and how it left torch's switches."""
    operations = [node for node in trace.graph.nodes if node.kind == "op"]
    if used_autograd_grad:
        return "it takes its gradients with torch.autograd.grad, which is not recorded. Call loss.backward() instead."
    if not operations:
        return (
            "it ran no operation of torch. A script that guards its work by a command needs its arguments (after --)."
        )
    if any(node.grad_fn is not None for node in operations):
        return "it computed results that could be differentiated, but asked for no gradients. Call loss.backward()."
    if not torch.is_grad_enabled():
        return "it switched gradients off (torch.set_grad_enabled(False)), so there is nothing to go back through."
    return (
        "none of its tensors requires a gradient, or all of it ran under torch.no_grad() or inference_mode(), "
        "so there is nothing to go back through."
    )
