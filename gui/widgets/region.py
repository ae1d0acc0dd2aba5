"""Which part of a large matrix is looked at: zooming by halves around a place, moving within the borders."""

from __future__ import annotations

from typing import NamedTuple

LEAST = 8
"""Rows or columns that are shown at least."""


class Span(NamedTuple):
    """A part of one axis: its first entry, and how many there are, of `length`."""

    first: int
    size: int
    length: int

    @property
    def ends(self) -> tuple[int, int]:
        return self.first, self.first + self.size

    @property
    def is_whole(self) -> bool:
        return self.size == self.length

    def zoomed(self, steps: int, place: float) -> Span:
        """Nearer (above zero) or farther; what is at `place`, 0 to 1, stays there as far as the borders let it."""
        size = self.size
        for _ in range(abs(steps)):
            size = max((size + 1) // 2, min(LEAST, self.length)) if steps > 0 else min(2 * size, self.length)
        return self._placed(round(self.first + place * (self.size - size)), size)

    def moved(self, fraction: float) -> Span:
        """Moved by a fraction of what is shown, at least by one entry."""
        step = round(fraction * self.size) or (0 if fraction == 0 else 1 if fraction > 0 else -1)
        return self._placed(self.first + step, self.size)

    def _placed(self, first: int, size: int) -> Span:
        return Span(min(max(first, 0), self.length - size), size, self.length)


def whole(length: int) -> Span:
    """All of an axis."""
    return Span(0, length, length)


def block(span: Span, blocks: int, number: int) -> tuple[int, int]:
    """The first and the last entry of block `number` of `blocks` over a part of an axis."""
    return (
        span.first + number * span.size // blocks,
        span.first + max((number + 1) * span.size // blocks - 1, number * span.size // blocks),
    )
