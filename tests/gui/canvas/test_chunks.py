"""Rectangles found in pieces are those found one by one."""

from __future__ import annotations

import numpy as np
import pytest

from gui.canvas.chunks import SIZE, Chunks


@pytest.mark.parametrize("count", [0, 1, SIZE - 1, SIZE, SIZE + 1, 20 * SIZE + 7])
def test_what_touches_a_region_is_found_in_order(count: int) -> None:
    rng = np.random.default_rng(count)
    corners = np.stack([np.arange(count) * 10.0, rng.uniform(0, 200, count)], axis=1)
    rects = np.concatenate([corners, corners + rng.uniform(0, 60, (count, 2))], axis=1)
    chunks = Chunks(rects)
    for x, y, width, height in [(0, 0, 1e6, 1e6), (95, 50, 300, 60), (10.0 * count, 0, 0, 0), (-50, -50, 20, 20)]:
        wanted = [
            index
            for index, (left, top, right, bottom) in enumerate(rects.tolist())
            if left <= x + width and right >= x and top <= y + height and bottom >= y
        ]
        assert chunks.touching(x, y, x + width, y + height).tolist() == wanted
