"""What is kept of each tensor while a program runs: its form always, whole values under a budget, statistics else."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import TensorInfo
from ..graph.trace import ValuesMode
from .copies import Copier
from .reductions import WIDENED, Partial, finish_all, is_dense, reduce

SMALL_ELEMENTS = 4096
"""Tensors up to this size are kept whole as long as `small` of the budget lasts."""
MEDIUM_ELEMENTS = 65536

_NAMES: dict[torch.dtype | torch.device | torch.layout, str] = {}


class Budget:
    """How many bytes of whole values may still be kept, forward and backward apart."""

    def __init__(self, small: int = 48 << 20, medium: int = 24 << 20) -> None:
        self.small = small
        self.medium = medium

    def take(self, elements: int, nbytes: int) -> bool:
        """Whether a tensor may be kept; then it is charged."""
        if elements <= SMALL_ELEMENTS and self.small >= nbytes:
            self.small -= nbytes
            return True
        if elements <= MEDIUM_ELEMENTS and self.medium >= nbytes:
            self.medium -= nbytes
            return True
        return False


Memory = tuple[int, int, torch.dtype, int]
"""Address, elements, dtype and version of a tensor at one moment: two that are equal hold the same elements."""


class Keeper:
    """Describes tensors as `TensorInfo`. Values reach the infos when `finish` is called, not before.

    When the budget has run out, whole values of the first medium tensors are kept or, with `is_latest_kept`, of the
    last ones: of a forward pass those are the nearest to the loss, of a backward pass the first are.
    """

    def __init__(
        self, values: ValuesMode = "summary", budget: Budget | None = None, *, is_latest_kept: bool = False
    ) -> None:
        self.values: ValuesMode = values
        self.budget = budget or Budget()
        self._is_latest_kept = is_latest_kept
        self._copier = Copier()
        self._copies: dict[int, tuple[TensorInfo, npt.NDArray[Any] | torch.Tensor]] = {}
        self._medium: deque[int] = deque()
        """Keys of the copies that may give way to later ones, the oldest first."""
        self._partials: list[tuple[list[TensorInfo], Partial]] = []
        self._aliases: list[tuple[TensorInfo, TensorInfo]] = []
        self._shared: dict[int, int] = {}

    def form(self, tensor: torch.Tensor, requires_grad: bool | None = None) -> TensorInfo:
        """Shape, dtype and the like, without values."""
        return TensorInfo(
            shape=_shape(tensor),
            dtype=_name(tensor.dtype),
            device="cpu" if tensor.is_cpu else _name(tensor.device),
            layout="strided" if tensor.layout is torch.strided else _name(tensor.layout),
            requires_grad=tensor.requires_grad if requires_grad is None else requires_grad,
            version=0 if tensor.is_inference() else tensor._version,
        )

    def describe(
        self,
        tensor: torch.Tensor,
        *,
        requires_grad: bool | None = None,
        same_as: tuple[torch.Tensor, TensorInfo] | None = None,
    ) -> TensorInfo:
        """Form and values. `same_as` is a living tensor that may share its memory, and what is known of it.

        No operation of this method is recorded or differentiated, and none waits for a device.
        """
        info = self.form(tensor, requires_grad)
        if self.values == "none":
            return info
        with torch._C._DisableTorchDispatch():
            try:
                self._keep(tensor, info, same_as)
            except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
                # Exotic tensors refuse the oddest things; a picture without their values is better than none.
                info.note = f"no values: torch cannot read this tensor ({_first_line(error)})"
        return info

    def _keep(self, tensor: torch.Tensor, info: TensorInfo, same_as: tuple[torch.Tensor, TensorInfo] | None) -> None:
        reason = _why_unreadable(tensor)
        if reason is not None:
            info.note = f"no values: {reason}"
            return
        tensor = tensor.detach()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        elif tensor.is_quantized:
            tensor = tensor.dequantize()
        count = tensor.numel()
        if count and not tensor.data_ptr():
            if not tensor._is_zerotensor():
                info.note = "no values: the tensor's memory has been freed"
                return
            tensor = tensor.clone()  # what forward-mode differentiation calls a zero takes no memory until it is copied
        nbytes = count * tensor.element_size()
        if self.values == "all" or count == 0 or self.budget.take(count, nbytes) or self._make_room(count, nbytes):
            copy = self._copier.copy(tensor)
            self._copies[id(info)] = (info, tensor.clone() if copy is None else copy)
            if self._is_latest_kept and SMALL_ELEMENTS < count <= MEDIUM_ELEMENTS:
                self._medium.append(id(info))
            return
        info.note = f"only statistics were kept: {count:,} elements"
        if same_as is not None and _holds_same_elements(tensor, same_as[0]):
            place = self._shared.get(id(same_as[1]))
            if place is not None:
                self._partials[place][0].append(info)
                self._shared[id(info)] = place
                return
            if same_as[1].array is not None or same_as[1].recorded_summary is not None:
                self._aliases.append((info, same_as[1]))
                return
        self._reduce(info, tensor)

    def _make_room(self, count: int, nbytes: int) -> bool:
        """Let the oldest copies of medium tensors go, but for their statistics, until a new one may be kept."""
        if count > MEDIUM_ELEMENTS:
            return False
        while self._medium and self.budget.medium < nbytes:
            info, array = self._copies.pop(self._medium.popleft())
            copy = array if isinstance(array, torch.Tensor) else torch.from_numpy(array)
            self.budget.medium += copy.numel() * copy.element_size()
            info.note = f"only statistics were kept: {copy.numel():,} elements"
            self._reduce(info, copy)
            if not isinstance(array, torch.Tensor):
                self._copier.reuse(array)
        return self.budget.take(count, nbytes)

    def _reduce(self, info: TensorInfo, tensor: torch.Tensor) -> None:
        self._shared[id(info)] = len(self._partials)
        self._partials.append(([info], reduce(tensor)))

    def finish(self) -> None:
        """Turn everything that was collected into arrays and statistics on the infos."""
        for info, copy in self._copies.values():
            try:
                info.array = to_array(copy) if isinstance(copy, torch.Tensor) else copy
            except (RuntimeError, TypeError) as error:  # a format that torch itself converts to no other
                info.note = f"no values: torch cannot read this tensor ({_first_line(error)})"
        summaries = finish_all([partial for _, partial in self._partials])
        for (infos, _), summary in zip(self._partials, summaries, strict=True):
            for info in infos:
                info.recorded_summary = summary
        for info, known in self._aliases:
            info.recorded_summary = known.summary
        self._copies.clear()
        self._medium.clear()
        self._partials.clear()
        self._aliases.clear()
        self._shared.clear()


def memory_of(tensor: torch.Tensor) -> Memory | None:
    """Identity of a tensor's memory, or None where it has none that could be compared."""
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_inference():
        return None
    try:
        return tensor.data_ptr(), tensor.numel(), tensor.dtype, tensor._version
    except (RuntimeError, NotImplementedError):
        return None


def to_array(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The values of a detached tensor as numpy; formats that numpy does not have become wider ones."""
    if tensor.dtype in WIDENED and tensor.dtype != torch.float16:
        tensor = tensor.to(torch.float32)
    elif tensor.dtype == torch.complex32:
        tensor = tensor.to(torch.complex64)
    result: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = tensor.resolve_conj().resolve_neg().cpu().numpy()
    return result


def _name(kind: torch.dtype | torch.device | torch.layout) -> str:
    known = _NAMES.get(kind)
    if known is None:
        known = _NAMES[kind] = str(kind).removeprefix("torch.")
    return known


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    if tensor.is_nested:
        return ()
    shape = tuple(tensor.shape)
    for size in shape:
        if type(size) is not int:  # a symbol
            return tuple(int(size) if isinstance(size, int) else -1 for size in shape)
    return shape


def _why_unreadable(tensor: torch.Tensor) -> str | None:
    if tensor.is_meta:
        return "the tensor is on the meta device, which stores none"
    if tensor.is_nested:
        return "the tensor is nested: its rows differ in length"
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return "the tensor exists only inside a torch.func transform"
    if type(tensor) is torch.Tensor or type(tensor) is torch.nn.Parameter:
        return None
    if type(tensor).__name__ == "FakeTensor":
        return "the tensor is fake: it has a shape but no storage"
    if type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        # Such a class may wrap other tensors and have no memory of its own: torch would crash on reading it.
        return f"the class {type(tensor).__name__} decides itself what its operations do"
    return None


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _holds_same_elements(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether one is a mere permutation of the other in the same memory (a transpose, a view): same statistics."""
    return (
        tensor.dtype == other.dtype
        and other.layout == torch.strided
        and tensor.numel() == other.numel()
        and tensor.data_ptr() == other.data_ptr()
        and tensor.is_conj() == other.is_conj()
        and tensor.is_neg() == other.is_neg()
        and is_dense(tensor)
        and is_dense(other)
    )
