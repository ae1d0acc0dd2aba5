"""Keeps Python's collector of cyclic garbage at the pace that it has in a plain run."""

from __future__ import annotations

import gc

_SLOWER = 10
"""How many times as many objects are made while a program is recorded; none of ours is garbage."""


class CollectorPace:
    """While started, the collector waits for more new objects before it looks at them.

    What the recording makes counts too, so that it would otherwise run far more often than in a plain run, for nothing.
    """

    def __init__(self) -> None:
        self._usual: tuple[int, int, int] | None = None
        self._slower: tuple[int, int, int] | None = None

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._usual = gc.get_threshold()
        first, *others = self._usual
        gc.set_threshold(first * _SLOWER, *others)  # 0 stays 0: it is off
        self._slower = gc.get_threshold()

    def stop(self) -> None:
        """Put the program's own pace back, unless it has set another one since. Harmless when it was not started."""
        usual, self._usual = self._usual, None
        if usual is not None and gc.get_threshold() == self._slower:
            gc.set_threshold(*usual)
