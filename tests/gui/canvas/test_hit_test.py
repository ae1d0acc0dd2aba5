"""What lies under the pointer, and walking from there."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graph.fold import Folds
from gui.canvas import hit_test, steps
from gui.canvas.fonts import Fonts
from gui.canvas.routes import distance_to
from gui.canvas.scene import Scene

from . import builders
from .test_scene import build


@pytest.fixture
def scene(fonts: Fonts) -> Scene:
    return build(builders.blocks(3), fonts, Folds.none())


def test_every_box_is_found_in_its_middle(scene: Scene) -> None:
    for index in scene.boxes.tolist():
        x, y, right, bottom = scene.rects[index].tolist()
        assert hit_test.item_at(scene, (x + right) / 2, (y + bottom) / 2) == index
        assert hit_test.box_at(scene, x, y) == index


def test_of_a_frame_only_the_title_counts(scene: Scene) -> None:
    frame = int(scene.frames[0])
    x, y, _, bottom = scene.rects[frame].tolist()
    assert hit_test.box_at(scene, x + 10, y + 10) == frame
    assert hit_test.item_at(scene, x + 1, bottom - 1) == frame
    assert hit_test.box_at(scene, x + 1, bottom - 1) is None
    assert hit_test.item_at(scene, -1e6, 0) is None


def test_the_nearest_link_within_reach(scene: Scene) -> None:
    link = scene.drawing.links[0]
    middle = (link.points[0] + link.points[1]) / 2
    found = hit_test.link_at(scene, middle[0] + 1, middle[1], reach=4)
    assert found is not None
    lines = scene.routes.straight
    assert (
        distance_to(lines.of(np.array([found])), *middle).min() <= distance_to(lines.of(np.array([0])), *middle).min()
    )
    assert hit_test.link_at(scene, -1e6, 0, reach=4) is None


def test_walking_follows_links_and_neighbours(fonts: Fonts) -> None:
    scene = build(builders.neuron(), fonts)
    item = {node.name or node.label: scene.item_of(node.id) for node in scene.trace.graph.nodes}
    start, sigmoid, x, w = item["z"], item["a"], item["x"], item["w"]
    assert None not in (start, sigmoid, x, w)
    assert start is not None
    assert x is not None
    assert steps.along(scene, start, is_up=False) == sigmoid
    assert steps.along(scene, start, is_up=True) in (item["mul"], item["b"])
    assert steps.along(scene, x, is_up=True) is None
    left, right = sorted(i for i in (x, w) if i is not None)
    if scene.rects[left, 0] > scene.rects[right, 0]:
        left, right = right, left
    assert steps.beside(scene, left, is_left=False) == right
    assert steps.beside(scene, right, is_left=True) == left
