"""The places that were visited, to go back to and forward again."""

from __future__ import annotations

from typing import NamedTuple

from engine.graph.fold import Folds

from .camera import Camera

MOST_PLACES = 100


class Place(NamedTuple):
    """What was looked at: the selected node, what was folded, and the view."""

    node: int | None
    folds: Folds
    camera: Camera


class History:
    """A list of places with a position in it, as browsers keep one."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._index = -1

    @property
    def can_go_back(self) -> bool:
        return self._index > 0

    @property
    def can_go_forward(self) -> bool:
        return self._index + 1 < len(self._places)

    def clear(self) -> None:
        self._places, self._index = [], -1

    def visit(self, place: Place) -> None:
        """Arrive somewhere new: what was ahead is forgotten. The same node again only renews its place."""
        if self._index >= 0 and self._places[self._index].node == place.node:
            self._places[self._index] = place
            return
        del self._places[self._index + 1 :]
        self._places.append(place)
        del self._places[:-MOST_PLACES]
        self._index = len(self._places) - 1

    def leave(self, folds: Folds, camera: Camera) -> None:
        """Remember how the present place looks now that it is left."""
        if self._index >= 0:
            self._places[self._index] = self._places[self._index]._replace(folds=folds, camera=camera)

    def go(self, by: int) -> Place | None:
        """The place before (-1) or after (1); None at the end."""
        if not 0 <= self._index + by < len(self._places):
            return None
        self._index += by
        return self._places[self._index]
