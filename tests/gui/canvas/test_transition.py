"""Motions: foldings that show where boxes went, glides of the view, and those who want none of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from engine.graph.fold import Folds
from gui.canvas import motion
from gui.canvas.camera import Camera
from gui.canvas.fonts import Fonts
from gui.canvas.transition import DURATION_MS, _journey
from gui.canvas.view import GLIDE_MS
from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show
from .test_scene import build

BLOCK = ("block1",)


def corner(canvas: GraphCanvas) -> tuple[float, float]:
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(BLOCK)
    assert item is not None
    return canvas.camera.to_screen(*canvas.scene.rect_of(item)[:2])


def test_folding_moves_and_comes_to_rest(qtbot: QtBot, show: Show) -> None:
    canvas = show(builders.blocks(4))
    canvas.fold_all()
    canvas.grab()
    before = corner(canvas)
    canvas.toggle(BLOCK)
    transition = canvas._stage.transition
    assert transition.is_running
    assert corner(canvas) == pytest.approx(before, abs=1.0), "what was clicked stays where it is"
    canvas.grab()
    qtbot.waitUntil(lambda: not transition.is_running)
    canvas.view.rest()
    moved = canvas.grab().toImage()
    assert canvas.grab().toImage() == moved


def test_every_motion_takes_less_than_a_fifth_of_a_second() -> None:
    assert max(DURATION_MS, GLIDE_MS) < 200


def test_nothing_moves_for_those_who_switched_it_off(show: Show) -> None:
    canvas = show(builders.blocks(4))
    canvas.fold_all()
    canvas.grab()
    canvas.setStyleSheet("* { widget-animation-duration: 0; }")
    assert not motion.is_wanted(canvas)
    canvas.toggle(BLOCK)
    assert not canvas._stage.transition.is_running
    node = canvas.document.trace.backward[-1].node.id if canvas.document.trace is not None else 0
    canvas.center_on(node)
    assert canvas.scene is not None
    item = canvas.scene.item_of(node)
    assert item is not None
    x, y, right, bottom = canvas.scene.rect_of(item)
    middle = canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)
    free = (canvas.view.top + canvas.height()) / 2
    assert middle == pytest.approx((canvas.width() / 2, free), abs=1.5), "there at once"


def test_a_box_comes_out_of_the_one_that_hid_it(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    folded = build(trace, fonts, Folds.all_folded(trace.graph))
    opened = build(trace, fonts, Folds.all_folded(trace.graph).unfold(BLOCK))
    camera = Camera(1.0)
    view = QRectF(-5_000, -5_000, 20_000, 20_000)
    journey = _journey(folded, camera, opened, camera, view)
    assert journey is not None
    old = folded.item_of_scope(BLOCK)
    assert old is not None
    for place, item in enumerate(journey.items):
        assert journey.after[place].tolist() == pytest.approx(opened.rects[item].tolist())
        if opened.items[item].node is not None and opened.items[item].scope == BLOCK:
            assert journey.before[place].tolist() == pytest.approx(folded.rects[old].tolist())
    back = _journey(opened, camera, folded, camera, view)
    assert back is not None
    assert len(back.items) == len(folded)


def test_a_huge_change_comes_at_once(fonts: Fonts) -> None:
    trace = builders.blocks(60)
    folded, opened = build(trace, fonts, Folds.all_folded(trace.graph)), build(trace, fonts, Folds.none())
    whole = QRectF(-1e6, -1e6, 2e6, 2e6)
    assert _journey(folded, Camera(), opened, Camera(), whole) is None


def test_a_camera_zooms_evenly_about_what_stays() -> None:
    start, end = Camera(0.5, 10, 20), Camera(2.0, -400, -100)
    for camera, progress in ((start, 0.0), (end, 1.0)):
        found = motion.between(start, end, progress)
        assert (found.scale, found.dx, found.dy) == pytest.approx((camera.scale, camera.dx, camera.dy))
    middle = motion.between(start, end, 0.5)
    assert middle.scale == pytest.approx(1.0)
    fixed = (end.dx - start.dx) / (start.scale - end.scale)
    assert middle.to_screen(fixed, 0)[0] == pytest.approx(start.to_screen(fixed, 0)[0])
    still = motion.between(Camera(1.0, 0, 0), Camera(1.0, 100, 50), 0.25)
    assert (still.scale, still.dx, still.dy) == (1.0, 25.0, 12.5)
