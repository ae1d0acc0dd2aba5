"""Numbers to colours: blocks that keep the extremes of a large matrix, a scale symmetric around zero. Numpy only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rgb = tuple[int, int, int]


class Blocks(NamedTuple):
    """A matrix reduced to blocks, shape (rows, columns).

    `extreme` is the finite value of the largest size in each block, `low` and `high` its range (0 where nothing is
    finite); `nan` and `inf` mark the blocks that hold such a value. Row r covers `row_edges[r]` to `row_edges[r + 1]`.
    """

    extreme: Floats
    low: Floats
    high: Floats
    nan: Mask
    inf: Mask
    row_edges: npt.NDArray[np.int64]
    column_edges: npt.NDArray[np.int64]


def as_real(array: npt.NDArray[Any]) -> Floats:
    """The values as float64; complex ones by their absolute values."""
    return (np.abs(array) if array.dtype.kind == "c" else array).astype(np.float64)


def edges(length: int, most: int) -> npt.NDArray[np.int64]:
    """Borders of at most `most` blocks of (nearly) one size over `length` > 0 entries."""
    count = max(1, min(length, most))
    return np.arange(count + 1, dtype=np.int64) * length // count


def reduce_blocks(matrix: Floats, most_rows: int, most_columns: int) -> Blocks:
    """Reduce a matrix of at least one entry to at most `most_rows` by `most_columns` blocks."""
    row_edges, column_edges = edges(matrix.shape[0], most_rows), edges(matrix.shape[1], most_columns)
    is_nan, is_inf = np.isnan(matrix), np.isinf(matrix)
    is_odd = is_nan | is_inf
    low = _reduce(np.minimum, np.where(is_odd, np.inf, matrix), row_edges, column_edges)
    high = _reduce(np.maximum, np.where(is_odd, -np.inf, matrix), row_edges, column_edges)
    is_void = low > high  # nothing in the block is finite
    low[is_void] = high[is_void] = 0.0
    return Blocks(
        extreme=np.where(high >= -low, high, low),
        low=low,
        high=high,
        nan=_reduce(np.logical_or, is_nan, row_edges, column_edges),
        inf=_reduce(np.logical_or, is_inf, row_edges, column_edges),
        row_edges=row_edges,
        column_edges=column_edges,
    )


def _reduce(
    function: np.ufunc, matrix: npt.NDArray[Any], row_edges: npt.NDArray[np.int64], column_edges: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    rows = function.reduceat(matrix, row_edges[:-1], axis=0)
    result: npt.NDArray[Any] = function.reduceat(rows, column_edges[:-1], axis=1)
    return result


def scale_limit(values: Floats) -> float:
    """The largest size of a finite value: the scale goes from minus to plus this; 1 where all are zero."""
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    return largest or 1.0


def colors(
    blocks: Blocks, limit: float, negative: Rgb, middle: Rgb, positive: Rgb, nan: Rgb, inf: Rgb
) -> npt.NDArray[np.uint8]:
    """Each block's colour, shape (rows, columns, 3): `middle` at zero, the other two at -limit and +limit."""
    position = np.clip(blocks.extreme / limit, -1.0, 1.0)[..., None]
    middle_row = np.asarray(middle, dtype=np.float64)
    end = np.where(position < 0, np.asarray(negative, dtype=np.float64), np.asarray(positive, dtype=np.float64))
    mixed = middle_row + (end - middle_row) * np.abs(position)
    mixed[blocks.inf] = inf
    mixed[blocks.nan] = nan
    return np.rint(mixed).astype(np.uint8)
