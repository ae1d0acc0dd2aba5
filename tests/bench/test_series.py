"""A curve of ten million points: adding to it, looking at it, smoothing it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engine.series import LossSeries

COUNT = 10_000_000
POINTS = 2_000


@pytest.fixture(scope="module")
def values() -> npt.NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal(COUNT)


@pytest.fixture(scope="module")
def series(values: npt.NDArray[np.float64]) -> LossSeries:
    return _filled(values)


def _filled(values: npt.NDArray[np.float64]) -> LossSeries:
    filled = LossSeries()
    steps = np.arange(COUNT)
    for start in range(0, COUNT, 10_000):
        filled.append(steps[start : start + 10_000], values[start : start + 10_000])
    return filled


def _naive(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lowest and highest of every one of POINTS / 2 stretches, from all the numbers."""
    blocks = values[: COUNT // (POINTS // 2) * (POINTS // 2)].reshape(POINTS // 2, -1)
    return np.nanmin(blocks, axis=1), np.nanmax(blocks, axis=1)


def test_append(benchmark: Any, values: npt.NDArray[np.float64]) -> None:
    benchmark.pedantic(lambda: _filled(values), rounds=2)
    print(f"\n{COUNT / benchmark.stats['median'] / 1e6:.0f} million points a second")


@pytest.mark.parametrize(
    "span", [(None, None), (3_000_001, 7_000_003), (5_000_000, 5_100_000)], ids=["all", "40 %", "1 %"]
)
def test_view(
    benchmark: Any, series: LossSeries, values: npt.NDArray[np.float64], span: tuple[int | None, int | None]
) -> None:
    view = benchmark(lambda: series.view(*span, POINTS))
    start = time.perf_counter()
    low, high = _naive(values)
    naive_s = time.perf_counter() - start
    assert len(view.x) <= POINTS
    if span[0] is None:
        assert (np.nanmin(view.y), np.nanmax(view.y)) == (low.min(), high.max())
    median_s = benchmark.stats["median"]
    print(f"\n{median_s * 1e3:.2f} ms; decimating all anew takes {naive_s / median_s:.0f} times as long")


def test_append_one_and_look(benchmark: Any, series: LossSeries) -> None:
    def once() -> None:
        series.append(len(series), 1.0)
        series.view(None, None, POINTS, weight=0.9)

    series.smoothed(0.9)
    benchmark(once)


def test_smoothing(benchmark: Any, series: LossSeries) -> None:
    weights = iter([0.1, 0.6, 0.99])
    benchmark.pedantic(lambda: series.smoothed(next(weights)), rounds=3)
