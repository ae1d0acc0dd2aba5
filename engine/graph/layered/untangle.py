"""Crossings that sweeps leave, undone by trying other orders where they are."""

from __future__ import annotations

from random import Random

from .sorter import Sorter

BUDGET = 3000
"""Other beginnings of whole levels, and then of parts of them, are tried, of so many segments each altogether."""
BEGINNINGS, WHOLE_SWEEPS, PATIENCE = 4, 16, 3
MOST_TRIALS = 80
REACHES = (1, 4, 12)
"""About so many ranks above and below a crossing are shuffled together."""
SWEEPS = 6


def untangle(sorter: Sorter, crossings: int) -> int:
    """Change the order so that there are fewer than so many crossings, if some trials come by one.

    Sweeps end where no single change is a gain, which is rarely the best there is. The random numbers are always the
    same ones. Returns the number of crossings that are left.
    """
    crossings = _begun_otherwise(sorter, crossings)
    if not crossings:
        return 0
    parts = _Parts(sorter)
    parts.try_orders(Random(0))
    return sum(parts.crossings)


def _begun_otherwise(sorter: Sorter, crossings: int) -> int:
    """Lead what passes boxes around all of them at first, on the right or on the left, and sweep down or up first."""
    best = sorter.layers
    sorter.start()
    first = sorter.layers
    for trial in range(min(BEGINNINGS, BUDGET // sum(map(len, sorter.channels)))):
        if not crossings:
            break
        sorter.layers = []
        for layer in first:
            boxes = [vertex for vertex in layer if vertex < sorter.count]
            bends = [vertex for vertex in layer if vertex >= sorter.count]
            sorter.layers.append(bends + boxes if trial % 2 else boxes + bends)
        sorter.number()
        sorter.exchange(range(len(first)))
        found = sorter.improve(WHOLE_SWEEPS, PATIENCE, is_small=True, is_down_first=trial < 2)
        if found < crossings:
            best, crossings = sorter.layers, found
    sorter.layers = best
    sorter.number()
    return crossings


class _Parts:
    """Shuffles a few ranks around a crossing and sorts them again; takes that if it is not worse.

    What is as good is taken too: from there the next trial may come by what is better.
    """

    def __init__(self, sorter: Sorter) -> None:
        self.sorter = sorter
        self.crossings = [sorter.crossings_below(r) for r in range(len(sorter.channels))]

    def try_orders(self, random: Random) -> None:
        budget = BUDGET
        for trial in range(MOST_TRIALS):
            tangled = [r for r, count in enumerate(self.crossings) if count]
            if not tangled or budget <= 0:
                break
            middle, reach = random.choice(tangled), random.choice(REACHES)
            low = max(0, middle - random.randrange(reach + 1))
            high = min(len(self.sorter.layers), middle + 2 + random.randrange(reach + 1))
            channels = range(max(0, low - 1), min(high, len(self.crossings)))
            budget -= sum(len(self.sorter.channels[r]) for r in channels)
            self._try(range(low, high), channels, random, is_down_first=trial % 2 == 0)

    def _try(self, ranks: range, channels: range, random: Random, *, is_down_first: bool) -> None:
        """Shuffle these ranks, which end the segments in `channels`, and keep the best that sweeps make of that."""
        sorter = self.sorter
        best = [list(sorter.layers[r]) for r in ranks]
        least = [self.crossings[r] for r in channels]
        for r in ranks:
            if r not in sorter.pinned:
                random.shuffle(sorter.layers[r])
        sorter.number(ranks)
        down = range(max(ranks.start, 1), ranks.stop)
        up = range(min(ranks.stop, len(sorter.layers) - 1) - 1, ranks.start - 1, -1)
        reached: int | None = None
        for sweep in range(SWEEPS):
            sorter.sweep(down if (sweep % 2 == 0) == is_down_first else up)
            sorter.exchange(ranks)
            found = [sorter.crossings_below(r) for r in channels]
            if sum(found) <= sum(least):
                best, least = [list(sorter.layers[r]) for r in ranks], found
            if sum(found) == 0 or (reached is not None and sum(found) >= reached):
                break
            reached = sum(found)
        for r, layer in zip(ranks, best, strict=True):
            sorter.layers[r] = layer
        sorter.number(ranks)
        for r, count in zip(channels, least, strict=True):
            self.crossings[r] = count
