"""Moments of a scene, and the present one: the states of everything are worked out once for each position."""

from __future__ import annotations

import copy

from engine.graph.stepper import Stepper

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
