"""Going back to places, along hits, and by breadcrumbs."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show

NO_KEY = Qt.KeyboardModifier.NoModifier


def settle(canvas: GraphCanvas, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: canvas.view._glide.state() == canvas.view._glide.State.Stopped)
    canvas.view.rest()
    canvas.grab()


def test_back_restores_selection_folds_and_view(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    start, folds = canvas.camera, canvas.folds
    canvas.travel.go_to_node(30)
    settle(canvas, qtbot)
    there = canvas.camera
    assert canvas.folds != folds
    canvas.travel.go_to_node(100)
    settle(canvas, qtbot)
    assert canvas.travel.conditions["visited"]
    canvas.travel.back()
    assert canvas.document.selection == 30
    assert (canvas.camera.dx, canvas.camera.dy) == pytest.approx((there.dx, there.dy), abs=1)
    canvas.travel.back()
    assert canvas.document.selection is None
    assert canvas.folds == folds
    assert canvas.camera == start
    assert not canvas.travel.conditions["visited"]
    canvas.travel.forward()
    canvas.travel.forward()
    assert canvas.document.selection == 100
    assert not canvas.travel.conditions["ahead"]


def test_hits_are_gone_to_even_in_folded_modules(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    canvas.travel.show_hits("x", [14, 40], 14)
    assert canvas.document.selection == 14
    canvas.travel.next_hit()
    assert canvas.document.selection == 40
    assert canvas.scene is not None
    item = canvas.scene.item_of(40)
    assert item is not None
    assert canvas.scene.items[item].node == 40, "its module was opened"
    canvas.travel.previous_hit()
    assert canvas.document.selection == 14
    canvas.escape()
    assert not canvas.spotlight.hits
    assert canvas.document.selection == 14, "the first Esc clears the hits alone"
    canvas.escape()
    assert canvas.document.selection is None


def test_breadcrumbs_say_where_one_is_and_go_there(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(4, depth=3))
    canvas.unfold_all()
    node = next(node.id for node in canvas.document.trace.graph.nodes if node.scope)  # type: ignore[union-attr]
    canvas.travel.go_to_node(node)
    settle(canvas, qtbot)
    assert canvas.travel.trail == ("stage0", "stage1", "block0")
    crumbs = canvas.chrome.breadcrumbs
    places = {path: place for place, path in crumbs._places}
    assert list(places) == [(), ("stage0",), ("stage0", "stage1"), ("stage0", "stage1", "block0")]
    for place in places.values():
        assert canvas.rect().contains(place.toRect())
    inner = places["stage0", "stage1"].center().toPoint()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, inner)
    settle(canvas, qtbot)
    assert canvas.scene is not None
    assert canvas.picked_item == canvas.scene.item_of_scope(("stage0", "stage1"))
    whole = crumbs._places[0][0].center().toPoint()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, whole)
    settle(canvas, qtbot)
    x, y, _, _ = canvas.scene.bounds
    assert canvas.view.touches((x, y, x + 1, y + 1))
    assert not canvas.travel.trail
    assert canvas.travel.crumb_at(QPointF(whole)) is None


def test_a_double_click_on_a_crumb_folds(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(3))
    canvas.unfold_all()
    canvas.travel.go_to_node(4)
    settle(canvas, qtbot)
    place = canvas.chrome.breadcrumbs._places[-1][0].center().toPoint()
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, place)
    assert ("block0",) in canvas.folds


def test_backspace_picks_the_module_around(show: Show) -> None:
    canvas = show(builders.blocks(4, depth=2))
    canvas.unfold_all()
    assert canvas.scene is not None
    canvas.document.select(3)
    for path in (("stage0", "block0"), ("stage0",), ("stage0",)):
        QTest.keyClick(canvas, Qt.Key.Key_Backspace)
        assert canvas.picked_item == canvas.scene.item_of_scope(path)


def test_long_trails_leave_out_the_middle(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(2, depth=30), 420, 320)
    canvas.unfold_all()
    canvas.travel.go_to_node(3)
    settle(canvas, qtbot)
    crumbs = canvas.chrome.breadcrumbs
    assert crumbs._places[-1][0].right() <= canvas.width()
    assert crumbs._places[0][1] == ()
    assert crumbs._places[-1][1] == canvas.travel.trail
    assert canvas.travel.crumb_at(QPointF(QPoint(canvas.width() - 2, 2))) is None


def test_what_the_bar_of_breadcrumbs_hides_cannot_be_picked(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(3))
    canvas.unfold_all()
    canvas.travel.go_to_node(4)
    settle(canvas, qtbot)
    bar = canvas.chrome.breadcrumbs.place
    assert bar.width() == canvas.width()
    assert canvas.scene is not None
    item = canvas.scene.item_of(4)
    assert item is not None
    x, y, right, bottom = canvas.scene.rect_of(item)
    left, top = canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)
    beside = QPointF(canvas.width() - 8, bar.center().y())
    canvas.view.pan_by(beside.x() - left, beside.y() - top)
    settle(canvas, qtbot)
    assert canvas.chrome.breadcrumbs.place.contains(beside)
    canvas.document.select(None)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, beside.toPoint())
    assert canvas.document.selection is None
    assert canvas._hands.item_at(beside) is None
    assert canvas._hands.tip_text(beside) == ""
