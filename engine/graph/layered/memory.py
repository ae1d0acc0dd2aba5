"""Levels that the last layouts of a graph arranged: folding one box leaves nearly all of the others as they were."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal
from weakref import WeakKeyDictionary

from .level import Arranged, Level

MOST_BOXES = 10_000
"""More than so many boxes are not remembered: the memory that they take is not worth the time that they spare."""

Key = tuple[Level, float | Literal["one piece"] | None]
"""A level, and how high its columns may be."""


class Memory:
    """Arranged levels by what was to be arranged: those of the layout that began last, and of the one before it."""

    def __init__(self) -> None:
        self._now: dict[Key, Arranged] = {}
        self._before: dict[Key, Arranged] = {}

    def begin(self) -> None:
        """Another layout begins: forget what the last one did not use."""
        self._before, self._now = self._now, {}

    def end(self) -> None:
        """The layout is over: forget what is too large."""
        if sum(len(level.boxes) for level, _ in list(self._now)) > MOST_BOXES:
            self._now = {}

    def get(self, key: Key) -> Arranged | None:
        """The level as it was arranged; None if it was not."""
        known = self._now.get(key)
        if known is None:
            known = self._before.get(key)
            if known is not None:
                self._now[key] = known
        return known

    def keep(self, key: Key, arranged: Arranged) -> None:
        """Remember a level that has been arranged."""
        self._now[key] = arranged


_memories: WeakKeyDictionary[object, tuple[Hashable, Memory]] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def remembered(graph: object, settings: Hashable) -> Iterator[Memory]:
    """What is remembered of a graph's last layouts with the same settings, for one more of them."""
    with _lock:
        known = _memories.get(graph)
        if known is None or known[0] != settings:
            known = _memories[graph] = settings, Memory()
    memory = known[1]
    memory.begin()
    try:
        yield memory
    finally:
        memory.end()
