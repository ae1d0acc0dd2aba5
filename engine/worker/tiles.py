"""Parts of large tensors for the window: kept for a while in this process, and sent as what is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..session.messages import MOST_TILE_CELLS, FetchTile

MOST_KEPT_BYTES = 2 << 30
"""Of fetched tensors that are kept; the latest stays whatever its size."""
Array = npt.NDArray[Any]


class KeptTensors:
    """Fetched tensors, the least recently used given up first."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._arrays: OrderedDict[Hashable, Array] = OrderedDict()

    def get(self, key: Hashable) -> Array | None:
        if key in self._arrays:
            self._arrays.move_to_end(key)
        return self._arrays.get(key)

    def put(self, key: Hashable, array: Array) -> None:
        self._arrays[key] = array
        while len(self._arrays) > 1 and sum(kept.nbytes for kept in self._arrays.values()) > self._most_bytes:
            self._arrays.popitem(last=False)

    def clear(self) -> None:
        self._arrays.clear()


def cut(array: Array, request: FetchTile) -> Array:
    """The entries that a request is about, as a matrix. Raises ValueError where the tensor has none there."""
    lead = array.shape[:-2]
    if len(request.index) != len(lead) or any(not 0 <= k < size for k, size in zip(request.index, lead, strict=True)):
        raise ValueError(f"The tensor has no part {list(request.index)}.")
    matrix: Array = array[request.index]
    matrix = matrix.reshape(1, -1) if matrix.ndim < 2 else matrix
    part = matrix[slice(*request.rows), slice(*request.columns)]
    if part.size == 0 or min(*request.rows, *request.columns, request.most_rows - 1, request.most_columns - 1) < 0:
        raise ValueError(f"The tensor has no rows {request.rows} and columns {request.columns}.")
    return part


def is_exact(part: Array, request: FetchTile) -> bool:
    """Whether the entries themselves are sent, and not blocks of them."""
    return part.shape[0] <= request.most_rows and part.shape[1] <= request.most_columns and part.size <= MOST_TILE_CELLS


def blocks(part: Array, most_rows: int, most_columns: int) -> tuple[tuple[int, int], bytes]:
    """A matrix in at most so many blocks, and never more than `MOST_TILE_CELLS`: their number, and the message's body.

    The body has the lowest and the highest finite value of each block and its mean, in float64, then one byte each that
    says whether it holds NaN, and Inf. Borders are those of `gui.widgets.heat_map.edges`.
    """
    columns = _edges(part.shape[1], min(most_columns, MOST_TILE_CELLS))
    rows = _edges(part.shape[0], min(most_rows, MOST_TILE_CELLS // (len(columns) - 1)))
    values = np.abs(part) if part.dtype.kind == "c" else part
    with np.errstate(all="ignore"):
        low, high = (_reduce(function, values, rows, columns) for function in (np.minimum, np.maximum))
        counts = np.outer(np.diff(rows), np.diff(columns))
        mean = _reduce(np.add, values, rows, columns, np.float64) / counts
    nan, inf = np.zeros(low.shape, bool), np.zeros(low.shape, bool)
    if values.dtype.kind == "f" and not (np.isfinite(low).all() and np.isfinite(high).all()):
        is_nan, is_inf = np.isnan(values), np.isinf(values)
        is_odd = is_nan | is_inf
        nan, inf = (_reduce(np.logical_or, odd, rows, columns) for odd in (is_nan, is_inf))
        low = _reduce(np.minimum, np.where(is_odd, np.inf, values), rows, columns)
        high = _reduce(np.maximum, np.where(is_odd, -np.inf, values), rows, columns)
        finite = counts - _reduce(np.add, is_odd, rows, columns, np.float64)
        with np.errstate(all="ignore"):
            sums = _reduce(np.add, np.where(is_odd, 0.0, values), rows, columns, np.float64)
            mean = np.where(finite > 0, sums / np.maximum(finite, 1), 0.0)
        low[finite == 0] = high[finite == 0] = 0.0
    floats = b"".join(np.asarray(found, "<f8").tobytes() for found in (low, high, mean))
    return (len(rows) - 1, len(columns) - 1), floats + nan.tobytes() + inf.tobytes()


def _edges(length: int, most: int) -> npt.NDArray[np.int64]:
    count = max(1, min(length, most))
    return np.arange(count + 1, dtype=np.int64) * length // count


def _reduce(function: np.ufunc, matrix: Array, rows: Array, columns: Array, dtype: Any = None) -> Array:
    by_rows = function.reduceat(matrix, rows[:-1], axis=0, dtype=dtype)
    result: Array = function.reduceat(by_rows, columns[:-1], axis=1, dtype=dtype)
    return result
