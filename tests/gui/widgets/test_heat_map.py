"""Blocks keep the extremes of every matrix, whatever its proportions, and colours tell signs and odd values apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gui.widgets.heat_map import as_real, colors, reduce_blocks, scale_limit

BLUE, WHITE, RED, PINK, BLACK = (0, 0, 255), (255, 255, 255), (255, 0, 0), (255, 0, 255), (0, 0, 0)

matrices = npst.arrays(
    np.float64,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=23),
    elements=st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), float("-inf")]),
)


@settings(max_examples=60, deadline=None)
@given(matrices, st.integers(1, 12), st.integers(1, 12))
def test_each_block_has_the_extremes_of_the_entries_that_it_covers(matrix: np.ndarray, rows: int, columns: int) -> None:
    blocks = reduce_blocks(matrix, rows, columns)
    assert blocks.extreme.shape == (min(rows, matrix.shape[0]), min(columns, matrix.shape[1]))
    for r, c in np.ndindex(*blocks.extreme.shape):
        part = matrix[
            blocks.row_edges[r] : blocks.row_edges[r + 1], blocks.column_edges[c] : blocks.column_edges[c + 1]
        ]
        assert part.size > 0
        finite = part[np.isfinite(part)]
        assert blocks.nan[r, c] == np.isnan(part).any()
        assert blocks.inf[r, c] == np.isinf(part).any()
        if finite.size:
            assert blocks.low[r, c] == finite.min()
            assert blocks.high[r, c] == finite.max()
            assert abs(blocks.extreme[r, c]) == np.abs(finite).max()
        else:
            assert blocks.low[r, c] == blocks.high[r, c] == 0


def test_one_outlier_survives_the_reduction_of_a_large_matrix() -> None:
    matrix = np.zeros((1000, 2000))
    matrix[777, 1234] = -5.0
    blocks = reduce_blocks(matrix, 100, 200)
    assert blocks.extreme.min() == -5.0
    assert np.count_nonzero(blocks.extreme) == 1


def test_the_scale_is_symmetric_around_zero() -> None:
    blocks = reduce_blocks(np.array([[-2.0, 0.0, 2.0, 1.0]]), 9, 9)
    found = colors(blocks, 2.0, BLUE, WHITE, RED, PINK, BLACK)
    assert [tuple(int(v) for v in cell) for cell in found[0]] == [BLUE, WHITE, RED, (255, 128, 128)]


def test_nan_and_inf_have_colours_of_their_own() -> None:
    blocks = reduce_blocks(np.array([[np.nan, np.inf, -np.inf, 1.0]]), 9, 9)
    found = colors(blocks, 1.0, BLUE, WHITE, RED, PINK, BLACK)
    assert [tuple(int(v) for v in cell) for cell in found[0]] == [PINK, BLACK, BLACK, RED]


@pytest.mark.parametrize(("values", "limit"), [([0.0, 0.0], 1.0), ([-3.0, 2.0], 3.0), ([np.nan, np.inf, 0.5], 0.5)])
def test_the_limit_is_the_largest_finite_size(values: list[float], limit: float) -> None:
    assert scale_limit(np.array(values)) == limit


def test_complex_numbers_are_shown_by_their_absolute_values() -> None:
    assert as_real(np.array([3 + 4j])).tolist() == [5.0]
