"""Which moment the base picture shows, and which one is now: so that a step repaints only what it changed."""

from __future__ import annotations

import copy

from engine.graph.stepper import Stepper

from . import highlight
from .highlight import Changes
from .painter import Moment
from .scene import Scene


def at(scene: Scene, stepper: Stepper, position: int | None = None) -> Moment:
    """The scene at a position (the stepper's own where none is given), with a stepper that stays there."""
    frozen = copy.copy(stepper)
    if position is not None:
        frozen.move_to(position)
    return Moment(scene, scene.states(frozen), frozen)


class Moments:
    """Remembers the present moment until the cursor moves."""

    def __init__(self) -> None:
        self._now: Moment | None = None

    def clear(self) -> None:
        self._now = None

    def now(self, scene: Scene, stepper: Stepper) -> Moment:
        if self._now is None or self._now.scene is not scene or self._now.stepper.position != stepper.position:
            self._now = at(scene, stepper)
        return self._now

    def base(self, last: Moment | None, now: Moment) -> tuple[Moment, Changes]:
        """The moment for the base picture (`last` if it is still of use), and what has changed since."""
        if last is not None and last.scene is now.scene:
            found = highlight.changes(last, now)
            if found is not None:
                return last, found
        return now, Changes([], [])
