"""Boxes moved by hand: routes follow, every move can be undone, and positions belong to the trace."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.canvas import content, moving
from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show

NO_KEY = Qt.KeyboardModifier.NoModifier


def rect(canvas: GraphCanvas, node: int) -> list[float]:
    assert canvas.scene is not None
    item = canvas.scene.item_of(node)
    assert item is not None
    found: list[float] = canvas.scene.rects[item].tolist()
    return found


def middle(canvas: GraphCanvas, node: int) -> QPoint:
    x, y, right, bottom = rect(canvas, node)
    place = canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)
    return QPoint(round(place[0]), round(place[1]))


def drag(canvas: GraphCanvas, node: int, by: QPoint) -> None:
    start = middle(canvas, node)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, NO_KEY, start)
    QTest.mouseMove(canvas, start + by / 2)
    QTest.mouseMove(canvas, start + by)
    canvas.grab()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, NO_KEY, start + by)


def test_a_dragged_box_moves_and_its_routes_follow(show: Show) -> None:
    canvas = show(builders.neuron())
    before, camera = rect(canvas, 4), canvas.camera
    drag(canvas, 4, QPoint(120, 40))
    assert canvas.camera == camera, "the view stays"
    after = rect(canvas, 4)
    scale = camera.scale
    assert after == pytest.approx([before[0] + 120 / scale, before[1] + 40 / scale, before[2] + 120 / scale,
                                   before[3] + 40 / scale])  # fmt: skip
    scene = canvas.scene
    assert scene is not None
    item = scene.item_of(4)
    for link in scene.drawing.links:
        if link.source == item:
            assert link.points[0, 1] == pytest.approx(after[3])
            assert after[0] <= link.points[0, 0] <= after[2]
        if link.target == item:
            assert link.points[-1, 1] == pytest.approx(after[1])
        steps = np.diff(link.points, axis=0)
        assert (np.abs(steps).min(axis=1) < 1e-6).all(), "right angles only"


def test_moves_are_undone_and_redone(show: Show) -> None:
    canvas = show(builders.neuron())
    stack = canvas.document.undo_stack
    first = rect(canvas, 4)
    drag(canvas, 4, QPoint(120, 0))
    second = rect(canvas, 4)
    assert stack.undoText() == "Move z"
    stack.undo()
    assert rect(canvas, 4) == pytest.approx(first)
    assert not canvas.carrier.has_moved
    stack.redo()
    assert rect(canvas, 4) == pytest.approx(second)
    canvas.carrier.reset()
    assert rect(canvas, 4) == pytest.approx(first)
    stack.undo()
    assert rect(canvas, 4) == pytest.approx(second)


def test_keys_move_the_picked_box_as_one_change(show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.document.select(4)
    before = rect(canvas, 4)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Right, both)
    assert rect(canvas, 4)[0] == pytest.approx(before[0] + 48)
    assert canvas.document.undo_stack.count() == 1
    canvas.document.undo_stack.undo()
    assert rect(canvas, 4) == pytest.approx(before)


def test_escape_puts_a_dragged_box_back(show: Show) -> None:
    canvas = show(builders.neuron())
    before, start = rect(canvas, 4), middle(canvas, 4)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, NO_KEY, start)
    QTest.mouseMove(canvas, start + QPoint(80, 0))
    assert canvas.carrier.is_carrying
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not canvas.carrier.is_carrying
    QTest.mouseMove(canvas, start + QPoint(160, 0))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, NO_KEY, start + QPoint(160, 0))
    assert rect(canvas, 4) == before
    assert canvas.document.undo_stack.count() == 0


def test_the_middle_button_pans_over_boxes(show: Show) -> None:
    canvas = show(builders.neuron())
    start, before = middle(canvas, 4), canvas.camera
    QTest.mousePress(canvas, Qt.MouseButton.MiddleButton, NO_KEY, start)
    QTest.mouseMove(canvas, start + QPoint(30, 10))
    QTest.mouseMove(canvas, start + QPoint(60, 20))
    QTest.mouseRelease(canvas, Qt.MouseButton.MiddleButton, NO_KEY, start + QPoint(60, 20))
    assert not canvas.carrier.has_moved
    assert canvas.camera.scale == before.scale


def test_positions_are_kept_for_each_trace(show: Show) -> None:
    first, second = builders.neuron(), builders.neuron()
    canvas = show(first)
    before = rect(canvas, 4)
    drag(canvas, 4, QPoint(100, 0))
    moved = rect(canvas, 4)
    canvas.document.set_trace(second)
    assert rect(canvas, 4) == pytest.approx(before)
    canvas.document.set_trace(first)
    assert rect(canvas, 4) == pytest.approx(moved)
    canvas.set_method("circular")
    assert not canvas.carrier.has_moved, "another layout has other places"
    canvas.set_method("layered")
    assert rect(canvas, 4) == pytest.approx(moved)


def test_a_box_stays_in_its_module(show: Show) -> None:
    canvas = show(builders.blocks(2))
    canvas.unfold_all()
    scene = canvas.scene
    assert scene is not None
    item = scene.item_of(4)
    assert item is not None
    canvas.pick(item)
    for _ in range(3):
        canvas.carrier.nudge(-100_000, 100_000)
    x, y, right, bottom = rect(canvas, 4)
    assert canvas.scene is not None
    frame = canvas.scene.rect_of(canvas.scene.items[item].parent)
    assert frame[0] < x < right < frame[2]
    assert frame[1] < y < bottom < frame[3]


def test_routes_lead_around_to_what_lies_above() -> None:
    assert moving.route((0, 0), (0, 50), 60).tolist() == [[0, 0], [0, 50]]
    assert moving.route((0, 0), (40, 50), 60).tolist() == [[0, 0], [0, 25], [40, 25], [40, 50]]
    up = moving.route((0, 0), (40, -80), 60)
    assert up[0].tolist() == [0, 0]
    assert up[-1].tolist() == [40, -80]
    assert up[-2, 1] < -80, "it comes in from above"
    assert up[:, 0].max() > 60


def test_layouts_of_networkx_keep_straight_lines(show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.set_method("circular")
    canvas.document.select(4)
    canvas.carrier.nudge(64, 32)
    assert canvas.scene is not None
    item = canvas.scene.item_of(4)
    links = [link for link in canvas.scene.drawing.links if item in (link.source, link.target)]
    assert links
    assert all(len(link.points) == 2 for link in links)


def test_the_stack_outlives_the_drawing(show: Show) -> None:
    canvas = show(builders.blocks(12))
    item = canvas.scene.item_of_scope(("block0",)) if canvas.scene is not None else None
    canvas.pick(item)
    canvas.carrier.nudge(40, 0)
    canvas.unfold_all()
    canvas.document.undo_stack.undo()
    canvas.fold_all()
    assert not canvas.carrier.has_moved


def test_an_open_group_takes_along_what_is_in_it(qtbot: QtBot, show: Show) -> None:
    canvas = show(builders.blocks(3, 2, depth=2))
    canvas.unfold_all()
    canvas.zoom_by(0.8 / canvas.camera.scale)
    scene = canvas.scene
    assert scene is not None
    frame = scene.item_of_scope(("stage0",))
    assert frame is not None
    x, y, _, _ = scene.rect_of(frame)
    canvas.view.set_camera(canvas.camera.pinned(x, y, 100, 100))
    before = scene.rects.copy()
    start = QPoint(220, 110)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for step in (20, 40, 60):
        qtbot.mouseMove(canvas, start + QPoint(step, step // 2))
        canvas.grab()
    assert canvas.carrier.is_carrying
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(60, 30))
    after = canvas.scene
    assert after is not None
    shift = after.rects - before
    inside = [i for i, item in enumerate(after.items) if item.scope[:1] == ("stage0",)]
    assert np.allclose(shift[inside], [60 / 0.8, 30 / 0.8, 60 / 0.8, 30 / 0.8], atol=1.5)
    outside = [i for i in range(len(after)) if i not in inside]
    assert not shift[outside].any()
    for index, link in enumerate(after.drawing.links):
        if link.source in inside and link.target in inside:
            moved_by = link.points - scene.drawing.links[index].points
            assert np.allclose(moved_by, shift[link.source, :2])
        else:
            ends = after.rects[[link.source, link.target]]
            assert np.isclose(link.points[0, 1], ends[0, 3], atol=1e-6)
            assert np.isclose(link.points[-1, 1], ends[1, 1], atol=1e-6)
    canvas.document.undo_stack.undo()
    assert canvas.scene is not None
    assert np.array_equal(canvas.scene.rects, before)
    canvas.document.undo_stack.redo()
    assert canvas.scene is not None
    assert np.allclose(canvas.scene.rects - before, shift)


def test_from_left_to_right_routes_follow_a_box_too(show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.set_method(content.ACROSS)
    assert canvas.scene is not None
    item = canvas.scene.item_of(4)
    assert item is not None
    canvas.document.select(4)
    canvas.carrier.nudge(0, 48)
    scene = canvas.scene
    for link in scene.drawing.links:
        if item in (link.source, link.target):
            source, target = scene.rects[link.source], scene.rects[link.target]
            assert link.points[0, 0] == pytest.approx(source[2]), "it leaves on the right"
            assert link.points[-1, 0] == pytest.approx(target[0]), "it comes in on the left"
            steps = np.abs(np.diff(link.points, axis=0))
            assert (steps.min(axis=1) < 1e-6).all()
