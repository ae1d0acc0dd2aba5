"""Exact statistics of large tensors in as few passes over memory as torch allows, without waiting for a device."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from ..graph.summary import Summary, bin_counts

SAMPLE_ELEMENTS = 1024
ROW_ELEMENTS = 4096
"""Rows of this length are reduced in the tensor's own precision and added up in float64: longer sums drift."""
PART_ELEMENTS = 256 * ROW_ELEMENTS
"""A part of this size stays in the processor's cache for all passes."""

NUMPY_ELEMENTS = 1 << 18

WIDENED = {torch.bfloat16, torch.float16} | {
    getattr(torch, name) for name in dir(torch) if name.startswith(("float8", "float4"))
}
_SAFE_TO_SQUARE = 1e-15, 1e15


class Partial(NamedTuple):
    """Reductions over the elements that a tensor really has in memory; each stands for `factor` of its elements.

    On a device they are tensors: nothing has waited for them yet.
    """

    elements: int
    factor: int
    low: float | torch.Tensor
    high: float | torch.Tensor
    total: float | torch.Tensor
    squares: float | torch.Tensor
    nonzero: int | torch.Tensor
    sample: torch.Tensor
    non_finite: tuple[torch.Tensor, torch.Tensor] | None = None
    centered_squares: float | None = None


def reduce(tensor: torch.Tensor) -> Partial:
    """Start the statistics of a strided tensor with at least one element."""
    tensor = tensor.detach()
    elements = tensor.numel()
    if tensor.dtype.is_complex:
        tensor = tensor.abs()
    row, factor = _flatten(tensor.resolve_neg())
    if not row.dtype.is_floating_point:
        row = row.to(torch.float64)
    elif row.dtype in WIDENED:
        row = row.to(torch.float32)
    sample = row[:: max(1, row.numel() // SAMPLE_ELEMENTS)].clone()
    if row.device.type == "cpu":
        return _reduce_here(row, elements, factor, sample)
    low, high = torch.aminmax(row)
    return Partial(
        elements,
        factor,
        low,
        high,
        row.sum(dtype=torch.float64),
        torch.linalg.vector_norm(row, dtype=torch.float64).square(),
        torch.count_nonzero(row),
        sample,
        (torch.isnan(row).sum(), torch.isinf(row).sum()),
    )


def _reduce_here(row: torch.Tensor, elements: int, factor: int, sample: torch.Tensor) -> Partial:
    """On a CPU there is nothing to wait for, and a look at the extremes often spares a pass."""
    lows, highs, totals, squares = [], [], [], []
    nonzero = 0
    is_small = row.numel() <= NUMPY_ELEMENTS
    sums = _sums_by_numpy if is_small else _sums_by_torch
    counter = _NonzeroCounter(row, has_zeros=is_small or not bool(sample.all()))
    for part in (row,) if is_small else row.split(PART_ELEMENTS):
        low, high, total, square = sums(part)
        lows.append(low)
        highs.append(high)
        totals.append(total)
        squares.append(square)
        nonzero += part.numel() if low > 0 or high < 0 else counter.count(part)
    total, square = math.fsum(totals), math.fsum(squares)
    is_finite = all(math.isfinite(extreme) for extreme in (*lows, *highs))
    low, high = (min(lows), max(highs)) if is_finite else (float(torch.min(row)), float(torch.max(row)))
    non_finite = None if is_finite else (torch.isnan(row).sum(), torch.isinf(row).sum())
    mean = total / row.numel()
    centered = None
    if is_finite and low != high and square / row.numel() - mean * mean < 1e-3 * mean * mean:
        total, centered = _centered(row, mean)
    return Partial(elements, factor, low, high, total, square, nonzero, sample, non_finite, centered)


def _sums_by_torch(part: torch.Tensor) -> tuple[float, float, float, float]:
    """Lowest and highest value, sum and sum of squares, on all the threads that torch has."""
    low, high = (float(extreme) for extreme in torch.aminmax(part))
    whole = part.numel() // ROW_ELEMENTS * ROW_ELEMENTS
    total = square = 0.0
    for rows in (part[:whole].view(-1, ROW_ELEMENTS), part[whole:].view(1, -1)):
        if rows.numel() == 0:
            continue
        total += float(rows.sum(1).sum(dtype=torch.float64))
        if _is_safe_to_square(low, high):
            square += float(torch.linalg.vector_norm(rows, dim=1).to(torch.float64).square().sum())
        else:
            square += float(rows.to(torch.float64).square().sum())
    return low, high, total, square


def _sums_by_numpy(part: torch.Tensor) -> tuple[float, float, float, float]:
    """The same on one thread: for a tensor of this size the other threads cost more than they give."""
    values = part.numpy()
    with np.errstate(all="ignore"):
        low, high = float(values.min()), float(values.max())
        total = float(values.sum())  # pairwise: exact enough in the tensor's own precision
        if not _is_safe_to_square(low, high):
            values = values.astype(np.float64)
        whole = len(values) // ROW_ELEMENTS * ROW_ELEMENTS
        rows, rest = values[:whole].reshape(-1, ROW_ELEMENTS), values[whole:]
        square = float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64)) + float(np.einsum("i,i->", rest, rest))
    return low, high, total, square


def _is_safe_to_square(low: float, high: float) -> bool:
    """Whether squares in float32 neither vanish nor overflow."""
    size = max(abs(low), abs(high))
    return _SAFE_TO_SQUARE[0] < size < _SAFE_TO_SQUARE[1] or size == 0


class _NonzeroCounter:
    """Counts what is not zero, the dearest pass: where zeros are not expected, their absence is shown first."""

    def __init__(self, row: torch.Tensor, *, has_zeros: bool) -> None:
        size = min(row.numel(), PART_ELEMENTS)
        self._is_zero = np.empty(size, np.bool_)
        self._magnitude = None if has_zeros else torch.empty(size, dtype=row.dtype)

    def count(self, part: torch.Tensor) -> int:
        size = part.numel()
        if self._magnitude is not None:
            if float(torch.abs(part, out=self._magnitude[:size]).min()) > 0:
                return size
            self._magnitude = None
        return size - int(np.count_nonzero(np.equal(part.numpy(), 0, out=self._is_zero[:size])))


def _centered(row: torch.Tensor, near: float) -> tuple[float, float]:
    """Sum, and sum of squared deviations from the mean, in float64, for values that vary little around `near`."""
    sums, squares = [], []
    for part in row.split(PART_ELEMENTS):
        deviation = part.to(torch.float64) - near
        sums.append(float(deviation.sum()))
        squares.append(float(deviation.square().sum()))
    count, off = row.numel(), math.fsum(sums)
    return near * count + off, max(math.fsum(squares) - off * off / count, 0.0)


def finish(partial: Partial) -> Summary:
    """The statistics; waits for the device where the tensor was on one."""
    elements, factor = partial.elements, partial.factor
    low, high = float(partial.low), float(partial.high)
    squares = float(partial.squares) * factor
    mean = float(partial.total) * factor / elements
    if partial.centered_squares is not None:
        variance = partial.centered_squares * factor / elements
    else:
        variance = max(squares / elements - mean * mean, 0.0)
    std = 0.0 if low == high else variance**0.5
    nan = inf = 0
    if partial.non_finite is not None:
        nan, inf = (int(number) * factor for number in partial.non_finite)
    if nan:
        low = high = mean = math.nan
    if nan or inf:
        std = math.nan
    sample = partial.sample.to(torch.float64).cpu().numpy()
    sample = sample[np.isfinite(sample)]
    first, last, histogram = bin_counts(sample)
    return Summary(
        count=elements,
        min=low,
        max=high,
        mean=mean,
        std=std,
        norm=math.nan if nan else squares**0.5,
        zeros=elements - int(partial.nonzero) * factor,
        nan=nan,
        inf=inf,
        low=first,
        high=last,
        histogram=histogram,
        binned=sample.size,
    )


def is_dense(tensor: torch.Tensor) -> bool:
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


def _flatten(tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
    """All elements as one row, without a copy where possible, and how often each of them counts."""
    factor = 1
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(dimension, 0, 1)
            factor *= size
    if not tensor.is_contiguous() and is_dense(tensor):
        return tensor.as_strided((tensor.numel(),), (1,), tensor.storage_offset()), factor
    return tensor.reshape(-1), factor
