"""Statistics in one compiled pass, against numpy in float64."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from engine.capture import single_pass
from engine.capture.loop_text import GRAIN_ELEMENTS
from engine.capture.reductions import _sample
from engine.capture.single_pass import statistics
from engine.graph.summary import BINS, bin_counts

pytest.importorskip("llvmlite")

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [1, 2, 7, 31, 64, 1000, 65537])
def test_agrees_with_numpy(dtype: torch.dtype, count: int) -> None:
    torch.manual_seed(count)
    row = torch.randn(count).to(dtype)
    row[::5] = 0
    row[::10] = -0.0
    found = statistics(row)
    expected = row.to(torch.float64).numpy()
    assert found is not None
    assert (found.low, found.high) == (expected.min(), expected.max())
    assert found.total == pytest.approx(expected.sum(), rel=1e-12, abs=1e-9)
    assert found.squares == pytest.approx(np.dot(expected, expected), rel=1e-12)
    assert found.zeros == np.count_nonzero(expected == 0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_element_counts_wherever_it_stands(dtype: torch.dtype) -> None:
    for count, place in ((size, place) for size in range(1, 50) for place in range(size)):
        row = torch.ones(count, dtype=dtype)
        row[place] = 0
        found = statistics(row)
        assert found is not None
        assert (found.low, found.high, found.zeros) == (0, min(count - 1, 1), 1)
        assert (found.total, found.squares) == (count - 1, count - 1)
        row[place] = 3
        found = statistics(row)
        assert found is not None
        assert (found.high, found.total, found.squares, found.zeros) == (3, count + 2, count + 8, 0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("intruder", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [0, 500, 999])
def test_what_is_not_finite_shows_in_the_squares(dtype: torch.dtype, intruder: float, place: int) -> None:
    row = torch.ones(1000, dtype=dtype)
    row[place] = intruder
    found = statistics(row)
    assert found is not None
    assert not np.isfinite(found.squares)


def test_squares_of_large_float32_do_not_overflow() -> None:
    found = statistics(torch.full((1000,), 3e38))
    assert found is not None
    assert found.squares == pytest.approx(1000 * float(np.float32(3e38)) ** 2)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("parts", [2, 3, 9])
def test_threads_share_large_tensors(dtype: torch.dtype, threads: int, parts: int) -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(threads)
        row = torch.randn(parts * GRAIN_ELEMENTS + 12_345).to(dtype)
        row[7] = -9
        row[-1] = 9
        row[-5:-2] = 0
        found = statistics(row)
    finally:
        torch.set_num_threads(usual)
    expected = row.to(torch.float64).numpy()
    assert found is not None
    assert (found.low, found.high) == (-9, 9)
    assert found.total == pytest.approx(expected.sum(), rel=1e-9, abs=1e-6)
    assert found.squares == pytest.approx(np.dot(expected, expected), rel=1e-12)
    assert found.zeros == np.count_nonzero(expected == 0)


def test_starts_anywhere_in_memory() -> None:
    row = torch.randn(5000)
    for start in range(1, 9):
        found = statistics(row[start:])
        assert found is not None
        assert found.low == float(row[start:].min())
        assert found.total == pytest.approx(float(row[start:].double().sum()), rel=1e-12)


def test_other_dtypes_have_none() -> None:
    assert statistics(torch.ones(10, dtype=torch.int64)) is None
    assert statistics(torch.ones(10, dtype=torch.bool)) is None


def test_without_llvmlite_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    single_pass._loop.cache_clear()
    try:
        assert statistics(torch.ones(10)) is None
    finally:
        single_pass._loop.cache_clear()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [1, 3, 1000, 1088, 70_001, single_pass.SHARED_ELEMENTS + 5])
def test_histogram_is_that_of_the_sample(dtype: torch.dtype, count: int) -> None:
    torch.manual_seed(count)
    row = torch.relu(torch.randn(count)).to(dtype)
    found = statistics(row)
    assert found is not None
    sample = _sample(row).to(torch.float64).numpy()
    assert found.sampled == sample.size
    assert found.histogram() == bin_counts(sample)


def test_histogram_of_a_constant_has_one_bin() -> None:
    found = statistics(torch.full((5000,), 0.1, dtype=torch.float64))
    assert found is not None
    assert found.histogram() == (0.1, 0.1, (single_pass.SAMPLE_RUNS * single_pass.RUN_ELEMENTS,))


@pytest.mark.parametrize("columns", [16, 64, 768, 1000])
def test_sample_sees_all_columns_of_a_matrix(columns: int) -> None:
    matrix = torch.arange(columns).float().repeat(100_000 // columns, 1)
    found = statistics(matrix.reshape(-1))
    assert found is not None
    low, high, counts = found.histogram()
    assert (low, high) == pytest.approx((0, columns - 1), abs=columns / 20)
    assert min(counts) > 0 or columns < BINS
