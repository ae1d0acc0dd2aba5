"""The overlays, their legend, and the minimap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSizeF
from PySide6.QtGui import QImage, QPainter

from engine.graph.fold import Folds
from engine.graph.model import SavedTensor
from engine.graph.stepper import NodeState, Stepper
from gui.canvas import moments, overlay
from gui.canvas.camera import Camera, fitted
from gui.canvas.cards import CardPainter
from gui.canvas.categories import Categories, Tints
from gui.canvas.fonts import Fonts
from gui.canvas.labels import Labels
from gui.canvas.look import Role
from gui.canvas.minimap import SIGN_COLUMN, Minimap
from gui.theme import DARK, LIGHT

from . import builders
from .test_scene import build


def test_norms_are_those_of_the_recorded_gradients(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    scene = build(trace, fonts, Folds.none())
    norms = overlay.norms_of(scene)
    for index in scene.boxes.tolist():
        node = scene.items[index].node
        assert node is not None
        grad = trace.grad(node)
        if grad is None:
            assert math.isnan(norms.values[index])
        else:
            assert norms.values[index] == np.float64(np.linalg.norm(grad.astype(np.float64)))
    known = norms.values[np.isfinite(norms.values)]
    assert 10**norms.low <= known.min()
    assert known.max() <= 10**norms.high


def test_a_folded_group_shows_its_largest_norm(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    scene = build(trace, fonts, Folds.all_folded(trace.graph))
    item = scene.item_of_scope(("block1",))
    assert item is not None
    grads = [trace.grad(node) for node in scene.items[item].members]
    largest = max(float(np.linalg.norm(g.astype(np.float64))) for g in grads if g is not None)
    assert overlay.norms_of(scene).values[item] == largest


def test_time_is_that_of_the_operation_and_of_its_vjp(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    for node in trace.graph.nodes:
        node.seconds = 1e-5 * (node.id + 1) if node.kind == "op" else 0.0
    for step in trace.backward:
        step.seconds = 2e-4
    scene = build(trace, fonts, Folds.all_folded(trace.graph))
    scale = overlay.scale_of(scene, overlay.TIME)
    assert isinstance(scale, overlay.Scale)
    for index in scene.boxes.tolist():
        item = scene.items[index]
        members = item.members if item.node is None else (item.node,)
        took = sum(trace.graph.nodes[m].seconds + (2e-4 if trace.step_of(m) is not None else 0.0) for m in members)
        assert scale.values[index] == pytest.approx(took) if took else math.isnan(scale.values[index])
    assert 10**scale.low <= np.nanmin(scale.values)
    assert np.nanmax(scale.values) <= 10**scale.high
    assert scale.tick(1e-5, 3) == "10 µs"


def test_a_folded_group_counts_the_memory_that_its_nodes_share_once(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    scene = build(trace, fonts, Folds.all_folded(trace.graph))
    item = scene.item_of_scope(("block1",))
    assert item is not None
    first, second = [trace.graph.nodes[m] for m in scene.items[item].members if trace.graph.nodes[m].kind == "op"][:2]
    first.saved = [SavedTensor(name="result", shape=(8,), dtype="float32", nbytes=32, span=(7, 0, 32))]
    second.saved = [SavedTensor(name="self", shape=(8,), dtype="float32", nbytes=32, span=(7, 0, 32))]
    scale = overlay.scale_of(scene, overlay.MEMORY)
    assert isinstance(scale, overlay.Scale)
    assert scale.values[item] == 32
    assert np.isfinite(scale.values).sum() == 1
    assert (first.saved_bytes, second.saved_bytes) == (32, 32)


def test_values_and_ratios_agree_with_numpy(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    scene = build(trace, fonts, Folds.none())
    values, ratios = overlay.values_of(scene), overlay.ratios_of(scene)
    for index in scene.boxes.tolist():
        node = scene.items[index].node
        assert node is not None
        value, grad = trace.value(node), trace.grad(node)
        assert value is not None
        norm = float(np.linalg.norm(value.astype(np.float64)))
        assert values.values[index] == pytest.approx(norm)
        if grad is not None:
            assert ratios.values[index] == pytest.approx(float(np.linalg.norm(grad.astype(np.float64))) / norm)


def test_categories_count_boxes_and_name_mixtures(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    for place, node in enumerate(trace.graph.nodes):
        if node.outputs and node.scope == ("block1",):
            node.outputs[0].dtype = "float16" if place % 2 else "float32"
        if node.outputs and node.scope == ("block2",):
            node.outputs[0].dtype = "bfloat16"
    scene = build(trace, fonts, Folds.none().fold(("block1",)))
    found = overlay.scale_of(scene, overlay.DTYPE)
    assert isinstance(found, Categories)
    item = scene.item_of_scope(("block1",))
    assert item is not None
    assert found.values[item] == "several"
    names = dict(found.names)
    assert names["several"] == 1
    assert sum(names.values()) == len(scene.boxes)
    colours = overlay.colours_of(found, LIGHT)
    known = {found.values[index]: colours[index] for index in scene.boxes.tolist()}
    assert len({colour.name() for colour in known.values() if colour is not None}) == len(known) == 3


def test_every_overlay_has_its_legend_in_the_corner(fonts: Fonts) -> None:
    scene = build(builders.blocks(2), fonts)
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    for name in overlay.OVERLAYS[1:]:
        scale = overlay.scale_of(scene, name)
        assert scale is not None
        place = overlay.paint_legend(painter, scale, LIGHT, fonts, 300)
        assert place.left() == 16
        assert place.bottom() == 284
        assert place.height() == overlay.legend_height(scale)
    painter.end()


def test_what_an_overlay_knows_nothing_of_is_neutral(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    scene = build(trace, fonts, Folds.none())
    cards = CardPainter(Labels(trace, fonts), LIGHT)
    index = next(i for i in scene.boxes.tolist() if scene.roles[i] == Role.OP)
    done, waiting = (cards.look(index, Role.OP, state) for state in (NodeState.DONE, NodeState.WAITING))
    assert done != waiting
    cards.overlay = Tints(np.zeros(len(scene), dtype=np.uint32))
    assert cards.look(index, Role.OP, NodeState.DONE) == waiting
    assert cards.look(index, Role.OP, NodeState.CURRENT) != waiting


def test_broken_gradients_have_a_colour_of_their_own(fonts: Fonts) -> None:
    trace = builders.neuron()
    trace.backward[2].grad_outputs[0] = builders.scalar(float("nan"))
    trace.backward[1].grad_outputs[0] = builders.scalar(0.0)
    scene = build(trace, fonts)
    norms = overlay.norms_of(scene)
    assert norms.has_broken
    colours = overlay.colours_of(norms, LIGHT)
    assert colours[scene.item_of(4) or 0] == overlay.BROKEN
    assert colours[scene.item_of(5) or 0] == overlay.ramp_colour(LIGHT, 0.0)
    assert colours[scene.item_of(0) or 0] is None


def test_the_scale_is_ordered_in_grey_too() -> None:
    for theme in (LIGHT, DARK):
        grey = [overlay.ramp_colour(theme, step / 20).lightnessF() for step in range(21)]
        assert grey == sorted(grey, reverse=not theme.is_dark)


def test_the_legend_lies_in_the_corner(fonts: Fonts) -> None:
    scene = build(builders.blocks(2), fonts)
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(LIGHT.background)
    painter = QPainter(image)
    place = overlay.paint_legend(painter, overlay.norms_of(scene), LIGHT, fonts, 300)
    painter.end()
    assert place.left() >= 16
    assert place.bottom() <= 300 - 16
    assert image.pixelColor(int(place.x()) + 6, int(place.y()) + 40) == LIGHT.surface


def test_the_minimap_maps_both_ways_and_hides_when_all_is_in_view(fonts: Fonts) -> None:
    trace = builders.blocks(10)
    scene, minimap, size = build(trace, fonts, Folds.none()), Minimap(), QSizeF(900, 600)
    assert minimap.place(scene, fitted(scene.bounds, 900, 600), size) is None
    camera = Camera(1.0)
    place = minimap.place(scene, camera, size)
    assert place is not None
    x, y, width, height = scene.bounds
    beside = QPointF(SIGN_COLUMN / 2, 0.0)
    assert minimap.scene_point(scene, place, place.center() - beside) == pytest.approx((x + width / 2, y + height / 2))
    assert minimap.scene_point(scene, place, place.topLeft() - QPointF(500, 500)) == (x, y)
    moment = moments.at(scene, Stepper(trace))
    image = QImage(900, 600, QImage.Format.Format_RGB32)
    image.fill(LIGHT.background)
    painter = QPainter(image)
    assert minimap.paint(painter, moment, camera, size, LIGHT, 1.0) == place
    painter.end()
    assert image.pixelColor(int(place.right()) - 4, int(place.bottom()) - 20) == LIGHT.surface
    assert minimap.place(scene, camera, QSizeF(200, 200)) is None, "no room for it"
