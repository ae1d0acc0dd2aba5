"""What is kept of each tensor while a program runs: its form always, whole values under a budget, statistics else."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from ..graph.model import TensorInfo
from ..graph.summary import Summary, bin_counts
from ..graph.trace import ValuesMode

SMALL_ELEMENTS = 4096
"""Tensors up to this size are kept whole as long as `small` of the budget lasts."""
MEDIUM_ELEMENTS = 65536
SAMPLE_ELEMENTS = 1024
ROW_ELEMENTS = 4096
"""Sums run over rows of this length in the tensor's own precision and are then added up in float64."""

_WIDENED = {torch.bfloat16, torch.float16} | {
    getattr(torch, name) for name in dir(torch) if name.startswith(("float8", "float4"))
}
_DEVICE_NAMES: dict[torch.device, str] = {}
_DTYPE_NAMES: dict[torch.dtype, str] = {}
_LAYOUT_NAMES: dict[torch.layout, str] = {}


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


class _Partial(NamedTuple):
    """Results of the reductions over a large tensor, still on its device: nothing has waited for them yet."""

    elements: int
    factor: int
    low_high: torch.Tensor
    sums: torch.Tensor
    norms: torch.Tensor
    nonzero: torch.Tensor | None
    sample: torch.Tensor
    non_finite: tuple[torch.Tensor, torch.Tensor] | None
    centered_squares: float | None


class _Memory(NamedTuple):
    """Identity of the memory behind a tensor at one moment, for telling that two tensors hold the same elements."""

    address: int
    elements: int
    dtype: torch.dtype
    version: int


class Keeper:
    """Describes tensors as `TensorInfo`. Values reach the infos when `finish` is called, not before."""

    def __init__(self, values: ValuesMode = "summary", budget: Budget | None = None) -> None:
        self.values: ValuesMode = values
        self.budget = budget or Budget()
        self._copies: list[tuple[TensorInfo, torch.Tensor]] = []
        self._partials: list[tuple[list[TensorInfo], _Partial]] = []
        self._aliases: list[tuple[TensorInfo, TensorInfo]] = []
        self._shared: dict[int, int] = {}

    def form(self, tensor: torch.Tensor, requires_grad: bool | None = None) -> TensorInfo:
        """Shape, dtype and the like, without values."""
        device, dtype, layout = tensor.device, tensor.dtype, tensor.layout
        if device not in _DEVICE_NAMES:
            _DEVICE_NAMES[device] = str(device)
        if dtype not in _DTYPE_NAMES:
            _DTYPE_NAMES[dtype] = str(dtype).removeprefix("torch.")
        if layout not in _LAYOUT_NAMES:
            _LAYOUT_NAMES[layout] = str(layout).removeprefix("torch.")
        return TensorInfo(
            shape=_shape(tensor),
            dtype=_DTYPE_NAMES[dtype],
            device=_DEVICE_NAMES[device],
            layout=_LAYOUT_NAMES[layout],
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
        with torch._C._DisableTorchDispatch(), torch.no_grad():
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
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        elif tensor.is_quantized:
            tensor = tensor.dequantize()
        count = tensor.numel()
        nbytes = count * tensor.element_size()
        if self.values == "all" or count == 0 or self.budget.take(count, nbytes):
            self._copies.append((info, tensor.detach().clone()))
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
        self._shared[id(info)] = len(self._partials)
        self._partials.append(([info], _reduce(tensor)))

    def finish(self) -> None:
        """Turn everything that was collected into arrays and statistics on the infos."""
        for info, copy in self._copies:
            info.array = to_array(copy)
        for infos, partial in self._partials:
            summary = _finish(partial)
            for info in infos:
                info.recorded_summary = summary
        for info, known in self._aliases:
            info.recorded_summary = known.summary
        self._copies.clear()
        self._partials.clear()
        self._aliases.clear()
        self._shared.clear()


def memory_of(tensor: torch.Tensor) -> _Memory | None:
    """Identity of a tensor's memory, or None where it has none that could be compared."""
    if tensor.layout != torch.strided or tensor.device.type == "meta" or tensor.is_inference():
        return None
    try:
        return _Memory(tensor.data_ptr(), tensor.numel(), tensor.dtype, tensor._version)
    except (RuntimeError, NotImplementedError):
        return None


def to_array(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The values of a detached tensor as numpy; formats that numpy does not have become float32."""
    if tensor.dtype in _WIDENED and tensor.dtype != torch.float16:
        tensor = tensor.to(torch.float32)
    result: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = tensor.resolve_conj().resolve_neg().cpu().numpy()
    return result


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    if tensor.is_nested:
        return ()
    return tuple(int(size) if isinstance(size, int) else -1 for size in tensor.shape)


def _why_unreadable(tensor: torch.Tensor) -> str | None:
    if tensor.device.type == "meta":
        return "the tensor is on the meta device, which stores none"
    if tensor.is_nested:
        return "the tensor is nested: its rows differ in length"
    if type(tensor).__name__ == "FakeTensor":
        return "the tensor is fake: it has a shape but no storage"
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return "the tensor exists only inside a torch.func transform"
    return None


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _is_dense(tensor: torch.Tensor) -> bool:
    """Whether the tensor fills its memory without gaps or overlaps, in whatever order of dimensions."""
    if tensor.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True


def _holds_same_elements(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether one is a mere permutation of the other in the same memory (a transpose, a view): same statistics."""
    return (
        tensor.dtype == other.dtype
        and other.layout == torch.strided
        and tensor.numel() == other.numel()
        and tensor.data_ptr() == other.data_ptr()
        and tensor.is_conj() == other.is_conj()
        and tensor.is_neg() == other.is_neg()
        and _is_dense(tensor)
        and _is_dense(other)
    )


def _flatten(tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
    """All elements as one row, without a copy where possible, and how often each of them counts."""
    factor = 1
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(dimension, 0, 1)
            factor *= size
    if not tensor.is_contiguous() and _is_dense(tensor):
        return tensor.as_strided((tensor.numel(),), (1,), tensor.storage_offset()), factor
    return tensor.reshape(-1), factor


def _reduce(tensor: torch.Tensor) -> _Partial:
    tensor = tensor.detach()
    count = tensor.numel()
    if tensor.dtype.is_complex:
        tensor = tensor.abs()
    row, factor = _flatten(tensor.resolve_neg())
    if not row.dtype.is_floating_point:
        row = row.to(torch.float64)
    elif row.dtype in _WIDENED:
        row = row.to(torch.float32)
    whole = row.numel() // ROW_ELEMENTS * ROW_ELEMENTS
    rows = row[:whole].view(-1, ROW_ELEMENTS)
    rest = row[whole:]
    low_high = torch.stack(torch.aminmax(row))
    sums = rows.sum(1, dtype=row.dtype).sum(dtype=torch.float64) + rest.sum(dtype=torch.float64)
    norms = torch.linalg.vector_norm(rows, dim=1).to(torch.float64).square().sum()
    norms = norms + torch.linalg.vector_norm(rest, dtype=torch.float64).square()
    non_finite = centered = None
    has_no_zero = False
    if row.device.type == "cpu":
        # On a CPU a look at the extremes is free and often spares the dearest passes; on a device it would wait.
        low, high = low_high.tolist()
        has_no_zero = low > 0 or high < 0
        is_finite = math.isfinite(low) and math.isfinite(high)
        mean = float(sums) / row.numel()
        if is_finite and low != high and float(norms) / row.numel() - mean * mean < 1e-3 * mean * mean:
            centered = _centered_squares(row, mean)
    else:
        is_finite = False
    if not is_finite:
        non_finite = (torch.isnan(row).sum(), torch.isinf(row).sum())
    nonzero = None if has_no_zero else torch.count_nonzero(row)
    sample = row[:: max(1, row.numel() // SAMPLE_ELEMENTS)].clone()
    return _Partial(count, factor, low_high, sums, norms, nonzero, sample, non_finite, centered)


def _centered_squares(row: torch.Tensor, mean: float) -> float:
    """Sum of squared deviations in float64, for values that vary little around a large mean."""
    parts: tuple[torch.Tensor, ...] = row.split(1 << 20)
    return math.fsum(float((part.to(torch.float64) - mean).square().sum()) for part in parts)


def _finish(partial: _Partial) -> Summary:
    low, high = partial.low_high.tolist()
    count = partial.elements
    total = float(partial.sums) * partial.factor
    squares = float(partial.norms) * partial.factor
    mean = total / count
    if partial.centered_squares is not None:
        variance = partial.centered_squares * partial.factor / count
    else:
        variance = max(squares / count - mean * mean, 0.0)
    std = 0.0 if low == high else variance**0.5
    nan = inf = 0
    if partial.non_finite is not None:
        nan, inf = (int(number) * partial.factor for number in partial.non_finite)
    if nan:
        low = high = float("nan")
    if nan or inf:
        std = float("nan")
    zeros = 0 if partial.nonzero is None else count - int(partial.nonzero) * partial.factor
    sample = partial.sample.to(torch.float64).cpu().numpy()
    sample = sample[np.isfinite(sample)]
    first, last, histogram = bin_counts(sample)
    return Summary(
        count=count,
        min=low,
        max=high,
        mean=mean,
        std=std,
        norm=squares**0.5,
        zeros=zeros,
        nan=nan,
        inf=inf,
        low=first,
        high=last,
        histogram=histogram,
        binned=sample.size,
    )
