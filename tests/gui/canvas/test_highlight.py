"""What a step changes, and which base picture it is painted on."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF

from engine.graph.fold import Folds
from engine.graph.model import Edge, Graph
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace
from gui.canvas import damage, highlight, moments
from gui.canvas.camera import Camera
from gui.canvas.fonts import Fonts
from gui.canvas.highlight import Changes

from . import builders
from .conftest import Show
from .test_scene import build


def test_a_step_changes_only_what_it_touched(fonts: Fonts) -> None:
    trace = builders.neuron()
    scene, stepper = build(trace, fonts), Stepper(trace)
    stepper.move_to(2)
    before = moments.at(scene, stepper)
    stepper.move_to(3)
    after = moments.at(scene, stepper)
    found = highlight.differences(before, after)
    assert found is not None
    changed = {trace.graph.nodes[scene.items[i].node or 0].name or "mul" for i in found.items}
    assert changed == {"a", "z", "mul", "b"}
    (link,) = found.links
    assert trace.graph.edges[scene.drawing.links[link].edges[0]].target == 5
    assert highlight.can_be_painted_over(found, after)
    assert not highlight.can_be_painted_over(found, before), "a line cannot be painted away"
    assert highlight.differences(after, after) == Changes([], [])


def test_a_moment_stays_while_the_cursor_moves_on(fonts: Fonts) -> None:
    trace = builders.neuron()
    scene, stepper = build(trace, fonts), Stepper(trace)
    early = moments.at(scene, stepper)
    stepper.move_to(6)
    assert early.stepper.position == 0
    assert early.states.position == 0
    assert not early.states.links.any()
    assert moments.at(scene, stepper, 4).stepper.position == 4
    assert stepper.position == 6


def test_a_moment_is_worked_out_once(fonts: Fonts) -> None:
    trace = builders.blocks(12)
    scene, stepper, kept = build(trace, fonts, Folds.none()), Stepper(trace), moments.Moments()
    stepper.move_to(60)
    first = kept.now(scene, stepper)
    assert kept.now(scene, stepper) is first
    stepper.move_to(62)
    found = highlight.differences(first, kept.now(scene, stepper))
    assert found is not None
    assert 0 < len(found) < 20
    stepper.move_to(len(trace.backward))
    assert highlight.differences(first, kept.now(scene, stepper)) is None, "too much has changed to paint on top"


def test_states_are_the_same_whatever_way_led_to_a_position(fonts: Fonts) -> None:
    trace = builders.blocks(12)
    for folds in (Folds.none(), Folds.all_folded(trace.graph)):
        scene, stepper = build(trace, fonts, folds), Stepper(trace)
        for position in (0, 1, 2, 3, 7, 6, 30, 31, 29, 90, 0, 4, len(trace.backward), 5, -3, -2, 2):
            stepper.move_to(position)
            walked = scene.states(stepper)
            jumped = build(trace, fonts, folds).states(stepper)
            assert np.array_equal(walked.state, jumped.state)
            assert np.array_equal(walked.progress, jumped.progress)
            assert np.array_equal(walked.links, jumped.links)


def test_what_changed_lies_within_the_region(fonts: Fonts) -> None:
    trace = builders.blocks(6)
    scene = build(trace, fonts, Folds.none())
    stepper = Stepper(trace)
    stepper.move_to(20)
    before = moments.at(scene, stepper)
    stepper.move_to(17)
    found = highlight.differences(before, moments.at(scene, stepper))
    assert found is not None
    assert found.links
    camera = Camera(0.5, 10, 20)
    region = damage.region_of(found, scene, camera)
    for item in found.items:
        x, y, right, bottom = scene.rect_of(item)
        left, top = camera.to_screen(x, y)
        assert region.contains(QRectF(left, top, (right - x) / 2, (bottom - y) / 2).toAlignedRect())


def test_all_places_of_a_shared_tensor_are_outlined(show: Show) -> None:
    trace = builders.blocks(4)
    graph = trace.graph
    shared = next(node.id for node in graph.nodes if node.kind == "leaf")
    users = [node.id for node in graph.nodes if node.kind == "op" and node.scope == ("block3",)]
    edges = [*graph.edges, Edge(source=shared, output_nr=0, target=users[0], input_nr=5, grad_index=None)]
    canvas = show(Trace(Graph(graph.nodes, edges, graph.scopes), trace.backward, roots=trace.roots))
    canvas.unfold_all()
    assert canvas.scene is not None
    places = canvas.scene.items_of(shared)
    assert len(places) == 2
    canvas.view.rest()
    before = canvas.grab().toImage()
    canvas.pick(places[0])
    canvas.view.rest()
    after = canvas.grab().toImage()
    for item in places:
        x, y, right, bottom = canvas.scene.rect_of(item)
        left, top = canvas.camera.to_screen(x, y)
        far, low = canvas.camera.to_screen(right, bottom)
        area = QRectF(left, top, far - left, low - top).adjusted(-12, -12, 12, 12).toRect()
        assert before.copy(area) != after.copy(area)
