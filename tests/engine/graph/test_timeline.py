"""engine.graph.timeline: events in order, steps that pass whole module calls, and what is known of updates."""

from __future__ import annotations

import pytest

from engine.graph.observation import Observation
from engine.graph.timeline import RECOMPUTED_MODULE, Phase, Timeline, updates_of, why_no_update
from engine.graph.trace import Trace

from .builder import GraphBuilder, neuron


def blocks(count: int = 3, layers: int = 2, ops: int = 2) -> Trace:
    """Blocks of layers of operations, after one operation outside of all of them."""
    build = GraphBuilder()
    x = build.op("sin", build.tensor("leaf", "x"))
    for block in range(count):
        build.enter(f"block{block}")
        for layer in range(layers):
            build.enter(f"layer{layer}")
            for _ in range(ops):
                x = build.op("cos", x)
            build.leave()
        build.leave()
    return build.trace(build.op("sum", x))


def with_updates() -> Trace:
    build, loss = neuron()
    trace = build.trace(loss)
    trace.observations.append(Observation(kind="update", nodes=(1, 3), text="SGD", amounts=(0.5, None)))
    return trace


def test_events_run_forward_then_back_then_update() -> None:
    timeline = Timeline(with_updates())
    names = [timeline.event(number) for number in range(len(timeline))]
    assert [event.phase for event in names if event is not None] == [Phase.FORWARD] * 4 + [Phase.BACKWARD] * 6 + [
        Phase.UPDATE
    ] * 2
    assert [event.ordinal for event in names if event is not None] == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 0, 1]
    assert (timeline.first, timeline.last, timeline.stops) == (-4, 8, (-4, 0, 6, 8))
    assert timeline.at(-4) is None
    assert timeline.ahead(8) is None
    assert timeline.event(-1) is None
    for position in range(timeline.first, timeline.last):
        assert timeline.ahead(position) == timeline.at(position + 1)
    assert timeline.clamp(-99) == -4
    assert timeline.clamp(99) == 8


def test_values_are_known_once_the_operation_has_run() -> None:
    build, loss = neuron()
    x, w, mul, b, z, a, y, _ = range(8)
    ran = Timeline(build.trace(loss)).ran
    assert ran[[x, w, b, y]].tolist() == [-4] * 4
    assert ran[[mul, z, a, loss]].tolist() == [-3, -2, -1, 0]


def test_what_is_recomputed_is_no_part_of_the_forward_pass() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    build.enter("checkpoint")
    build.enter("again", RECOMPUTED_MODULE)
    twice = build.op("sin", x)
    build.leave()
    build.leave()
    out = build.op("cos", twice)
    timeline = Timeline(build.trace(out))
    assert [node.id for node in timeline.forward] == [out]
    assert timeline.ran[twice] == 0


def test_over_passes_a_call_as_a_whole_both_ways() -> None:
    trace = blocks()
    timeline = Timeline(trace)
    labels = [timeline.scope(number)[:1] for number in range(14)]
    assert labels[:2] == [(), ("block0",)]
    position, stops = timeline.first, []
    while position < 0:
        position = timeline.over(position)
        stops.append(position - timeline.first)
    assert stops == [1, 5, 9, 13, 14], "one operation, three blocks, one operation"
    back = []
    while position > timeline.first:
        position = timeline.over(position, -1)
        back.append(position - timeline.first)
    assert back == [13, 9, 5, 1, 0], "the same walk from the other end"


def test_over_inside_a_call_stays_inside() -> None:
    timeline = Timeline(blocks())
    inside = timeline.first + 2  # the first operation of block0.layer0 has run
    assert timeline.over(inside) == inside + 1
    assert timeline.over(inside + 1) == inside + 3, "layer1 as a whole"
    assert timeline.over(inside, -1) == inside - 1


def test_out_goes_to_the_end_of_the_innermost_call_then_further() -> None:
    timeline = Timeline(blocks())
    first = timeline.first
    assert timeline.out(first + 2) == first + 3, "the end of layer0"
    assert timeline.out(first + 3) == first + 5, "of block0"
    assert timeline.out(first + 5) == 0, "of the forward pass"
    assert timeline.out(first + 4, -1) == first + 3, "the beginning of layer1"
    assert timeline.out(first + 3, -1) == first + 1, "of block0"
    assert timeline.out(first + 1, -1) == first


def test_over_and_out_in_the_backward_pass() -> None:
    trace = blocks()
    timeline = Timeline(trace)
    assert timeline.over(0) == 1, "sum"
    assert timeline.over(1) == 5, "block2 as a whole"
    assert timeline.scope(len(timeline.forward) + 4)[0] == "block2"
    assert timeline.out(2) == 3
    assert timeline.out(3) == 5
    assert timeline.over(5, -1) == 1


@pytest.mark.parametrize("direction", [1, -1])
def test_every_walk_moves_and_ends(direction: int) -> None:
    timeline = Timeline(blocks())
    for walk in (timeline.over, timeline.out):
        for start in range(timeline.first, timeline.last + 1):
            end = walk(start, direction)
            assert timeline.clamp(end) == end
            at_the_end = start == (timeline.last if direction > 0 else timeline.first)
            assert (end - start) * direction > 0 or at_the_end


def test_the_next_event_of_a_node() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    timeline = Timeline(trace)
    assert timeline.position_of(2, -4) == -3
    step = trace.step_of(2)
    assert step is not None
    assert timeline.position_of(2, 0) == step.index + 1
    assert timeline.position_of(2, 6) == step.index + 1, "the last one, where none is ahead"
    assert timeline.position_of(0, 0) is None, "nothing happens to an input"


def test_updates_and_why_there_are_none() -> None:
    trace = with_updates()
    assert [(u.node.id, u.amount, u.text) for u in updates_of(trace)] == [(1, 0.5, "SGD"), (3, None, "SGD")]
    assert why_no_update(trace) == ""
    build, loss = neuron()
    trace = build.trace(loss)
    assert why_no_update(trace) == "", "a callable is not a training"
    trace.step = 4
    assert "No optimizer" in why_no_update(trace)
    trace.observations.append(Observation(kind="optimizer", text="SGD"))
    assert "up to its backward pass" in why_no_update(trace)
    trace.observations.append(Observation(kind="no-update", text="The script ended."))
    assert why_no_update(trace) == "The script ended."


def test_a_group_is_entered_in_each_phase_and_after_others_came_between() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    a = build.op("sin", x)
    b = build.op("cos", a)
    c = build.op("tan", b)
    d = build.op("exp", c)
    timeline = Timeline(build.trace(d))
    assert [timeline.entry_of([a, c, d], after) for after in range(-4, 6)] == [-3, -1, -1, 1, 1, 4, 4, 4, 4, 4]
    assert timeline.entry_of([a, c, d], -5) == -3
    assert timeline.entry_of([], 0) is None
    assert timeline.entry_of([99], 0) is None
