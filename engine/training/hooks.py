"""Watches a running program's backward passes and optimizer steps, with no line added to it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from .replaced import Replaced


class BackwardCall(NamedTuple):
    """One call of `Tensor.backward` or `torch.autograd.backward` by the program.

    Attributes
    ----------
    tensors : the roots.
    grad_tensors : as the program gave them: None, one tensor, or one (or None) per root.
    run : runs the original call; to be called exactly once.
    keeps_graph : whether it was told to keep what it would free: retain_graph, or create_graph without it.
    """

    tensors: tuple[torch.Tensor, ...]
    grad_tensors: Any
    run: Callable[[], None]
    keeps_graph: bool = False


class AutogradHooks:
    """Replaces `torch.autograd.backward` (which `Tensor.backward` calls) while it is installed.

    Backward passes inside a backward pass (reentrant checkpointing), and those of forked children, go straight through.

    Parameters
    ----------
    on_backward : called instead of each backward pass; it must call `BackwardCall.run`.
    on_optimizer_step : called after each step of any optimizer.
    before_optimizer_step : called before it.
    """

    def __init__(
        self,
        on_backward: Callable[[BackwardCall], None],
        on_optimizer_step: Callable[[Optimizer], None] | None = None,
        before_optimizer_step: Callable[[Optimizer], None] | None = None,
    ) -> None:
        self.used_autograd_grad = False
        self._on_backward = on_backward
        self._on_optimizer_step = on_optimizer_step
        self._before_optimizer_step = before_optimizer_step
        self._pid = os.getpid()
        self._inside: int | None = None
        self._replaced: list[Replaced] = []
        self._optimizer_hooks: list[Any] = []

    def install(self) -> None:
        """Begin to watch."""
        self._replaced = [
            Replaced(torch.autograd, "backward", self._wrap_backward),
            Replaced(torch.autograd, "grad", self._wrap_grad),
        ]
        if self._on_optimizer_step is not None:
            self._optimizer_hooks.append(register_optimizer_step_post_hook(self._after_optimizer_step))
        if self._before_optimizer_step is not None:
            self._optimizer_hooks.append(register_optimizer_step_pre_hook(self._ahead_of_optimizer_step))

    def remove(self) -> None:
        """Put everything back; references that the program kept to the wrappers go straight through from now on."""
        for replaced in self._replaced:
            replaced.give_back()
        self._replaced.clear()
        for hook in self._optimizer_hooks:
            hook.remove()
        self._optimizer_hooks.clear()

    def __enter__(self) -> AutogradHooks:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, entry: TracebackType | None
    ) -> None:
        self.remove()

    def _is_watching(self) -> bool:
        return bool(self._replaced) and self._inside is None and os.getpid() == self._pid and not _is_ours()

    def _wrap_backward(self, original: Callable[..., None]) -> Callable[..., None]:
        # The signature is the original's: dynamo and users pass its arguments by position and by name.
        def backward(
            tensors: Any = None,
            grad_tensors: Any = None,
            *args: Any,
            **kwargs: Any,
        ) -> None:
            if not self._is_watching():
                return original(tensors, grad_tensors, *args, **kwargs)
            roots = _roots(tensors)
            if not roots:  # the original raises its own error
                return original(tensors, grad_tensors, *args, **kwargs)

            def run() -> None:
                # A flag, not a thread-local: a nested pass may run in one of autograd's own threads.
                self._inside = threading.get_ident()
                try:
                    original(tensors, grad_tensors, *args, **kwargs)
                finally:
                    self._inside = None

            return self._on_backward(BackwardCall(roots, grad_tensors, run, _keeps_graph(args, kwargs)))

        return backward

    def _wrap_grad(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def grad(*args: Any, **kwargs: Any) -> Any:
            if self._is_watching():
                self.used_autograd_grad = True
            return original(*args, **kwargs)

        return grad

    def _ahead_of_optimizer_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._before_optimizer_step is not None and os.getpid() == self._pid:
            self._before_optimizer_step(optimizer)

    def _after_optimizer_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._on_optimizer_step is not None and os.getpid() == self._pid:
            self._on_optimizer_step(optimizer)


_thread = threading.local()


@contextmanager
def own_backward() -> Iterator[None]:
    """A backward pass in here is the engine's, and none that the program of another thread's trace runs."""
    _thread.is_ours = True
    try:
        yield
    finally:
        _thread.is_ours = False


def _is_ours() -> bool:
    return getattr(_thread, "is_ours", False)


def _keeps_graph(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """What `backward(tensors, grad_tensors, retain_graph=None, create_graph=False, …)` is told."""
    named = dict(zip(("retain_graph", "create_graph"), args, strict=False)) | kwargs
    retain = named.get("retain_graph")
    return bool(named.get("create_graph") if retain is None else retain)


def _roots(tensors: Any) -> tuple[torch.Tensor, ...]:
    if isinstance(tensors, torch.Tensor):
        return (tensors,)
    if isinstance(tensors, Sequence):
        return tuple(tensor for tensor in tensors if isinstance(tensor, torch.Tensor))
    return ()
