"""What is kept of each tensor while a program runs: its form always, whole values under a budget, statistics else."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import TensorInfo
from ..graph.summary import Summary
from ..graph.trace import ValuesMode
from .copies import NUMPY_DTYPES, Copier
from .reductions import WIDENED, Partial, finish_all, is_dense, reduce

SMALL_ELEMENTS = 4096
"""Tensors up to this size are kept whole as long as `small` of the budget lasts."""
MEDIUM_ELEMENTS = 65536

_NAMES: dict[torch.dtype | torch.device | torch.layout, str] = {}
_is_functorch_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
TENSOR_CLASSES = frozenset({torch.Tensor, torch.nn.Parameter})
"""Torch's own: what they say of themselves needs no second look."""
_STRIDED = torch.strided


class Budget:
    """How many bytes of whole values may still be kept, forward and backward apart."""

    def __init__(self, small: int = 48 << 20, medium: int = 8 << 20) -> None:
        self.small = small
        self.medium = medium

    def take(self, elements: int, nbytes: int) -> bool:
        """Whether a tensor that has no place among the small ones may be kept; then it is charged."""
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
        self._at_hand: dict[int, Partial] = {}
        """Statistics of the copies that may give way: taken while the tensor was in the processor's cache."""
        self._viewed: set[int] = set()
        """Keys of the copies whose memory others look at too."""
        self._partials: list[tuple[list[TensorInfo], Partial]] = []
        self._aliases: list[tuple[TensorInfo, TensorInfo]] = []
        self._shared: dict[int, int] = {}

    def form(self, tensor: torch.Tensor, requires_grad: bool | None = None) -> TensorInfo:
        """Shape, dtype and the like, without values."""
        if type(tensor) in TENSOR_CLASSES and tensor.is_cpu and tensor.layout is _STRIDED:
            try:
                return TensorInfo(
                    shape=tuple(tensor.shape),
                    dtype=_NAMES[tensor.dtype],
                    requires_grad=tensor.requires_grad if requires_grad is None else requires_grad,
                    version=tensor._version,
                )
            except (RuntimeError, KeyError):  # nested, an inference tensor, or the first of its dtype
                pass
        return TensorInfo(
            shape=shape_of(tensor),
            dtype=name_of(tensor.dtype),
            device="cpu" if tensor.is_cpu else name_of(tensor.device),
            layout="strided" if tensor.layout is torch.strided else name_of(tensor.layout),
            requires_grad=tensor.requires_grad if requires_grad is None else requires_grad,
            version=version_of(tensor),
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
        try:
            if _is_plain(tensor):
                self._keep(tensor, info, same_as)
            else:
                with torch._C._DisableTorchDispatch():
                    self._keep_any(tensor, info, same_as)
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
            # Exotic tensors refuse the oddest things; a picture without their values is better than none.
            info.note = f"no values: torch cannot read this tensor ({_first_line(error)})"
        return info

    def _keep_any(
        self, tensor: torch.Tensor, info: TensorInfo, same_as: tuple[torch.Tensor, TensorInfo] | None
    ) -> None:
        reason = _why_unreadable(tensor)
        if reason is not None:
            buffer = _buffer_of(tensor) if tensor.is_nested else None
            if buffer is None:
                info.note = f"no values: {reason}"
            else:
                info.note = f"only statistics were kept: {reason}"
                self._reduce(info, reduce(buffer))
            return
        tensor = tensor.detach()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        elif tensor.is_quantized:
            tensor = tensor.dequantize()
        if tensor.numel() and not tensor.data_ptr():
            if not tensor._is_zerotensor():
                info.note = "no values: the tensor's memory has been freed"
                return
            tensor = tensor.clone()  # what forward-mode differentiation calls a zero takes no memory until it is copied
        self._keep(tensor, info, same_as)

    def _keep(self, tensor: torch.Tensor, info: TensorInfo, same_as: tuple[torch.Tensor, TensorInfo] | None) -> None:
        """Keep the values of a tensor that lies in memory, or its statistics."""
        count = tensor.numel()
        nbytes = tensor.nbytes
        if same_as is not None:
            if not _holds_same_elements(tensor, same_as[0]):
                same_as = None
            elif self._share_copy(tensor, info, same_as[1]):
                return
        if count <= SMALL_ELEMENTS and self.budget.small >= nbytes:
            self.budget.small -= nbytes
            self._copy(tensor, info)
            return
        if self.values == "all" or count == 0 or self.budget.take(count, nbytes) or self._make_room(count, nbytes):
            self._copy(tensor, info)
            if self._is_latest_kept and SMALL_ELEMENTS < count <= MEDIUM_ELEMENTS and self.values != "all":
                self._medium.append(id(info))
                self._at_hand[id(info)] = reduce(tensor)
            return
        if same_as is not None:
            place = self._shared.get(id(same_as[1]))
            if place is not None:
                self._partials[place][0].append(info)
                self._shared[id(info)] = place
                return
            if same_as[1].array is not None or same_as[1].recorded_summary is not None:
                self._aliases.append((info, same_as[1]))
                return
        self._reduce(info, reduce(tensor))

    def _copy(self, tensor: torch.Tensor, info: TensorInfo) -> None:
        copy = self._copier.copy(tensor)
        self._copies[id(info)] = (info, _clone(tensor) if copy is None else copy)

    def _share_copy(self, tensor: torch.Tensor, info: TensorInfo, known: TensorInfo) -> bool:
        """Use the copy of a tensor that has the same elements in the same order."""
        kept = self._copies.get(id(known))
        if kept is None or isinstance(kept[1], torch.Tensor) or not tensor.is_contiguous():
            return False
        array = kept[1]
        if array.nbytes != tensor.numel() * tensor.element_size() or not array.flags.c_contiguous:
            return False
        self._copies[id(info)] = (info, array.reshape(info.shape))
        if id(known) in self._at_hand:
            self._viewed.add(id(known))
        return True

    def _make_room(self, count: int, nbytes: int) -> bool:
        """Let the oldest copies of medium tensors go, but for their statistics, until a new one may be kept."""
        if count > MEDIUM_ELEMENTS:
            return False
        while self._medium and self.budget.medium < nbytes:
            key = self._medium.popleft()
            partial = self._at_hand.pop(key)
            if key in self._viewed:  # the copy stays for the sake of the others, and so may this one
                continue
            info, array = self._copies.pop(key)
            self.budget.medium += array.nbytes
            self._reduce(info, partial)
            if not isinstance(array, torch.Tensor):
                self._copier.reuse(array)
        return self.budget.take(count, nbytes)

    def _reduce(self, info: TensorInfo, partial: Partial) -> None:
        self._shared[id(info)] = len(self._partials)
        self._partials.append(([info], partial))

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
                _set_summary(info, summary)
        for info, known in self._aliases:
            _set_summary(info, known.summary)
        self._copies.clear()
        self._medium.clear()
        self._at_hand.clear()
        self._viewed.clear()
        self._partials.clear()
        self._aliases.clear()
        self._shared.clear()


def _set_summary(info: TensorInfo, summary: Summary | None) -> None:
    info.recorded_summary = summary
    if info.note is None:
        info.note = f"only statistics were kept: {info.numel:,} elements"


def shares_memory(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two plain tensors begin at the same place in memory and have equally many elements."""
    if tensor is other or type(tensor) not in TENSOR_CLASSES or type(other) not in TENSOR_CLASSES:
        return False
    try:
        return tensor.data_ptr() == other.data_ptr() and tensor.numel() == other.numel()
    except RuntimeError:
        return False


def memory_of(tensor: torch.Tensor) -> Memory | None:
    """Identity of a tensor's memory, or None where it has none that could be compared."""
    try:
        address = tensor.data_ptr()
        return (address, tensor.numel(), tensor.dtype, tensor._version) if address else None
    except (RuntimeError, NotImplementedError):  # sparse, or without a version
        return None


def to_array(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The values of a detached tensor as numpy; formats that numpy does not have become wider ones."""
    if tensor.dtype in WIDENED and tensor.dtype != torch.float16:
        tensor = tensor.to(torch.float32)
    elif tensor.dtype == torch.complex32:
        tensor = tensor.to(torch.complex64)
    result: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = tensor.resolve_conj().resolve_neg().cpu().numpy()
    return result


def name_of(kind: torch.dtype | torch.device | torch.layout) -> str:
    """The name of a dtype, device or layout without torch's own in front: "float32"."""
    known = _NAMES.get(kind)
    if known is None:
        known = _NAMES[kind] = str(kind).removeprefix("torch.")
    return known


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """The sizes of a tensor; -1 for one that is a symbol, () where the rows differ in length."""
    try:
        shape = tensor.shape
    except RuntimeError:
        return ()  # nested
    if type(tensor) in TENSOR_CLASSES:
        return tuple(shape)
    if tensor.is_nested:
        return ()
    return tuple(size if type(size) is int else int(size) if isinstance(size, int) else -1 for size in shape)


def version_of(tensor: torch.Tensor) -> int:
    """The version counter; 0 for an inference tensor, which has none."""
    try:
        return tensor._version
    except RuntimeError:
        return 0


def _buffer_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """All elements of a nested tensor, if nothing else lies between them."""
    if not tensor.is_cpu:
        return None
    if tensor.layout is torch.strided:
        whole = tensor.detach().values()
        return whole if whole.numel() == tensor.numel() > 0 else None
    buffer, offsets = getattr(tensor, "_values", None), getattr(tensor, "_offsets", None)
    if type(buffer) is not torch.Tensor or type(offsets) is not torch.Tensor:
        return None
    if getattr(tensor, "_lengths", None) is not None:  # rows that do not fill the place they have
        return None
    if _is_functorch_wrapped(buffer) or not buffer.numel():
        return None
    rows = buffer.size(getattr(tensor, "_ragged_idx", 1) - 1)
    return buffer if (int(offsets[0]), int(offsets[-1])) == (0, rows) else None


def _clone(tensor: torch.Tensor) -> torch.Tensor:
    with torch._C._DisableTorchDispatch():
        return tensor.detach().clone()


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor's elements lie in the computer's own memory, to be read as they are."""
    if not (
        type(tensor) in TENSOR_CLASSES
        and tensor.layout is _STRIDED
        and tensor.is_cpu
        and tensor.dtype in NUMPY_DTYPES
        and not tensor.is_nested
    ):
        return False
    try:
        return tensor.data_ptr() != 0 or not tensor.numel()
    except RuntimeError:  # it exists only inside a torch.func transform, and has no memory of its own
        return False


def _why_unreadable(tensor: torch.Tensor) -> str | None:
    if tensor.is_meta:
        return "the tensor is on the meta device, which stores none"
    if tensor.is_nested:
        return "the tensor is nested: its rows differ in length"
    if _is_functorch_wrapped(tensor):
        return "the tensor exists only inside a torch.func transform"
    if type(tensor) in TENSOR_CLASSES:
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
        tensor.numel() == other.numel()
        and tensor.dtype == other.dtype
        and other.layout == torch.strided
        and tensor.data_ptr() == other.data_ptr()
        and tensor.is_conj() == other.is_conj()
        and tensor.is_neg() == other.is_neg()
        and is_dense(tensor)
        and is_dense(other)
    )
