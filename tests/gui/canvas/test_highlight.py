"""What a step changes, and which base picture it is painted on."""

from __future__ import annotations

from engine.graph.fold import Folds
from engine.graph.stepper import Stepper
from gui.canvas import highlight, moments
from gui.canvas.fonts import Fonts
from gui.canvas.highlight import Changes

from . import builders
from .test_scene import build


def test_a_step_changes_only_what_it_touched(fonts: Fonts) -> None:
    trace = builders.neuron()
    scene, stepper = build(trace, fonts), Stepper(trace)
    stepper.move_to(2)
    before = moments.at(scene, stepper)
    stepper.move_to(3)
    after = moments.at(scene, stepper)
    found = highlight.changes(before, after)
    assert found is not None
    changed = {trace.graph.nodes[scene.items[i].node or 0].name or "mul" for i in found.items}
    assert changed == {"a", "z", "mul", "b"}
    (link,) = found.links
    assert trace.graph.edges[scene.drawing.links[link].edges[0]].target == 5
    assert highlight.changes(after, before) is None, "a line cannot be painted away"
    assert highlight.changes(after, after) == Changes([], [])


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


def test_the_base_is_kept_renewed_or_taken_from_before(fonts: Fonts) -> None:
    trace = builders.blocks(12)
    scene, stepper, kept = build(trace, fonts, Folds.none()), Stepper(trace), moments.Moments()
    stepper.move_to(60)
    first = kept.now(scene, stepper)
    assert kept.now(scene, stepper) is first
    base, found = kept.base(None, first)
    assert (base, len(found)) == (first, 0)
    stepper.move_to(62)
    base, found = kept.base(first, kept.now(scene, stepper))
    assert base is first
    assert 0 < len(found) < 20
    stepper.move_to(58)
    base, found = kept.base(first, kept.now(scene, stepper))
    assert base.stepper.position == 58 - moments.LOOK_BACK
    stepper.move_to(57)
    again, _ = kept.base(base, kept.now(scene, stepper))
    assert again is base, "the next steps back need no other picture"
    stepper.move_to(len(trace.backward))
    now = kept.now(scene, stepper)
    assert kept.base(base, now)[0] is now, "too much has changed to paint on top"
