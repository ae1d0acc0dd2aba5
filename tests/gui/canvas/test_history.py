"""Places visited: back, forward, and what is forgotten."""

from __future__ import annotations

from engine.graph.fold import Folds
from gui.canvas.camera import Camera
from gui.canvas.history import MOST_PLACES, History, Place


def place(node: int | None, dx: float = 0.0) -> Place:
    return Place(node, Folds.none(), Camera(1.0, dx, 0.0))


def test_back_and_forward() -> None:
    history = History()
    assert not history.can_go_back
    assert history.go(-1) is None
    for node in (1, 2, 3):
        history.visit(place(node))
    assert history.go(-1) == place(2)
    assert history.go(-1) == place(1)
    assert history.go(-1) is None
    assert history.can_go_forward
    assert history.go(1) == place(2)
    history.visit(place(9))
    assert not history.can_go_forward, "a new way forgets the old one"
    assert history.go(-1) == place(2)


def test_a_place_is_left_as_it_looked_last() -> None:
    history = History()
    history.visit(place(1))
    history.leave(Folds.none(), Camera(1.0, 50.0, 0.0))
    history.visit(place(2))
    assert history.go(-1) == place(1, 50.0)


def test_the_same_node_again_is_no_other_place_and_the_list_is_bounded() -> None:
    history = History()
    history.visit(place(1))
    history.visit(place(1, 7.0))
    assert not history.can_go_back
    for node in range(1000):
        history.visit(place(node % 7))
    steps = 0
    while history.go(-1) is not None:
        steps += 1
    assert steps == MOST_PLACES - 1
