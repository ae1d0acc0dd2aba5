"""Why a script that ran to its end has no backward pass."""

from __future__ import annotations

import torch

from ..graph.trace import Trace


def why_no_backward(trace: Trace, *, used_autograd_grad: bool) -> str:
    """A clause that goes on after "because", from what of the script was recorded and how it left torch's switches."""
    if used_autograd_grad:
        return "it takes its gradients with torch.autograd.grad, which is not recorded. Call loss.backward() instead."
    if any(node.grad_fn is not None and node.kind == "op" for node in trace.graph.nodes):
        return "it computed results that could be differentiated, but asked for no gradients. Call loss.backward()."
    if not torch.is_grad_enabled():
        return "it switched gradients off (torch.set_grad_enabled(False)), so there is nothing to go back through."
    return (
        "it ran no operation on a tensor that requires a gradient, or only under torch.no_grad() or inference_mode(). "
        "A script that expects arguments gets them by File > Run with arguments…, or on the command line after --."
    )
