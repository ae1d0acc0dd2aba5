"""Histograms: every element lies in a bin."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graph.summary import BINS, bin_counts


def _rows() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    random = np.random.default_rng(0)
    rows = [
        random.normal(size=500),
        np.zeros(500),
        np.full(500, -2.5),
        random.integers(0, 3, 500).astype(float),
        1e308 * random.uniform(-1, 1, 500),
        1e-308 * random.normal(size=500),
        np.r_[np.zeros(499), 5e-324],
        np.linspace(0, BINS, 500),
    ]
    return np.array(rows)


@pytest.mark.parametrize("row", range(len(_rows())))
def test_every_element_is_in_a_bin(row: int) -> None:
    values = _rows()[row]
    low, high, counts = bin_counts(values)
    assert (low, high) == (values.min(), values.max())
    assert sum(counts) == values.size
    if len(counts) > 1:
        expected, _ = np.histogram(values / 2, BINS, (low / 2, high / 2))  # numpy's own range overflows
        assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 2  # the edges are rounded differently
