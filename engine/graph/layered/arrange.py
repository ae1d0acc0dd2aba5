"""One level, from what is to be arranged to where everything is."""

from __future__ import annotations

from .importance import importance_of
from .level import Arranged, Level
from .order import settle_order
from .place import place_across
from .ranks import assign_ranks
from .route import route_down


def arrange(level: Level) -> Arranged:
    """Lay out one level: ranks, order, x, y, routes."""
    ranked = assign_ranks(level)
    ordered = settle_order(level, ranked)
    placed = place_across(level, ordered, importance_of(level, ranked))
    return route_down(level, ranked, ordered, placed)
