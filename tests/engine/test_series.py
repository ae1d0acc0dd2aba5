"""`LossSeries` against a naive reading of the same points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.series import MAX_LISTED, MAX_RESTARTS, LossSeries

_values = st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
_points = st.integers(0, 400).flatmap(lambda n: st.lists(st.tuples(st.integers(0, 3), _values), min_size=n, max_size=n))


def _filled(steps: list[int], values: list[float], chunk: int) -> LossSeries:
    series = LossSeries()
    for start in range(0, len(steps), chunk):
        series.append(steps[start : start + chunk], values[start : start + chunk])
    return series


@settings(deadline=None, max_examples=80)
@given(_points, st.integers(1, 100), st.integers(-2, 700), st.integers(-2, 700), st.integers(6, 60))
def test_view_keeps_extremes_and_gaps(
    points: list[tuple[int, float]], chunk: int, first: int, last: int, max_points: int
) -> None:
    steps = np.cumsum([gap for gap, _ in points], dtype=np.int64).tolist()
    values = [value for _, value in points]
    series = _filled(steps, values, chunk)
    view = series.view(first, last, max_points)
    inside = [(s, v) for s, v in zip(steps, values, strict=True) if first <= s <= last]
    assert len(view.x) <= max_points
    assert len(view.x) == len(view.y)
    assert (np.diff(view.x) >= 0).all()
    finite = [v for _, v in inside if math.isfinite(v)]
    assert bool(np.isnan(view.y).any()) == (len(finite) < len(inside))
    shown = [(s, v) for s, v in zip(view.x.tolist(), view.y.tolist(), strict=True) if not math.isnan(v)]
    assert set(shown) <= {(float(s), v) for s, v in inside if math.isfinite(v)}
    if finite:
        assert (min(v for _, v in shown), max(v for _, v in shown)) == (min(finite), max(finite))
        assert series.extent(first, last) == (min(finite), max(finite))
    else:
        assert series.extent(first, last) is None
    if len(inside) <= max_points:
        assert len(view.x) == len(inside)
    assert series.non_finite == [s for s, v in zip(steps, values, strict=True) if not math.isfinite(v)]


@settings(deadline=None, max_examples=60)
@given(_points, st.integers(5, 200), st.floats(0, 0.999))
def test_smoothing_is_the_debiased_average(points: list[tuple[int, float]], chunk: int, weight: float) -> None:
    values = [value for _, value in points]
    series = LossSeries()
    for start in range(0, len(values), chunk):
        series.append(range(start, min(start + chunk, len(values))), values[start : start + chunk])
        series.smoothed(weight)
    total, count, expected = 0.0, 0, []
    for value in values:
        if not math.isfinite(value):
            expected.append(math.nan)
            continue
        count += 1
        total = weight * total + (1 - weight) * value
        expected.append(total / (1 - weight**count))
    scale = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    np.testing.assert_allclose(series.smoothed(weight), expected, rtol=1e-9, atol=1e-9 * scale)


def test_smoothing_over_many_blocks_and_huge_numbers() -> None:
    values = np.random.default_rng(0).standard_normal(20_000)
    values[5_000] = 1e300
    series = LossSeries()
    series.append(np.arange(20_000), values)
    for weight in (0.05, 0.6, 0.99):
        total, expected = 0.0, []
        for count, value in enumerate(values.tolist(), 1):
            total = weight * total + (1 - weight) * value
            expected.append(total / (1 - weight**count))
        np.testing.assert_allclose(series.smoothed(weight), expected, rtol=1e-9, atol=1e-9)
        shown = series.view(0, 4_999, 100, weight=weight)
        assert np.nanmax(shown.y) == series.smoothed(weight)[:5_000].max()
    for weight in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match="weight"):
            series.smoothed(weight)


def test_a_long_curve_keeps_one_peak_and_one_gap() -> None:
    count = 300_000
    values = np.sin(np.arange(count) / 1000)
    values[123_456], values[222_222], values[77_777] = 50.0, -50.0, np.nan
    series = _filled(list(range(count)), values.tolist(), 4_999)
    view = series.view(max_points=500)
    assert len(view.x) <= 500
    points = dict(zip(view.x.tolist(), view.y.tolist(), strict=True))
    assert points[123_456.0] == 50.0
    assert points[222_222.0] == -50.0
    assert math.isnan(points[77_777.0])
    near = series.view(123_400, 123_500, 500)
    np.testing.assert_array_equal(near.x, np.arange(123_400, 123_501))
    assert len(series.view(123_400.0 + 0.5, 123_400.7, margin=1).x) == 2  # type: ignore[arg-type]  # zoomed in between


def test_restart_begins_a_segment() -> None:
    series = LossSeries()
    series.append([0, 10, 20, 30], [4.0, 3.0, 2.0, 1.0])
    series.append([20, 30, 40], [2.5, 1.5, 0.5])
    view = series.view()
    np.testing.assert_array_equal(view.x, [0, 10, 20, 30, 20, 20, 30, 40])
    assert np.flatnonzero(np.isnan(view.y)).tolist() == [4]
    np.testing.assert_array_equal(series.view(25, 35).y, [1.0, math.nan, 1.5])
    assert series.value_at(20) == 2.5
    assert series.value_at(0) == 4.0
    assert series.value_at(5) is None
    assert series.extent(30, 30) == (1.0, 1.5)


def test_steps_that_always_run_backwards() -> None:
    series = LossSeries()
    count = 5 * MAX_RESTARTS
    series.append(np.arange(count)[::-1], np.arange(count, dtype=float))
    assert len(series) == count
    assert len(series.view(max_points=100).x) < 8 * MAX_RESTARTS
    assert series.last == (count - MAX_RESTARTS + (count - MAX_RESTARTS), count - 1.0)
    tail = series.steps[MAX_RESTARTS:]
    assert (np.diff(tail) > 0).all()


def test_nearest_and_last() -> None:
    series = LossSeries()
    assert series.last is None
    assert series.nearest(3) is None
    assert len(series.view().x) == 0
    series.append(10, 1.0)
    series.append([20], [math.nan])
    assert series.nearest(-5) == (10, 1.0)
    assert series.nearest(14.9) == (10, 1.0)
    found = series.nearest(15)
    assert found is not None
    assert found[0] == 20
    assert series.nearest(10**9) == series.last or series.last is None or math.isnan(series.last[1])
    assert len(series) == 2


def test_non_finite_steps_are_bounded() -> None:
    series = LossSeries()
    series.append(np.arange(3 * MAX_LISTED), np.full(3 * MAX_LISTED, np.nan))
    assert series.non_finite == list(range(MAX_LISTED))
    assert series.non_finite_count == 3 * MAX_LISTED


def test_what_was_handed_out_stays() -> None:
    series = LossSeries()
    series.append(range(200), np.arange(200.0))
    steps, values = series.steps, series.values
    series.append(range(200, 10_000), np.zeros(9_800))
    np.testing.assert_array_equal(steps, np.arange(200))
    np.testing.assert_array_equal(values, np.arange(200.0))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        LossSeries().append([1, 2], [1.0])
