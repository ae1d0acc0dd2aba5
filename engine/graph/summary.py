"""Statistics of one tensor, and how they are computed from an array."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

BINS = 32


class Summary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Statistics over all `count` elements; complex numbers are summarised by their absolute values.

    `min`, `max`, `mean`, `std` (population) and `norm` (Euclidean) follow IEEE rules: they are NaN if any element is,
    and NaN for an empty tensor (`norm` is then 0). `zeros`, `nan` and `inf` are counts. `histogram` counts the finite
    elements in BINS equal bins from `low` to `high`; `binned` says how many elements were put in: all of the finite
    ones, or an evenly spaced sample of a large tensor.
    """

    count: int
    min: float
    max: float
    mean: float
    std: float
    norm: float
    zeros: int
    nan: int
    inf: int
    low: float = 0.0
    high: float = 0.0
    histogram: tuple[int, ...] = ()
    binned: int = 0


def summarize(array: npt.NDArray[Any]) -> Summary:
    """Compute the statistics of `array` (any shape; bool, integer, floating point or complex) in float64."""
    flat = np.abs(array).ravel() if array.dtype.kind == "c" else array.ravel()
    values = flat.astype(np.float64)
    if values.size == 0:
        nothing = float("nan")
        return Summary(count=0, min=nothing, max=nothing, mean=nothing, std=nothing, norm=0.0, zeros=0, nan=0, inf=0)
    with np.errstate(all="ignore"):
        squares = float(np.dot(values, values))
        mean = float(values.sum()) / values.size
    if math.isfinite(squares):  # so is every element, and most of the questions below need not be asked
        low, high, histogram = bin_counts(values)
        deviation = values - mean
        return Summary(
            count=values.size,
            min=low,
            max=high,
            mean=mean,
            std=0.0 if low == high else math.sqrt(float(np.dot(deviation, deviation)) / values.size),
            norm=math.sqrt(squares),
            zeros=values.size - int(np.count_nonzero(values)),
            nan=0,
            inf=0,
            low=low,
            high=high,
            histogram=histogram,
            binned=values.size,
        )
    is_nan, is_inf = np.isnan(values), np.isinf(values)
    finite = values[~(is_nan | is_inf)]
    low, high, histogram = bin_counts(finite)
    with np.errstate(all="ignore"):
        return Summary(
            count=values.size,
            min=float(values.min()),
            max=float(values.max()),
            mean=mean,
            std=float(values.std()),
            norm=float(np.sqrt(squares)),
            zeros=int(np.count_nonzero(values == 0)),
            nan=int(is_nan.sum()),
            inf=int(is_inf.sum()),
            low=low,
            high=high,
            histogram=histogram,
            binned=finite.size,
        )


def bin_counts(finite: npt.NDArray[np.float64]) -> tuple[float, float, tuple[int, ...]]:
    """Lowest and highest value, and the counts in BINS equal bins between them; the last bin includes the highest."""
    if finite.size == 0:
        return 0.0, 0.0, ()
    low, high = float(finite.min()), float(finite.max())
    span = high / 2 - low / 2  # halved first: the difference of two huge numbers may overflow
    if span == 0:
        return low, high, (finite.size,)
    where = ((finite / 2 - low / 2) / span * BINS).astype(np.int64)
    counts = np.bincount(np.minimum(where, BINS - 1), minlength=BINS)
    return low, high, tuple(counts.tolist())
