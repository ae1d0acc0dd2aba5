"""How numbers, times, sizes and shapes are written."""

from __future__ import annotations

import pytest

from engine.graph.numbers import format_bytes, format_flops, format_seconds, format_shape


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (3.2e-8, "32 ns"), (1.234e-5, "12.3 µs"), (9.996e-4, "1 ms"), (0.25, "250 ms"), (61.0, "61 s")],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (4, "4 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (1500, "1.5 kB"),
        (1234567, "1.23 MB"),
        (123_456_789, "123 MB"),
        (2_500_000_000, "2.5 GB"),
        (5 * 10**12, "5 TB"),
    ],
)
def test_bytes(count: float, text: str) -> None:
    assert format_bytes(count) == text


def test_flops() -> None:
    assert format_flops(26_214_400) == "26.2 MFLOP"
    assert format_flops(12) == "12 FLOP"


@pytest.mark.parametrize(
    ("shape", "text"), [((), "scalar"), ((5,), "[5]"), ((0,), "[0]"), ((64, 768), "64 × 768"), ((1, 1, 3), "1 × 1 × 3")]
)
def test_shapes_are_never_mistaken_for_values(shape: tuple[int, ...], text: str) -> None:
    assert format_shape(shape) == text
