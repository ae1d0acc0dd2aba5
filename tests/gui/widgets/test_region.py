"""Parts of an axis: zooming keeps the place, and nothing leaves the borders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.widgets.region import LEAST, Span, block, whole


@given(
    st.integers(1, 100_000),
    st.lists(st.tuples(st.booleans(), st.integers(-4, 4), st.floats(0, 1)), max_size=8),
)
def test_it_stays_within_its_axis(length: int, moves: list[tuple[bool, int, float]]) -> None:
    span = whole(length)
    for is_zoom, amount, place in moves:
        span = span.zoomed(amount, place) if is_zoom else span.moved(amount * place)
        first, after = span.ends
        assert 0 <= first < after <= length
        assert span.size >= min(LEAST, length)
    assert span.zoomed(-40, 0.3) == whole(length)


def test_the_place_stays_where_it_is() -> None:
    assert whole(4096).zoomed(1, 0.0) == Span(0, 2048, 4096)
    assert whole(4096).zoomed(1, 1.0) == Span(2048, 2048, 4096)
    assert whole(4096).zoomed(3, 0.5) == Span(1792, 512, 4096)
    assert whole(5).zoomed(3, 0.5) == whole(5)
    assert Span(100, 50, 200).moved(-0.5) == Span(75, 50, 200)
    assert Span(100, 50, 200).moved(0.001) == Span(101, 50, 200)
    assert Span(140, 50, 200).moved(1) == Span(150, 50, 200)


@pytest.mark.parametrize(("size", "blocks"), [(1024, 168), (10, 10), (7, 3)])
def test_blocks_cover_every_entry_once(size: int, blocks: int) -> None:
    span = Span(20, size, 2000)
    found = [
        k for number in range(blocks) for k in range(block(span, blocks, number)[0], block(span, blocks, number)[1] + 1)
    ]
    assert found == list(range(20, 20 + size))
