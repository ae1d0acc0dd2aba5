"""What a replay gives back: buffers, gradients of leaves, and memory of the program that it writes into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .sightings import leaf_tensors
from .tape import Tape

_DATA: Any = torch._C.TensorBase.data
"""torch's own `Tensor.data`."""


class PutAside:
    """Remembers, while a program runs again, what it changes of the tensors from before, and undoes it at the end."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[int, str], tuple[nn.Module, torch.Tensor, torch.Tensor]] = {}
        self._memory: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._gradients: dict[int, tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]] = {}
        self._data: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        """Tensors that may be given other memory, with what they showed before."""
        self._outside: set[int] = set()
        self._looked_at = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at every module that is called inside, and give everything back at the end."""
        handle = torch.nn.modules.module.register_module_forward_pre_hook(self._on_module_entered)

        def set_data(tensor: torch.Tensor, value: torch.Tensor) -> None:
            self._remember(tensor)
            _DATA.__set__(tensor, value)

        torch.Tensor.data = property(_DATA.__get__, set_data, _DATA.__delete__)  # type: ignore[assignment]  # until the end
        try:
            yield
        finally:
            del torch.Tensor.data  # what torch's own base class has comes to light again
            handle.remove()
            self._restore()

    def _remember(self, tensor: torch.Tensor) -> None:
        """Note what `tensor` shows, before it is made to show something else."""
        if id(tensor) not in self._data:
            with torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():
                self._data[id(tensor)] = tensor, _DATA.__get__(tensor)

    def _on_module_entered(self, module: nn.Module, _inputs: Any) -> None:
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for name, buffer in module._buffers.items():
                if buffer is not None and (id(module), name) not in self._buffers:
                    self._buffers[id(module), name] = (module, buffer, buffer.detach().clone())

    def before_write(self, tape: Tape, tensor: torch.Tensor) -> None:
        """An operation is about to change `tensor`: keep a copy of the memory if it is from outside the program."""
        for known in tape.anchors[self._looked_at :]:
            storage = _storage(known)
            if storage is not None:
                self._outside.add(storage._cdata)
        self._looked_at = len(tape.anchors)
        storage = _storage(tensor)
        if storage is not None and storage._cdata in self._outside:
            self._keep(storage)
            self._remember(tensor)  # `set_` and `resize_` give it other memory, or another shape

    def _keep(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._memory:
            with torch._C._DisableTorchDispatch():
                self._memory[storage._cdata] = (storage, storage.clone())

    def before_backward(self, tape: Tape, below: Sequence[torch.Tensor], *, is_cleared: bool) -> None:
        """A backward pass is about to begin: keep the gradients of its leaves, and take them off if `is_cleared`."""
        for leaf in [*below, *leaf_tensors(tape)]:
            if id(leaf) in self._gradients:
                continue
            gradient = leaf.grad
            with torch._C._DisableTorchDispatch(), torch.no_grad():
                is_copied = gradient is not None and not is_cleared
                copy = gradient.clone() if gradient is not None and is_copied else None
            self._gradients[id(leaf)] = leaf, gradient, copy
            storage = _storage(leaf)
            if leaf._post_accumulate_grad_hooks and storage is not None:
                self._keep(storage)  # such a hook may update the leaf
            if is_cleared:
                leaf.grad = None

    def _restore(self) -> None:
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for tensor, shown in self._data.values():
                if not _shows_the_same(tensor, shown):
                    tensor.data = shown
            for storage, copy in self._memory.values():
                if storage.nbytes() == copy.nbytes():
                    storage.copy_(copy)  # as storage, not as tensor: versions are autograd's business
            for leaf, gradient, values in self._gradients.values():
                leaf.grad = gradient
                if gradient is not None and values is not None:
                    gradient.data.copy_(values)
            for (_, name), (module, buffer, values) in self._buffers.items():
                module._buffers[name] = buffer
                buffer.data.copy_(values)


def _shows_the_same(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    ours, theirs = _storage(tensor), _storage(other)
    if ours is None or theirs is None or ours._cdata != theirs._cdata or tensor.dtype != other.dtype:
        return False
    return (tensor.shape, tensor.stride(), tensor.storage_offset()) == (
        other.shape, other.stride(), other.storage_offset(),
    )  # fmt: skip


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """The memory of an ordinary tensor; None for those that have none of their own."""
    if type(tensor) not in (torch.Tensor, nn.Parameter) or tensor.device.type == "meta":
        return None
    try:
        return tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):
        return None
