"""Roles, states, progress and visibility of what a drawing shows."""

from __future__ import annotations

import numpy as np

from engine.graph.fold import Folds
from engine.graph.layout import layout
from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace
from gui.canvas.fonts import Fonts
from gui.canvas.labels import Labels
from gui.canvas.look import Role
from gui.canvas.scene import Scene

from . import builders


def build(trace: Trace, fonts: Fonts, folds: Folds | None = None) -> Scene:
    return Scene(trace, layout(trace.graph, sizes=Labels(trace, fonts).sizes, folds=folds))


def test_roles_follow_kind_root_and_folding(fonts: Fonts) -> None:
    scene = build(builders.neuron(), fonts)
    roles = {
        scene.trace.graph.nodes[item.node].name: Role(int(scene.roles[index]))
        for index, item in enumerate(scene.items)
        if item.node is not None
    }
    assert roles["x"] is Role.INPUT
    assert roles["w"] is Role.LEAF
    assert roles["z"] is Role.OP
    assert roles["L"] is Role.LOSS
    trace = builders.blocks(3)
    folded = build(trace, fonts, Folds.all_folded(trace.graph))
    assert np.count_nonzero(folded.roles == Role.GROUP) == 3
    opened = build(trace, fonts, Folds.none())
    assert np.count_nonzero(opened.roles == Role.FRAME) == 3


def test_states_of_items_and_links_follow_the_stepper(fonts: Fonts) -> None:
    trace = builders.neuron()
    scene, stepper = build(trace, fonts), Stepper(trace)
    for position in range(len(trace.backward) + 1):
        stepper.move_to(position)
        states = scene.states(stepper)
        for index, item in enumerate(scene.items):
            assert item.node is not None
            assert states.state[index] == stepper.states[item.node]
        for number, link in enumerate(scene.drawing.links):
            edge = trace.graph.edges[link.edges[0]]
            is_over = stepper.states[edge.target] == NodeState.DONE and edge.grad_index is not None
            assert states.links[number] == is_over


def test_a_folded_group_is_done_in_part(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    scene, stepper = build(trace, fonts, Folds.all_folded(trace.graph)), Stepper(trace)
    stepper.move_to(1 + 12 + 3)
    states = scene.states(stepper)
    of_block = [scene.item_of_scope((f"block{number}",)) for number in range(3)]
    assert None not in of_block
    first, second, third = (int(index) for index in of_block if index is not None)
    assert states.state[third] == NodeState.DONE
    assert states.progress[third] == 1.0
    assert states.state[second] == NodeState.CURRENT
    assert states.progress[second] == 3 / 12
    assert states.progress[first] == 0.0


def test_links_without_any_gradient_are_cut(fonts: Fonts) -> None:
    trace = builders.neuron()
    scene = build(trace, fonts)
    for number, link in enumerate(scene.drawing.links):
        assert scene.is_cut[number] == (trace.graph.edges[link.edges[0]].cut is not None)


def test_only_what_touches_a_region_is_visible(fonts: Fonts) -> None:
    scene = build(builders.blocks(4), fonts, Folds.none())
    boxes, frames, links = scene.visible(-1e9, -1e9, 1e9, 1e9)
    assert len(boxes) + len(frames) == len(scene)
    assert len(links) == len(scene.routes)
    x, y, right, bottom = scene.rects[scene.boxes[0]].tolist()
    near, _, _ = scene.visible(x + 1, y + 1, right - 1, bottom - 1)
    assert near.tolist() == [scene.boxes[0]]
    assert all(len(part) == 0 for part in scene.visible(1e8, 1e8, 1e9, 1e9))


def test_links_of_edges_skip_what_is_hidden(fonts: Fonts) -> None:
    trace = builders.blocks(3)
    scene = build(trace, fonts, Folds.all_folded(trace.graph))
    every = scene.links_of_edges(list(range(len(trace.graph.edges))))
    assert every == list(range(len(scene.routes)))
    inside = [
        k
        for k, e in enumerate(trace.graph.edges)
        if trace.graph.nodes[e.source].scope == trace.graph.nodes[e.target].scope != ()
    ]
    assert scene.links_of_edges(inside) == []
