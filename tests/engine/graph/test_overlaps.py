"""Boxes are moved apart, wherever they start."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graph.overlaps import remove_overlaps


@pytest.mark.parametrize("spread", [0.0, 10.0, 300.0])
@pytest.mark.parametrize("count", [1, 2, 30, 120])
def test_nothing_overlaps_afterwards(count: int, spread: float) -> None:
    random = np.random.default_rng(0)
    centers = random.normal(size=(count, 2)) * spread
    sizes = random.uniform(20, 200, size=(count, 2))
    moved = remove_overlaps(centers, sizes, 10.0)
    apart = np.abs(moved[:, None] - moved[None]) - (sizes[:, None] + sizes[None]) / 2 - 10.0
    is_clear = (apart > -1e-3).any(axis=2) | np.eye(count, dtype=bool)
    assert is_clear.all()


def test_what_does_not_overlap_stays() -> None:
    centers = np.array([[0.0, 0.0], [500.0, 0.0], [0.0, 300.0]])
    moved = remove_overlaps(centers, np.full((3, 2), 50.0), 10.0)
    np.testing.assert_allclose(moved, centers, atol=0.01)
