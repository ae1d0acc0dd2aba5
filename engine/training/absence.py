"""Why a script that ran to its end has no backward pass."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

import torch

from ..capture.frames import running_frame, source_of, user_frame
from ..graph.model import Source
from ..graph.trace import Trace


class Elsewhere(NamedTuple):
    """A backward pass in another thread than the one that is recorded: the thread's name, and the program's line."""

    thread: str
    source: Source | None

    @property
    def reason(self) -> str:
        """What happened, and what to do, in whole sentences."""
        where = "" if self.source is None else f" at {os.path.basename(self.source.file)}, line {self.source.line}"
        return (
            f"A backward pass ran in the thread {self.thread}{where}, but only the main thread was recorded until "
            "then, so nothing of it can be shown. Call the forward pass and backward() in the main thread, or run a "
            "further step in that thread: it is recorded there."
        )


def running_elsewhere() -> Elsewhere:
    """To be called where the running thread goes through a backward pass that is not recorded."""
    return Elsewhere(threading.current_thread().name, source_of(user_frame(running_frame())))


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
