"""Which operation last wrote into a piece of memory, and which of its outputs shows that."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import torch

_Place = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""A tensor's storage, and how it lies in it: offset, shape and stride."""


class _Write(msgspec.Struct, frozen=True, gc=False):
    node: int
    begin: int
    end: int
    """First byte of the storage that may have been written, and the one after the last."""
    is_dense: bool
    """Whether all bytes between were written."""
    made: int
    """The operation that made the written tensor: what was written before it has flowed into this write."""
    source: int
    """The operation that the tensor's elements came from: the one that made it, or one that wrote into it since."""

    def supersedes(self, earlier: _Write) -> bool:
        """Whether an earlier write has flowed into this one, or lies below it."""
        is_below = self.is_dense and self.begin <= earlier.begin and earlier.end <= self.end
        return earlier.node <= self.made or earlier.node == self.source or is_below


class Writes:
    """Every write that has been recorded, by storage."""

    def __init__(self) -> None:
        self._of_storage: dict[int, list[_Write]] = {}
        self._outputs: dict[tuple[int, _Place], int] = {}

    def note(self, tensor: torch.Tensor, node_id: int, made: int, source: int) -> None:
        """The operation `node_id` has changed `tensor` in place, which `made` made and `source` wrote into last."""
        storage = storage_of(tensor)
        if storage:
            begin, end = _extent(tensor)
            is_dense = tensor.numel() * tensor.element_size() == end - begin
            self._of_storage.setdefault(storage, []).append(_Write(node_id, begin, end, is_dense, made, source))

    def last(self, tensor: torch.Tensor, after: int = -1) -> int | None:
        """The operation after `after` that last changed what `tensor` shows."""
        writes = self._of_storage.get(storage_of(tensor)) if self._of_storage else None
        if not writes or writes[-1].node <= after:
            return None
        begin, end = _extent(tensor)
        for write in reversed(writes):
            if write.node <= after:
                return None
            if write.begin < end and begin < write.end:
                return write.node
        return None

    def others(self, tensor: torch.Tensor, after: int) -> list[int]:
        """The operations after `after` that wrote a part of what `tensor` shows, without the last and all before it.

        They wrote through views that are older than the last write, so no operation has brought the two together.
        """
        begin, end = _extent(tensor)
        found: list[int] = []
        later: list[_Write] = []
        for write in reversed(self._of_storage.get(storage_of(tensor), ())):
            if write.node <= after:
                break
            if write.begin < end and begin < write.end:
                if not any(other.supersedes(write) for other in later):
                    found.append(write.node)
                later.append(write)
                after = max(after, write.made)
        return found[:0:-1]

    def note_outputs(self, node_id: int, results: Iterable[torch.Tensor]) -> None:
        """Remember which outputs of an operation show what it wrote, as `note` was told before."""
        for number, tensor in enumerate(results):
            writes = self._of_storage.get(storage_of(tensor))
            if writes is not None and writes[-1].node == node_id:
                self._outputs.setdefault((node_id, _place_of(tensor)), number)

    def output(self, node_id: int, tensor: torch.Tensor, new: int) -> int:
        """The output of an operation that shows `tensor` as it was written; `new` from now on, if there is none."""
        return self._outputs.setdefault((node_id, _place_of(tensor)), new)


def storage_of(tensor: torch.Tensor) -> int:
    """A number for the memory of a tensor; 0 where it has none of its own."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return 0


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    if tensor.numel() == 0:
        return 0, 0
    size = tensor.element_size()
    begin = int(tensor.storage_offset()) * size
    if tensor.is_contiguous():
        return begin, begin + tensor.numel() * size
    steps = sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return begin, begin + (int(steps) + 1) * size


def _place_of(tensor: torch.Tensor) -> _Place:
    storage = storage_of(tensor)
    if not storage:  # a sparse tensor, for example
        return id(tensor), 0, (), ()
    return storage, int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride()
