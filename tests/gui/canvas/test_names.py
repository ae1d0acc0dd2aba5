"""Names where there is no room for more, and signposts from afar."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from engine.graph.fold import Folds
from engine.graph.stepper import Stepper
from gui.canvas import signposts
from gui.canvas.cards import CardPainter
from gui.canvas.detail import Detail, detail_at
from gui.canvas.fonts import Face, Fonts
from gui.canvas.group_labels import TITLE_BAR, Run
from gui.canvas.labels import Labels
from gui.canvas.look import BoxLook, Role
from gui.canvas.names import FACE_PX, LARGEST_PX, LEAST_PX, name_of, title_zoom
from gui.theme import LIGHT

from . import builders
from .conftest import Show
from .test_scene import build


@pytest.mark.parametrize("scale", [0.25, 0.35, 0.5])
def test_a_name_is_as_large_as_can_be_and_stays_in_its_box(fonts: Fonts, scale: float) -> None:
    trace = builders.blocks(3)
    scene, labels, stepper = build(trace, fonts, Folds.none()), Labels(trace, fonts), Stepper(trace)
    named = 0
    for index in scene.boxes.tolist():
        x, y, right, bottom = scene.rect_of(index)
        width, height = right - x, bottom - y
        runs = labels.runs(scene.items[index], width, height, stepper)
        name = name_of(runs, Role(int(scene.roles[index])), width, height, scale, fonts)
        if name is None:
            assert height * scale < 12
            continue
        named += 1
        first = name.runs[0]
        pixels = FACE_PX[first.face] * name.zoom * scale
        assert LEAST_PX <= pixels <= LARGEST_PX + 1e-6
        for run in name.runs:
            assert run.x * name.zoom >= 0
            assert (run.x + fonts.width(run.text, run.face)) * name.zoom <= width
            assert 0 < run.y * name.zoom < height
    assert named


def test_where_texts_can_be_read_nothing_is_magnified() -> None:
    assert detail_at(52 * 0.9) is Detail.TEXT
    assert title_zoom(TITLE_BAR, 0.9) == 1.0
    assert title_zoom(TITLE_BAR, 0.3) > 1.5


def test_signposts_name_the_open_groups_and_hide_nothing(fonts: Fonts) -> None:
    trace = builders.blocks(8, 6, depth=2)
    scene, labels = build(trace, fonts, Folds.none()), Labels(trace, fonts)
    found = signposts.place(scene, labels, 0.15)
    assert len({post.name for post in found if post.name.startswith("block")}) >= 4
    boxes = scene.rects[scene.boxes] * 0.15
    for place, post in enumerate(found):
        at = post.place
        over = (boxes[:, 0] < at.right()) & (boxes[:, 2] > at.left())
        over &= (boxes[:, 1] < at.bottom()) & (boxes[:, 3] > at.top())
        assert not over.any()
        assert not any(at.intersects(other.place) for other in found[:place])
        assert fonts.width(post.name, Face.SMALL_BOLD) <= at.width()
        frames = scene.rects[scene.frames] * 0.15
        corners = [(x, y - signposts.OVER_PX, right, bottom) for x, y, right, bottom in frames.tolist()]
        assert any(QRectF(x, y, right - x, bottom - y).contains(at) for x, y, right, bottom in corners)
    assert not signposts.place(scene, labels, 0.002), "no name fits into a group of a few pixels"


@pytest.mark.parametrize("scale", [0.2, 0.25])
def test_signposts_are_headings(fonts: Fonts, scale: float) -> None:
    trace = builders.blocks(8, 6, depth=2)
    scene, labels = build(trace, fonts, Folds.none()), Labels(trace, fonts)
    posts = {post.name: post.place for post in signposts.place(scene, labels, scale)}
    headings = 0
    for index in scene.frames.tolist():
        name, _, _ = labels.group_names(scene.items[index])
        if name.startswith("block") and name in posts:
            x, y, _, _ = (edge * scale for edge in scene.rect_of(index))
            assert 0 <= posts[name].left() - x <= signposts.INSET_PX
            assert abs(posts[name].top() - y) <= signposts.OVER_PX
            headings += 1
    assert headings >= 6


def test_a_signpost_goes_elsewhere_where_a_box_is_in_its_way(fonts: Fonts) -> None:
    frame = np.array([100.0, 50.0, 200.0, 150.0])
    first = signposts._placed("layer", "", frame, np.empty((0, 4)), fonts)
    beside = signposts._placed("layer", "", frame, np.array([[100.0, 40.0, 140.0, 90.0]]), fonts)
    below = signposts._placed("layer", "", frame, np.array([[100.0, 40.0, 200.0, 90.0]]), fonts)
    assert first is not None
    assert beside is not None
    assert below is not None
    assert first.place.topLeft().toTuple() == (102.0, 52.0)
    assert beside.place.left() > 140
    assert beside.place.top() == 52.0
    assert below.place.bottom() == 148.0
    assert signposts._placed("layer", "", frame, frame[None], fonts) is None


def test_signposts_wait_until_the_view_rests_and_stay_while_it_pans(show: Show) -> None:
    canvas = show(builders.blocks(12, 6, depth=2))
    canvas.unfold_all()
    canvas.zoom_by(0.15 / canvas.camera.scale)
    posts = canvas._stage._signposts
    assert canvas.scene is not None
    canvas.grab()
    assert not posts.are_known(canvas.scene, canvas.camera.scale)
    canvas.view.rest()
    before = canvas.grab().toImage()
    assert posts.are_known(canvas.scene, canvas.camera.scale)
    assert posts.found
    canvas.pan_by(8, 0)
    canvas.pan_by(-8, 0)
    canvas.grab()
    canvas.view.rest()
    assert canvas.grab().toImage() == before
    canvas.zoom_by(0.9 / canvas.camera.scale)
    canvas.view.rest()
    canvas.grab()
    assert not posts.are_known(canvas.scene, canvas.camera.scale), "title bars say it there"


def test_a_short_name_keeps_what_tells_it_apart(fonts: Fonts) -> None:
    call = (Run("cell@40", 12, 22, Face.TITLE, "text"),)
    name = name_of(call, Role.GROUP, 168, 80, 0.25, fonts)
    assert name is not None
    assert name.runs[0].text.endswith("40")
    numbered = (Run("2", 12, 22, Face.TITLE, "text"), Run("AdaptiveAvgPool2d", 30, 22, Face.LABEL, "muted"))
    name = name_of(numbered, Role.GROUP, 168, 80, 0.35, fonts)
    assert name is not None
    assert [run.text[:3] for run in name.runs] == ["2", "Ada"]
    assert (name.runs[1].x + fonts.width(name.runs[1].text, Face.LABEL)) * name.zoom <= 168


def test_a_box_from_afar_has_an_outline(fonts: Fonts) -> None:
    trace = builders.blocks(1)
    cards = CardPainter(Labels(trace, fonts), LIGHT)
    look = BoxLook(QColor("white"), QColor("black"), 1.0, 8.0)
    picture = QImage(60, 40, QImage.Format.Format_RGB32)
    picture.fill(QColor("white"))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(0.2, 0.2)
    cards.paint_box(painter, QRectF(50, 50, 200, 100), look)
    painter.end()
    assert min(QColor(picture.pixel(30, y)).lightness() for y in range(8, 13)) < 60
