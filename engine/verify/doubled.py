"""Runs an unchanged program in float64: every floating-point tensor that meets a torch function is widened first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_NARROW = (torch.float32, torch.float16, torch.bfloat16)


class Doubled(TorchFunctionMode):
    """Replaces the tensors of a program by float64 shadows, the same one for the same tensor.

    The program's own tensors are only read: buffers that it updates and tensors that it writes to in place change
    their shadows. `leaves` holds a shadow for each leaf that requires grad, in the order of first use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.leaves: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._shadows: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._own: set[int] = set()

    def adopt(self, leaves: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Go on with the shadows that another run made for the leaves."""
        for key, pair in leaves.items():
            self.leaves[key] = self._shadows[key] = pair
            self._own.add(id(pair[1]))

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*self.widen(args), **self.widen(kwargs or {}))

    def widen(self, value: Any) -> Any:
        """A nest of arguments with every floating-point tensor and dtype widened."""
        if isinstance(value, torch.Tensor):
            return self.shadow(value)
        if isinstance(value, torch.dtype):
            return torch.float64 if value in _NARROW else value
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.widen(part) for part in value))
        if isinstance(value, (list, tuple)):
            return type(value)(self.widen(part) for part in value)
        if isinstance(value, Mapping) and type(value) is dict:
            return {key: self.widen(part) for key, part in value.items()}
        return value

    def shadow(self, tensor: torch.Tensor) -> torch.Tensor:
        """The float64 stand-in of a tensor; leaves keep requiring grad."""
        if id(tensor) in self._own:
            return tensor
        with torch._C.DisableTorchFunction():
            is_leaf = tensor.is_leaf and tensor.requires_grad
            if not is_leaf and tensor.dtype not in _NARROW:
                return tensor
            known = self._shadows.get(id(tensor))
            if known is not None and known[0] is tensor:
                return known[1]
            if not is_leaf and tensor.requires_grad:
                return tensor.to(torch.float64)
            made = tensor.detach().to(torch.float64).clone().requires_grad_(is_leaf)
            self._shadows[id(tensor)] = (tensor, made)
            self._own.add(id(made))
            if is_leaf:
                self.leaves[id(tensor)] = (tensor, made)
            return made


@contextmanager
def running_in_float64(mode: Doubled) -> Iterator[None]:
    """Inside, functions work on float64, and tensors are created as float64 unless the program says otherwise."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with mode:
            yield
    finally:
        torch.set_default_dtype(before)


def live_leaves(roots: list[torch.Tensor]) -> list[torch.Tensor]:
    """The leaves that a backward pass from `roots` would reach, each once."""
    found: dict[int, torch.Tensor] = {}
    seen: set[Any] = set()
    pending: list[Any] = []
    for root in roots:
        if root.grad_fn is not None:
            pending.append(root.grad_fn)
        elif root.requires_grad:
            found[id(root)] = root
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor):
            found[id(variable)] = variable
        pending.extend(following for following, _ in node.next_functions if following is not None)
    return list(found.values())
