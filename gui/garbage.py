"""Keeps what is large and lives long out of Python's search for garbage, which would stop the window again and again.

Nothing of a trace or its drawing refers to itself in a circle, so all of it is freed as soon as nobody needs it.
"""

from __future__ import annotations

import gc

LARGE = 2_000
"""From so many nodes on a trace makes a search long enough to be felt."""


def spare(nodes: int) -> None:
    """Search what there is now no more, where it belongs to a graph of so many nodes that this is worth it."""
    if nodes >= LARGE:
        gc.freeze()


def search_all() -> None:
    """Search everything again: nothing large is left."""
    gc.unfreeze()
