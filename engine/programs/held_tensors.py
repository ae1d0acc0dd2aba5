"""The tensors and arrays that a program holds: their memory is copied once, and put back bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

_KINDS: tuple[type, ...] = (torch.Tensor, nn.Parameter, *([nn.Buffer] if hasattr(nn, "Buffer") else []))

_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


class NotRestorableError(Exception):
    """The rest of a sentence that begins with what cannot be put back, or (not `is_about_place`) a whole clause."""

    def __init__(self, message: str, *, is_about_place: bool = True) -> None:
        super().__init__(message)
        self.is_about_place = is_about_place


class _Tensor(NamedTuple):
    tensor: torch.Tensor
    alias: torch.Tensor
    requires_grad: bool
    gradient: torch.Tensor | None
    version: int | None
    hooks: tuple[Any, ...]


class HeldTensors:
    """Tensors as they were: memory, form, gradient, requires_grad and version.

    Parameters
    ----------
    most_bytes : of memory that may be copied.
    """

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._tensors: list[_Tensor] = []
        self._storages: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._arrays: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []

    def add(self, tensor: torch.Tensor) -> Iterator[tuple[str, Any]]:
        """Remember a tensor; yields by name what else it holds."""
        if type(tensor) not in _KINDS:
            raise NotRestorableError(f"is a tensor of the kind {type(tensor).__name__}")
        if tensor.grad_fn is not None:
            raise NotRestorableError("was computed while the program was built, and its graph serves one backward pass")
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise NotRestorableError(f"is a tensor of the layout {str(tensor.layout).removeprefix('torch.')}")
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            if tensor.device.type != "meta":
                self._copy(tensor.untyped_storage())
            version = None if tensor.is_inference() else tensor._version
            self._tensors.append(
                _Tensor(tensor, tensor.data, tensor.requires_grad, tensor.grad, version, _hooks_of(tensor))
            )
        yield ".grad", tensor.grad
        yield "", tensor.__dict__
        yield from ((f".{name}", hooks) for name, hooks in zip(_HOOKS, _hooks_of(tensor), strict=True))

    def add_array(self, array: npt.NDArray[Any]) -> None:
        """Remember the elements of an array."""
        if type(array) is not np.ndarray:
            raise NotRestorableError(f"is an array of the kind {type(array).__name__}")
        self._take(array.nbytes)
        self._arrays.append((array, array.copy()))

    def restore(self) -> None:
        """Put everything back. Raises NotRestorableError where that cannot be done any more."""
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for held in self._tensors:
                self._restore(held)
            for storage, copy in self._storages.values():
                if storage.nbytes() != copy.nbytes():
                    storage.resize_(copy.nbytes())
                storage.copy_(copy)
            versions = [(held.tensor, held.version) for held in self._tensors if held.version is not None]
            torch._C._autograd._unsafe_set_version_counter(
                tuple(tensor for tensor, _ in versions), tuple(version for _, version in versions)
            )
        for array, values in self._arrays:
            if array.shape != values.shape:
                raise NotRestorableError("has arrays of another shape after a run", is_about_place=False)
            if array.flags.writeable:
                np.copyto(array, values)

    def _restore(self, held: _Tensor) -> None:
        tensor, alias = held.tensor, held.alias
        if tensor.grad_fn is not None:
            tensor.detach_()
        if _form(tensor) != _form(alias):
            try:
                tensor.data = alias
            except RuntimeError as error:
                raise NotRestorableError("has tensors of another type after a run", is_about_place=False) from error
        if tensor.requires_grad != held.requires_grad:
            tensor.requires_grad_(held.requires_grad)
        if tensor.grad is not held.gradient:
            tensor.grad = held.gradient
        for name, hooks in zip(_HOOKS, held.hooks, strict=True):
            if getattr(tensor, name, None) is not hooks:
                setattr(tensor, name, hooks)

    def _copy(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._storages:
            self._take(storage.nbytes())
            self._storages[storage._cdata] = storage, storage.clone()

    def _take(self, nbytes: int) -> None:
        self._room -= nbytes
        if self._room < 0:
            raise NotRestorableError("its tensors are too large to keep a copy of them", is_about_place=False)


def _form(tensor: torch.Tensor) -> tuple[Any, ...]:
    place = 0 if tensor.device.type == "meta" else tensor.data_ptr()
    return place, tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def _hooks_of(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tuple(getattr(tensor, name, None) for name in _HOOKS)
