"""Which recorded node stands for an autograd node: told by autograd's numbers, and by marks where threads meet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import torch

from ..training.replaced import Replaced
from .grad_graph import nodes_below

OWN_THREADS = "retrograd"
"""How the names of the worker's own threads begin: they never compute anything."""
ELSEWHERE = (
    "Some operations ran in other threads than the one that is recorded: of these only the autograd nodes are shown, "
    "without their values and their place in the program."
)
_OF_VIEWS = (
    "CopySlices", "Alias", "AsStrided", "Diagonal", "Expand", "Permute", "Select", "Slice", "Split", "Squeeze", "T",
    "Transpose", "Unbind", "Unfold", "Unsqueeze", "View",
)  # fmt: skip
"""Autograd makes these anew after a write into a view, without an operation."""


class AutogradNodes:
    """Numbers of the recorded nodes by autograd node.

    Autograd counts its nodes in each thread on its own, so that its numbers are unique as long as one thread computes.
    Before a second one can, all nodes that were recorded so far are marked in their metadata, and from then on each new
    one is; this costs some microseconds for each, and is exact.
    """

    def __init__(self) -> None:
        self.of_sequence: dict[int, int] = {}
        self._mark: object | None = None

    def get(self, grad_fn: Any) -> int | None:
        """The number of the node that stands for `grad_fn`, if one does."""
        if self._mark is None:
            return self.of_sequence.get(grad_fn._sequence_nr())
        number: int | None = grad_fn.metadata.get(self._mark)
        return number

    def add(self, grad_fn: Any, number: int) -> None:
        """Say that node `number` stands for `grad_fn`."""
        self.of_sequence.setdefault(grad_fn._sequence_nr(), number)
        if self._mark is not None:
            grad_fn.metadata[self._mark] = number

    @property
    def is_of_one_thread(self) -> bool:
        """Whether no other thread can have made any."""
        return self._mark is None

    def is_of_another_thread(self, grad_fn: Any) -> bool:
        """Whether an autograd node for which no operation was recorded can only have been made in another thread."""
        kind = grad_fn.name().rpartition("::")[2].rstrip("0123456789").removesuffix("Backward")
        return self._mark is not None and not hasattr(type(grad_fn), "_forward_cls") and kind not in _OF_VIEWS

    def tell_threads_apart(self, tensors: Iterable[torch.Tensor]) -> None:
        """Mark every recorded node that the living `tensors` depend on; no other thread may have computed anything."""
        if self._mark is not None:
            return
        mark = object()
        for grad_fn in nodes_below(tensor.grad_fn for tensor in tensors):
            number = self.of_sequence.get(grad_fn._sequence_nr())
            if number is not None:
                grad_fn.metadata[mark] = number
        self._mark = mark


class ThreadWatch:
    """While started, calls `before_others` once before another thread can compute: at once where there is one."""

    def __init__(self, before_others: Callable[[], None]) -> None:
        self._before_others = before_others
        self._replaced: Replaced | None = None

    def start(self) -> None:
        own = threading.current_thread()
        if any(other is not own and not other.name.startswith(OWN_THREADS) for other in threading.enumerate()):
            self._before_others()
        else:
            self._replaced = Replaced(threading.Thread, "start", self._wrap)

    def stop(self) -> None:
        """Harmless when it was not started."""
        if self._replaced is not None:
            self._replaced.give_back()
            self._replaced = None

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def start(thread: threading.Thread) -> Any:
            if self._replaced is not None:
                self._before_others()
            return original(thread)

        return start
