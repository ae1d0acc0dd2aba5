"""The base picture, its qualities, sprites and batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QRegion

from engine.graph.fold import Folds
from engine.graph.stepper import NodeState, Stepper
from gui.canvas import damage, highlight, moments, overlay
from gui.canvas.camera import Camera, fitted
from gui.canvas.cards import CardPainter
from gui.canvas.detail import Detail, Quality, detail_at
from gui.canvas.fonts import Face, Fonts
from gui.canvas.group_labels import Run
from gui.canvas.labels import Labels
from gui.canvas.layers import BaseLayer
from gui.canvas.lines import Batches
from gui.canvas.look import Role, box_look, mix, small_fill
from gui.canvas.painter import Moment, ScenePainter
from gui.canvas.sprites import SpriteCache, bucket
from gui.theme import DARK, LIGHT

from . import builders
from .test_scene import build

SIZE = QSize(640, 420)
Pixels = npt.NDArray[np.uint8]


def make(fonts: Fonts, blocks: int = 40, per_block: int = 4) -> tuple[ScenePainter, Moment]:
    trace = builders.blocks(blocks, per_block)
    scene, stepper = build(trace, fonts, Folds.none()), Stepper(trace)
    stepper.move_to(len(trace.backward) // 2)
    return ScenePainter(CardPainter(Labels(trace, fonts), LIGHT)), moments.at(scene, stepper)


def shown(layer: BaseLayer, scenes: ScenePainter, moment: Moment, camera: Camera, *, is_moving: bool) -> Pixels:
    image = QImage(SIZE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    layer.show(painter, scenes, moment, camera, SIZE, 1.0, is_moving=is_moving, is_resting=not is_moving)
    painter.end()
    rows = np.frombuffer(image.constBits(), dtype=np.uint8)
    return rows.reshape(SIZE.height(), SIZE.width(), 4)[:, :, :3].copy()


def share(first: Pixels, second: Pixels) -> float:
    return float((np.abs(first.astype(int) - second.astype(int)).max(axis=2) > 24).mean())


@pytest.mark.parametrize("scale", [0.06, 0.22, 0.5, 1.0])
def test_a_shifted_picture_equals_a_fresh_one(fonts: Fonts, scale: float) -> None:
    scenes, moment = make(fonts)
    layer, camera = BaseLayer(), Camera(scale, -100, -300)
    shown(layer, scenes, moment, camera, is_moving=False)
    for dx, dy in ((30, 0), (0, -44), (-17, 23)):
        camera = camera.moved(dx, dy)
        moved = shown(layer, scenes, moment, camera, is_moving=True)
    fresh = shown(BaseLayer(), scenes, moment, camera, is_moving=False)
    assert share(moved, fresh) < 0.03
    assert share(shown(layer, scenes, moment, camera, is_moving=False), fresh) == 0.0


@pytest.mark.parametrize("scale", [0.22, 0.4])
def test_fast_frames_show_the_same_at_less_quality(fonts: Fonts, scale: float) -> None:
    scenes, moment = make(fonts, 60)
    x, y, width, height = moment.scene.bounds
    camera = Camera(scale).centred(x + width / 2, y + height / 2, SIZE.width(), SIZE.height())
    layer = BaseLayer()
    fast = shown(layer, scenes, moment, camera, is_moving=True)
    fine = shown(BaseLayer(), scenes, moment, camera, is_moving=False)
    assert share(fast, fine) < 0.12


def test_only_what_is_coarse_is_refined(fonts: Fonts) -> None:
    scenes, moment = make(fonts, 60)
    layer = BaseLayer()
    x, y, width, height = moment.scene.bounds
    camera = Camera(0.22).centred(x + width / 2, y + height / 2, SIZE.width(), SIZE.height())
    shown(layer, scenes, moment, camera, is_moving=True)
    assert layer.is_coarse
    shown(layer, scenes, moment, camera, is_moving=False)
    assert not layer.is_coarse
    small_scenes, small = make(fonts, 2, 2)
    shown(layer, small_scenes, small, camera, is_moving=True)
    assert not layer.is_coarse, "few boxes are painted well at once"
    shown(layer, scenes, moment, fitted(moment.scene.bounds, SIZE.width(), SIZE.height()), is_moving=True)
    assert not layer.is_coarse, "from afar there is but one quality"


def test_another_overlay_paints_boxes_over_those_that_were_there(fonts: Fonts) -> None:
    scenes, moment = make(fonts, 60)
    layer = BaseLayer()
    camera = fitted(moment.scene.bounds, SIZE.width(), SIZE.height())
    before = shown(layer, scenes, moment, camera, is_moving=False)
    scale = overlay.scale_of(moment.scene, overlay.GRADIENT_NORM)
    assert scale is not None
    scenes.cards.overlay = overlay.colours_of(scale, LIGHT)
    layer.recolour()
    recoloured = shown(layer, scenes, moment, camera, is_moving=True)
    assert share(before, recoloured) > 0.01
    assert share(recoloured, shown(BaseLayer(), scenes, moment, camera, is_moving=False)) == 0.0
    scenes.cards.overlay = None
    layer.recolour()
    assert share(before, shown(layer, scenes, moment, camera, is_moving=False)) == 0.0


@pytest.mark.parametrize("scale", [0.05, 0.22, 0.8])
def test_a_step_back_paints_only_what_it_changes_anew(fonts: Fonts, scale: float) -> None:
    scenes, moment = make(fonts, 60)
    x, y, width, _ = moment.scene.bounds
    camera = Camera(scale).centred(x + width / 2, y + 300 / scale, SIZE.width(), SIZE.height())
    layer = BaseLayer()
    shown(layer, scenes, moment, camera, is_moving=False)
    earlier = moments.at(moment.scene, moment.stepper, moment.stepper.position - 3)
    found = highlight.differences(moment, earlier)
    assert found is not None
    region = damage.region_of(found, moment.scene, camera)
    assert layer.patch(scenes, earlier, camera, region, is_moving=False)
    patched = shown(layer, scenes, earlier, camera, is_moving=False)
    assert share(patched, shown(BaseLayer(), scenes, earlier, camera, is_moving=False)) == 0.0
    assert not layer.patch(scenes, moment, camera.moved(1, 0), region, is_moving=False)


def test_a_stamp_needs_the_same_camera(fonts: Fonts) -> None:
    scenes, moment = make(fonts, 3)
    layer, camera = BaseLayer(), Camera(1.0, 5, 5)

    def mark(painter: QPainter) -> None:
        painter.fillRect(QRectF(0, 0, 40, 40), LIGHT.accent)

    region = QRegion(5, 5, 40, 40)
    assert not layer.stamp(moment, camera, region, mark)
    shown(layer, scenes, moment, camera, is_moving=False)
    assert not layer.stamp(moment, camera.moved(1, 0), region, mark)
    later = moments.at(moment.scene, moment.stepper, moment.stepper.position + 1)
    assert layer.stamp(later, camera, region, mark)
    assert layer.moment is later
    pixels = shown(layer, scenes, later, camera, is_moving=True)
    assert pixels[20, 20].tolist() == [LIGHT.accent.blue(), LIGHT.accent.green(), LIGHT.accent.red()]
    fresh = shown(BaseLayer(), scenes, later, camera, is_moving=False)
    assert share(shown(layer, scenes, later, camera, is_moving=False), fresh) == 0.0, "it is painted anew at rest"


def test_level_of_detail_by_height_on_screen() -> None:
    assert [detail_at(height) for height in (1, 5, 10, 20, 30)] == [
        Detail.DENSITY,
        Detail.RECTS,
        Detail.SHAPES,
        Detail.NAMES,
        Detail.TEXT,
    ]


def test_from_afar_boxes_still_tell_their_state(fonts: Fonts) -> None:
    scenes, moment = make(fonts, 3)
    image = QImage(SIZE, QImage.Format.Format_RGB32)
    left, top = moment.scene.rects[moment.scene.boxes[0], :2].tolist()
    camera = Camera(0.1).pinned(left, top, 200, 10)
    painter = QPainter(image)
    painter.translate(camera.dx, camera.dy)
    painter.scale(0.1, 0.1)
    scenes.paint(painter, moment, [(-1e6, -1e6, 1e6, 1e6)], 0.1, 1.0, Quality.FULL)
    painter.end()
    seen = set()
    for index in moment.scene.boxes.tolist():
        x, y, right, bottom = moment.scene.rects[index].tolist()
        place = QPointF(*camera.to_screen((x + right) / 2, (y + bottom) / 2)).toPoint()
        if image.rect().contains(place):
            role, state = Role(int(moment.scene.roles[index])), NodeState(int(moment.states.state[index]))
            assert image.pixelColor(place).rgb() == small_fill(LIGHT, role, state).rgb()
            seen.add(state)
    assert {NodeState.WAITING, NodeState.CURRENT, NodeState.DONE} <= seen


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_role_and_state_has_a_look_of_its_own(theme: object) -> None:
    colours = DARK if theme is DARK else LIGHT
    looks = {}
    for role in Role:
        for state in NodeState:
            look = box_look(colours, role, state)
            looks[role, state] = (look.fill.name(), look.border.name(), look.border_width, look.radius, look.is_dashed)
    for state in (NodeState.WAITING, NodeState.DONE):
        shapes = [looks[role, state] for role in (Role.OP, Role.LEAF, Role.INPUT, Role.LOSS, Role.FRAME)]
        assert len(set(shapes)) == len(shapes)
    for role in (Role.OP, Role.GROUP, Role.LEAF):
        assert len({looks[role, state] for state in (NodeState.WAITING, NodeState.CURRENT, NodeState.DONE)}) == 3
    assert mix(colours.text, colours.surface, 0.0) == colours.text


def test_sprites_are_made_once_and_the_cache_is_bounded(fonts: Fonts, monkeypatch: pytest.MonkeyPatch) -> None:
    cards, sprites = CardPainter(Labels(builders.neuron(), fonts), LIGHT), SpriteCache()
    look = box_look(LIGHT, Role.OP, NodeState.WAITING)
    first = sprites.box(cards, look, 160, 52, bucket(1.0))
    assert sprites.box(cards, look, 160, 52, bucket(1.02)) is first
    assert first.width() == 160
    runs = (Run("z", 12, 22, Face.TITLE, "text"),)
    assert sprites.label(cards, runs, Role.OP, 160, 52, 1.0, may_make=False) is None
    label = sprites.label(cards, runs, Role.OP, 160, 52, 1.0)
    assert label is not None
    assert sprites.made == 2
    monkeypatch.setattr("gui.canvas.sprites.BUDGET_BYTES", 200_000)
    for width in range(160, 400, 8):
        sprites.box(cards, look, width, 52, 1.0)
    assert len(sprites) < 8
    sprites.clear()
    assert len(sprites) == 0


def test_batches_draw_exactly_what_they_are_given(qapp: object) -> None:
    image, batches = QImage(40, 40, QImage.Format.Format_RGB32), Batches()
    image.fill(LIGHT.surface)
    for count in (1, 200, 3):
        rects = np.tile(np.array([[5.0, 5.0, 10.0, 10.0]]), (count, 1))
        painter = QPainter(image)
        painter.setPen(LIGHT.accent)
        painter.setBrush(LIGHT.data)
        batches.draw_rects(painter, rects)
        batches.draw_lines(painter, np.tile(np.array([[0.0, 30.0, 39.0, 30.0]]), (count, 1)))
        batches.draw_lines(painter, np.empty((0, 4)))
        painter.end()
    assert image.pixelColor(10, 10) == LIGHT.data
    assert image.pixelColor(20, 30) == LIGHT.accent
    assert image.pixelColor(30, 10) == LIGHT.surface
