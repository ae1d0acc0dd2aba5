"""Exact statistics of large tensors: one compiled pass where there is one, torch's operations else; never a wait."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import torch

from ..graph.summary import Summary, bin_counts
from .single_pass import DTYPES as ONE_PASS
from .single_pass import Pass, runs_of, statistics

PART_ELEMENTS = 1 << 18
"""A part of this size stays in the processor's cache for all passes."""

WIDENED = {torch.bfloat16, torch.float16} | {
    getattr(torch, name) for name in dir(torch) if name.startswith(("float8", "float4"))
}
_VARIES_LITTLE = 1e-6
"""Variance over squared mean below which their difference in float64 loses too many digits."""


class Partial(msgspec.Struct, frozen=True, gc=False):
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
    sample: torch.Tensor | Pass
    """Elements for the histogram, or the pass that has made it."""
    non_finite: tuple[torch.Tensor, torch.Tensor] | None = None
    centered_squares: float | None = None


def reduce(tensor: torch.Tensor) -> Partial:
    """Start the statistics of a strided tensor with at least one element. No operation of this is recorded."""
    is_row = tensor.dtype in ONE_PASS and tensor.is_contiguous() and tensor.is_cpu and not tensor.is_neg()
    partial = _reduce_at_once(tensor, tensor.numel(), 1) if is_row else None
    if partial is not None:
        return partial
    with torch._C._DisableTorchDispatch():
        return _reduce_in_steps(tensor.detach(), is_tried=is_row)


def _reduce_in_steps(tensor: torch.Tensor, *, is_tried: bool) -> Partial:
    """With torch's operations, or in one pass once the elements lie in a row; `is_tried` says that this is in vain."""
    elements = tensor.numel()
    if tensor.dtype.is_complex:
        tensor = tensor.abs()
    row, factor = _flatten(tensor.resolve_neg())
    if row.is_cpu and not is_tried:
        partial = _reduce_at_once(row, elements, factor)
        if partial is not None:
            return partial
    sample = _sample(row)
    if not row.dtype.is_floating_point:
        row = row.to(torch.float64)
    elif row.dtype in WIDENED:
        row = row.to(torch.float32)
    if row.is_cpu:
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


def _reduce_at_once(row: torch.Tensor, elements: int, factor: int) -> Partial | None:
    """The whole in one pass; None where one pass does not tell: odd dtypes, NaN, squares that vanish or overflow."""
    found = statistics(row)
    if found is None or not math.isfinite(found.squares) or not _is_safe_in_float64(found.low, found.high):
        return None
    count = row.numel()
    if found.low != found.high and found.squares * count - found.total**2 < _VARIES_LITTLE * found.total**2:
        return None
    nonzero = count - found.zeros
    return Partial(elements, factor, found.low, found.high, found.total, found.squares, nonzero, found)


def _is_safe_in_float64(low: float, high: float) -> bool:
    """Whether the square of the largest element is no denormal number, or all elements are zero."""
    return high > 1e-150 or low < -1e-150 or low == high == 0


def _reduce_here(row: torch.Tensor, elements: int, factor: int, sample: torch.Tensor) -> Partial:
    """On a CPU there is nothing to wait for; float64 neither overflows nor drifts."""
    lows, highs, totals, squares = [], [], [], []
    nonzero = nan = inf = 0
    for part in row.split(PART_ELEMENTS):
        wide = part.to(torch.float64)
        low, high = (float(extreme) for extreme in torch.aminmax(wide))
        lows.append(low)
        highs.append(high)
        totals.append(float(wide.sum()))
        norm = float(torch.linalg.vector_norm(wide))
        squares.append(norm * norm)  # inf where it overflows, which `**` would make an error
        nonzero += int(torch.count_nonzero(wide))
        if not (math.isfinite(low) and math.isfinite(high)):
            nan += int(torch.isnan(wide).sum())
            inf += int(torch.isinf(wide).sum())
    total, square = math.fsum(totals) if not (nan or inf) else sum(totals), sum(squares)
    low, high = (math.nan, math.nan) if nan else (min(lows), max(highs))
    mean = total / row.numel()
    centered = None
    if not (nan or inf) and low != high and square / row.numel() - mean * mean < _VARIES_LITTLE * mean * mean:
        total, centered = _centered(row, mean)
    non_finite = (torch.tensor(nan), torch.tensor(inf)) if nan or inf else None
    return Partial(elements, factor, low, high, total, square, nonzero, sample, non_finite, centered)


def _centered(row: torch.Tensor, near: float) -> tuple[float, float]:
    """Sum, and sum of squared deviations from the mean, in float64, for values that vary little around `near`."""
    sums, squares = [], []
    for part in row.split(PART_ELEMENTS):
        deviation = part.to(torch.float64) - near
        sums.append(float(deviation.sum()))
        squares.append(float(deviation.square().sum()))
    count, off = row.numel(), math.fsum(sums)
    return near * count + off, max(math.fsum(squares) - off * off / count, 0.0)


def finish_all(partials: Sequence[Partial]) -> list[Summary]:
    """The statistics; waits for the devices on which the tensors were."""
    return [_summary(partial) for partial in partials]


def _summary(partial: Partial) -> Summary:
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
    if isinstance(partial.sample, Pass):
        binned, sampled = partial.sample.histogram(), partial.sample.sampled
    else:
        sample = partial.sample.to(torch.float64).cpu().numpy().ravel()
        sample = sample[np.isfinite(sample)]
        binned, sampled = bin_counts(sample), sample.size
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
        low=binned[0],
        high=binned[1],
        histogram=binned[2],
        binned=sampled,
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


def _sample(row: torch.Tensor) -> torch.Tensor:
    """A copy of evenly spread runs of elements; the whole of a short row."""
    runs, size, step = runs_of(row.numel())
    if runs == 1:
        return row.clone()
    return row[_places(runs, size, step, row.device)]


@functools.lru_cache(maxsize=64)
def _places(runs: int, size: int, step: int, device: torch.device) -> torch.Tensor:
    """Indices of the elements of a sample, as the compiled loop takes them."""
    run = np.arange(runs)
    first = run * step + ((run * 40503 % 65536) * (step - size + 1) >> 16)
    return torch.from_numpy((first[:, None] + np.arange(size)).ravel()).to(device, non_blocking=True)


def _flatten(tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
    """All elements as one row, without a copy where possible, and how often each of them counts."""
    factor = 1
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(dimension, 0, 1)
            factor *= size
    if not tensor.is_contiguous() and is_dense(tensor):
        return tensor.as_strided((tensor.numel(),), (1,), tensor.storage_offset()), factor
    return tensor.reshape(-1).contiguous(), factor  # a column is a row already, but a strided one
