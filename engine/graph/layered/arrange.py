"""One level, from what is to be arranged to where everything is."""

from __future__ import annotations

from .columns import Shape, column_cuts, cuts_below
from .components import arrange_apart, components
from .crowd import arrange_crowds, find_crowds
from .importance import importance_of
from .level import Arranged, Level
from .memory import Memory
from .order import settle_order
from .pace import Pace
from .place import place_across
from .ranks import Ranked, assign_ranks
from .route import route_down
from .wrap import arrange_columns


class Arranger:
    """Arranges levels, equal parts once, for a window of the given proportions; wraps long ones if it `may_wrap`.

    `pace` is told, between pieces of the work, how much of the level at hand is done. With `is_across`, x and y are
    exchanged afterwards.
    """

    def __init__(
        self, aspect: float, pace: Pace, memory: Memory, *, may_wrap: bool = True, is_across: bool = False
    ) -> None:
        self.aspect = aspect
        self.is_across = is_across
        self.pace = pace
        self.memory = memory
        self._boxes = 1
        """In the level at hand, those in its parts included."""
        self.shape = Shape(aspect) if may_wrap else None
        self._parts: dict[Level, Arranged] = {}
        self._most: float | None = None
        """How high a column may be; None leaves the height to each level's own proportions."""

    def arrange_whole(self, level: Level, most: float | None = None) -> Arranged:
        """Lay out one level, as the section of the work that has begun; in columns no higher than `most`, if it can."""
        known = self.memory.get((level, most))
        if known is not None:
            self.pace.advance(1.0)
            return known
        self._boxes = max(len(level.boxes), 1)
        if most != self._most:
            self._most = most
            self._parts.clear()
        arranged = self.arrange(level)
        self.memory.keep((level, most), arranged)
        return arranged

    def arrange(self, level: Level) -> Arranged:
        """Lay out one level: in columns if it is long, else as one piece; parts that nothing connects side by side."""
        crowds = find_crowds(level)
        if crowds:
            return arrange_crowds(level, crowds, self.arrange, self._part, self.aspect)
        parts = components(level)
        if len(parts) > 1:
            return arrange_apart(level, parts, self._part, self.aspect)
        ranked = assign_ranks(level)
        cuts = self._cuts(level, ranked)
        if len(cuts) > 1:
            return arrange_columns(level, ranked, cuts, self._piece)
        return self._piece(level, ranked)

    def _cuts(self, level: Level, ranked: Ranked) -> list[int]:
        if self._most is not None:
            return cuts_below(level, ranked, self._most)
        return [0] if self.shape is None else column_cuts(level, ranked, self.shape)

    def _part(self, level: Level) -> Arranged:
        self.pace.check()
        known = self._parts.get(level)
        if known is None:
            known = self._parts[level] = self.arrange(level)
        else:
            self.pace.advance(len(level.boxes) / self._boxes)
        return known

    def _piece(self, level: Level, ranked: Ranked | None = None) -> Arranged:
        known = self.memory.get((level, "one piece"))
        if known is None:
            known = self._in_one_piece(level, ranked or assign_ranks(level))
            self.memory.keep((level, "one piece"), known)
        else:
            self.pace.advance(len(level.boxes) / self._boxes)
        return known

    def _in_one_piece(self, level: Level, ranked: Ranked) -> Arranged:
        """Order, x, y, routes."""
        third = len(level.boxes) / self._boxes / 3
        self.pace.check()
        ordered = settle_order(level, ranked)
        self.pace.advance(third)
        placed = place_across(level, ordered, importance_of(level, ranked), is_back_right=self.is_across)
        self.pace.advance(third)
        arranged = route_down(level, ranked, ordered, placed)._replace(crossings=ordered.crossings)
        self.pace.advance(third)
        return arranged
