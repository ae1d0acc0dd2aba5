"""Python's search for garbage: made on the window's thread alone, and not among what is large and lives long.

Python searches on whichever thread happens to make the next object. Another thread than the window's would then
destroy objects of Qt, and PySide would drop connections while the window's thread makes some: signals lose slots.
Nothing of a trace or its drawing refers to itself in a circle, so all of it is freed as soon as nobody needs it.
"""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

LARGE: Final = 2_000
"""From so many nodes on a trace makes a search long enough to be felt."""
SEARCH_MS: Final = 500
"""So often it is seen whether there is something to search."""


class Collector(QObject):
    """Searches for garbage on the thread that made it, where Python no longer does by itself while this one lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(SEARCH_MS)
        self._timer.timeout.connect(self.search)
        self._timer.start()

    def search(self) -> None:
        """Search the youngest objects, and older ones where enough has become older, by Python's own thresholds."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        if counts[2] > thresholds[2] > 0:
            gc.collect(2)
        elif counts[1] > thresholds[1] > 0:
            gc.collect(1)
        elif counts[0] > thresholds[0] > 0:
            gc.collect(0)


def spare(nodes: int) -> None:
    """Search what there is now no more, where it belongs to a graph of so many nodes that this is worth it."""
    if nodes >= LARGE:
        gc.freeze()


def search_all() -> None:
    """Search everything again: nothing large is left."""
    gc.unfreeze()
