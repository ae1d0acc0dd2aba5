"""The measures of drawings notice what is wrong: planted faults are found, each where it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.graph.drawing import Drawing, Item, Link

from .metrics import crossings, overlaps, problems, routes_through_boxes, shared_lines, sticking_out


def drawing_of(rects: Sequence[tuple[float, ...]], *links: tuple[int, int, list[tuple[float, float]]]) -> Drawing:
    items = [Item(kind="node", node=k) for k in range(len(rects))]
    drawn = [Link(source=a, target=b, edges=(k,), points=np.array(points)) for k, (a, b, points) in enumerate(links)]
    return Drawing(items=items, rects=np.array(rects, dtype=float), links=drawn, item_of_node=np.arange(len(rects)))


FOUR = [(0.0, 0.0, 100.0, 40.0), (200.0, 0.0, 100.0, 40.0), (0.0, 900.0, 100.0, 40.0), (200.0, 900.0, 100.0, 40.0)]
DOWN = (0, 2, [(50.0, 40.0), (50.0, 900.0)])


def test_overlaps_are_found() -> None:
    assert overlaps(drawing_of(FOUR)) == []
    assert overlaps(drawing_of([*FOUR, (90.0, 30.0, 5.0, 400.0)])) == [(0, 4)]
    assert overlaps(drawing_of([*FOUR, (100.0, 0.0, 100.0, 40.0)])) == []  # borders may touch


def test_what_sticks_out_of_its_group_is_found() -> None:
    drawing = drawing_of([(0.0, 0.0, 100.0, 100.0), (10.0, 10.0, 50.0, 50.0)])
    drawing.items[0] = Item(kind="group")
    drawing.items[1] = Item(kind="node", node=1, parent=0)
    assert sticking_out(drawing) == []
    drawing.rects[1, 0] = 60.0
    assert sticking_out(drawing) == [1]


def test_lines_through_boxes_are_found() -> None:
    between = (40.0, 300.0, 100.0, 40.0)
    assert routes_through_boxes(drawing_of(FOUR, DOWN)) == []
    assert routes_through_boxes(drawing_of([*FOUR, between], DOWN)) == [(0, 4)]
    through_its_own = (0, 2, [(50.0, 0.0), (50.0, 900.0)])
    assert routes_through_boxes(drawing_of(FOUR, through_its_own)) == [(0, 0)]
    slanted = (0, 3, [(50.0, 40.0), (250.0, 900.0)])
    assert routes_through_boxes(drawing_of([*FOUR, between], slanted)) == [(0, 4)]
    assert routes_through_boxes(drawing_of([*FOUR, (210.0, 100.0, 60.0, 40.0)], slanted)) == []


def test_loose_ends_are_found() -> None:
    assert problems(drawing_of(FOUR, DOWN)) == {}
    assert problems(drawing_of(FOUR, (0, 2, [(50.0, 40.0), (50.0, 890.0)]))) == {"loose ends": 1}


def test_crossings_are_counted_once_a_place() -> None:
    over = (1, 2, [(250.0, 40.0), (250.0, 500.0), (20.0, 500.0), (20.0, 900.0)])
    to_the_same = (0, 2, [(50.0, 40.0), (50.0, 900.0)])
    assert crossings(drawing_of(FOUR, over, to_the_same)) == 0  # they meet at a box
    across = (0, 3, [(50.0, 40.0), (50.0, 700.0), (250.0, 700.0), (250.0, 900.0)])
    assert crossings(drawing_of(FOUR, over, across)) == 1
    assert crossings(drawing_of(FOUR, over, across, across)) == 1


def test_lines_on_top_of_each_other_are_found() -> None:
    one = (0, 2, [(50.0, 40.0), (50.0, 500.0), (150.0, 500.0), (150.0, 900.0)])
    same = (1, 3, [(150.0, 40.0), (150.0, 600.0), (250.0, 600.0), (250.0, 900.0)])
    beside = (1, 3, [(160.0, 40.0), (160.0, 500.0), (250.0, 500.0), (250.0, 900.0)])
    assert shared_lines(drawing_of(FOUR, one, beside)) == []
    assert shared_lines(drawing_of(FOUR, one, same)) == [(0, 1)]
    assert shared_lines(drawing_of(FOUR, one, (0, 3, same[2]))) == []  # what comes from one box may
