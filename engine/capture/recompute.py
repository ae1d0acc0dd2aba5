"""Records what a backward pass computes a second time: checkpoints, and Functions that differentiate by autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..training.replaced import Replaced
from .faults import fault_note
from .forward import ForwardMode
from .frames import running_frame
from .modes import enter_mode, leave_mode
from .schema import signature_of
from .tape import Tape

RECOMPUTED = "recomputed"
"""The scope, inside that of the Function's call, of what its backward computes with gradients switched on."""


class Recomputation(TorchDispatchMode):
    """Sees the operations of those backward steps that may rebuild a part of the forward pass, and records it.

    The backward of a custom Function may run a forward computation with gradients on, and differentiate it (a reentrant
    checkpoint does): gradients of the leaves inside flow through that computation alone, so it is recorded like the
    forward pass, its nested backward pass too. A checkpoint that is not reentrant only restores saved tensors: nothing
    of that is recorded.

    Parameters
    ----------
    watch : hooks the autograd graph of the tensors that it is given, before a nested pass runs from them.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as for the forward pass

    def __init__(self, tape: Tape, watch: Callable[[Sequence[torch.Tensor]], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self.has_passes = False
        self.creates_graph = False
        """Whether the pass runs with create_graph=True: then gradients are on for all that it computes."""
        self._tape = tape
        self._watch = watch
        self._forward = ForwardMode(tape, is_step=False)
        self._replaced: list[Replaced] = []
        self._node: Any = None
        self._depth = 0

    def start(self) -> None:
        """Begin to look, from one `enter` to its `leave`."""
        self._replaced = [
            Replaced(torch.autograd, "backward", partial(self._wrap, first="tensors")),
            Replaced(torch.autograd, "grad", partial(self._wrap, first="outputs")),
        ]
        self._tape.scopes.start()

    def enter(self) -> None:
        """A step begins that may recompute. Under any mode some formulas of torch take another way, to another last
        digit, so that it is on for these steps alone.
        """
        if self._replaced:
            self._depth += 1
            if self._depth == 1:
                enter_mode(self)

    def leave(self) -> None:
        """Such a step is over."""
        if self._depth:
            self._depth -= 1
            if not self._depth:
                leave_mode(self)

    def stop(self) -> None:
        """Take everything off again; harmless when nothing is on."""
        if not self._replaced:
            return
        if self._depth:  # the pass ended with an error
            self._depth = 0
            leave_mode(self)
        self._tape.scopes.stop()
        for replaced in self._replaced:
            replaced.give_back()
        self._replaced.clear()
        self._forward.close()
        self._node = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        node = None if self.creates_graph else torch._C._current_autograd_node()
        is_function = node is not None and hasattr(type(node), "_forward_cls")
        if is_function and (torch.is_grad_enabled() or signature_of(func).is_detach):
            self._enter(node)
            return self._forward._run(func, args, kwargs or {}, running_frame())
        return func(*args, **(kwargs or {}))

    def _enter(self, node: Any) -> None:
        """Put what follows under the scope of the Function whose backward runs."""
        if node is self._node:
            return
        self._node = node
        known = self._tape.autograd_nodes.get(node)
        path = () if known is None else self._tape.nodes[known].scope
        self._tape.scopes.restart((*path, RECOMPUTED))

    def _wrap(self, original: Callable[..., Any], first: str) -> Callable[..., Any]:
        def run_nested(*args: Any, **kwargs: Any) -> Any:
            if self._replaced and torch._C._current_autograd_node() is not None:
                roots = args[0] if args else kwargs.get(first)
                roots = [roots] if isinstance(roots, torch.Tensor) else list(roots or ())
                try:
                    self._forward.close()
                    self._watch([root for root in roots if isinstance(root, torch.Tensor)])
                    self.has_passes = True
                except Exception as error:  # noqa: BLE001 - the pass must run, whatever could not be prepared for it
                    self._tape.notes.add(fault_note("A backward pass inside the backward pass", error))
            depth, self._depth = self._depth, 0
            if not depth:
                return original(*args, **kwargs)
            leave_mode(self)  # the steps of the nested pass are asked one by one, too
            try:
                return original(*args, **kwargs)
            finally:
                enter_mode(self)
                self._depth = depth

        return run_nested
