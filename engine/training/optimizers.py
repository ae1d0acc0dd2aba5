"""Knows which optimizers a program has made, so that a parameter that none of them holds can be told."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import Optimizer


class MadeOptimizers:
    """Sees every `torch.optim.Optimizer` that is made while it is installed."""

    def __init__(self) -> None:
        self._made: list[weakref.ref[Optimizer]] = []
        self._original: Callable[..., None] | None = None

    def install(self) -> None:
        """Begin to watch."""
        original = Optimizer.__init__

        @functools.wraps(original)
        def noting(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self._made.append(weakref.ref(optimizer))

        self._original = original
        # The one place that all optimizers pass.
        Optimizer.__init__ = noting  # type: ignore[method-assign,assignment]  # a wrapper, put back by `remove`

    def remove(self) -> None:
        """Put the constructor back."""
        if self._original is not None:
            Optimizer.__init__ = self._original  # type: ignore[method-assign]  # as above
            self._original = None

    def held(self) -> list[tuple[str, list[torch.Tensor]]]:
        """Class and tensors of each optimizer that is alive, as its groups are now."""
        found = []
        for reference in self._made:
            optimizer = reference()
            if optimizer is not None:
                held = [p for group in optimizer.param_groups for p in group["params"] if isinstance(p, torch.Tensor)]
                found.append((type(optimizer).__name__, held))
        return found
