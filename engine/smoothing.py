"""The exponential moving average of a row of numbers, debiased, taken in pieces."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_SMALLEST = 1e-100
"""Within one block the weights fall to no less than this; their inverses stay far from overflow."""
_LONGEST = 4096
_FEW = 128
_LIGHT = 1e-12
"""Shorter pieces, and weights whose powers vanish at once, are not worth the blocks."""
_LARGEST = 1e150
"""Blocks with larger numbers than this are averaged one by one: scaled, they might overflow."""


class Smoothing:
    """s(n) = weight · s(n-1) + (1 - weight) · v(n), divided by 1 - weight^n so that it does not begin at zero.

    Numbers that are not finite are left out; their place in the result is NaN.

    Parameters
    ----------
    weight : from 0 (no smoothing) to less than 1.
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight < 1:
            raise ValueError(f"the weight of a smoothing is at least 0 and less than 1, not {weight}")
        self.weight = weight
        self._sum = 0.0
        self._count = 0

    def extend(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The averages that belong to the next `values`, which follow those of the calls before."""
        result = np.full(len(values), np.nan)
        is_finite = np.isfinite(values)
        finite = values[is_finite]
        if self.weight == 0 or not len(finite):
            result[is_finite] = finite
            return result
        sums = self._sums(finite)
        counts = np.arange(self._count + 1, self._count + len(finite) + 1)
        self._count += len(finite)
        result[is_finite] = sums / -np.expm1(counts * math.log(self.weight))
        return result

    def _sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Averages before the division: blocks of equal length at once, then carried from block to block."""
        weight = self.weight
        if len(values) < _FEW or weight < _LIGHT:
            return np.array(self._one_by_one(values))
        length = min(_LONGEST, max(1, int(math.log(_SMALLEST) / math.log(weight))))
        sums = np.empty(len(values))
        whole = len(values) // length * length
        falling = weight ** np.arange(1, length + 1)
        blocks = values[:whole].reshape(-1, length)
        local = sums[:whole].reshape(-1, length)
        with np.errstate(over="ignore", invalid="ignore"):
            np.cumsum(blocks * ((1 - weight) / falling), axis=1, out=local)
            local *= falling
        is_small = np.abs(blocks).max(axis=1) <= _LARGEST
        last = float(falling[-1])
        carries = np.empty(len(blocks))
        for row, end in enumerate(local[:, -1].tolist()):
            carries[row] = self._sum
            if is_small[row] and abs(self._sum) <= _LARGEST:
                self._sum = end + last * self._sum
            else:
                local[row] = self._one_by_one(blocks[row])
                carries[row] = 0.0
        local += carries[:, None] * falling
        sums[whole:] = self._one_by_one(values[whole:])
        return sums

    def _one_by_one(self, values: npt.NDArray[np.float64]) -> list[float]:
        result = []
        total, weight = self._sum, self.weight
        for value in values.tolist():
            total = weight * total + (1 - weight) * value
            result.append(total)
        self._sum = total
        return result
