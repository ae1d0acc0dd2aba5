"""The stepper's states follow the definition of a backward pass, and depend on nothing but the position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.model import Graph
from engine.graph.observation import Observation
from engine.graph.stepper import NodeState, Stepper
from engine.graph.timeline import NOT_KEPT
from engine.graph.trace import BackwardStep, Trace
from engine.graph.values import Values

from .builder import GraphBuilder, neuron

IDLE, WAITING, READY, CURRENT, DONE, ABSENT, COMPUTED, UPDATED = NodeState


def diamond() -> Trace:
    """x is used twice, so its gradient has two contributions."""
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    left = build.op("sin", x)
    right = build.op("cos", x)
    return build.trace(build.op("mul", left, right))


def test_neuron_steps_from_the_loss_to_the_leaves() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    x, w, mul, b, z, a, y, _ = range(8)
    stepper = Stepper(trace)
    assert stepper.current is None
    assert stepper.active_edges == []
    assert stepper.states.tolist() == [IDLE, WAITING, WAITING, WAITING, WAITING, WAITING, IDLE, READY]
    stepper.move_to(3)
    assert stepper.current is trace.backward[2]
    assert stepper.current.node.id == z
    assert stepper.states.tolist() == [IDLE, WAITING, READY, READY, CURRENT, DONE, IDLE, DONE]
    assert [(trace.graph.edges[e].source, trace.graph.edges[e].target) for e in stepper.active_edges] == [
        (mul, z),
        (b, z),
    ]
    stepper.move_to(stepper.length)
    assert [n for n, state in enumerate(stepper.states) if state == DONE] == [mul, b, z, a, loss]
    assert stepper.states[w] == CURRENT
    assert [n for n, state in enumerate(stepper.states) if state == IDLE] == [x, y]


def test_a_tensor_used_twice_waits_for_both_contributions() -> None:
    stepper = Stepper(diamond())
    seen = []
    for position in range(stepper.length + 1):
        stepper.move_to(position)
        seen.append((stepper.missing(0), int(stepper.states[0]), stepper.has_gradient(0)))
    assert seen == [
        (2, WAITING, False),
        (2, WAITING, False),
        (1, WAITING, False),
        (0, READY, True),
        (0, CURRENT, True),
    ]


def test_none_gradients_are_not_waited_for() -> None:
    trace = diamond()
    trace.backward[1].grad_inputs[0] = None  # the cosine hands nothing back
    stepper = Stepper(trace)
    assert stepper.missing(0) == 1
    stepper.move_to(2)
    assert stepper.active_edges == []
    stepper.move_to(3)
    assert stepper.states[0] == READY


def test_several_roots_are_all_ready_at_the_start() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    first = build.op("sin", x)
    second = build.op("cos", first)  # the second root is computed from the first
    stepper = Stepper(build.trace(first, second))
    assert stepper.states[second] == READY
    assert stepper.states[first] == WAITING  # it is a root, but more is to come
    assert stepper.missing(first) == 1
    other = Stepper(build.trace(second, build.op("exp", x)))
    assert [other.states[second], other.states[3]] == [READY, READY]


def test_a_step_without_edges_is_ready_just_before_it_runs() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    trace.graph = Graph(trace.graph.nodes, [])
    stepper = Stepper(trace)
    stepper.move_to(1)
    assert stepper.states[trace.backward[1].node.id] == READY
    assert stepper.states[trace.backward[2].node.id] == WAITING
    assert stepper.missing(trace.backward[2].node.id) == 1


def test_without_a_backward_pass_everything_is_idle() -> None:
    build, loss = neuron()
    stepper = Stepper(Trace(build.graph(), roots=[(loss, 0)]))
    assert set(stepper.states.tolist()) == {IDLE}
    assert stepper.length == 0
    assert Stepper(Trace(Graph([], []))).states.shape == (0,)


def test_positions_outside_are_refused_and_change_nothing() -> None:
    stepper = Stepper(diamond())
    stepper.move_to(2)
    for position in (stepper.first - 1, stepper.length + 1):
        with pytest.raises(IndexError, match="has 4 steps"):
            stepper.move_to(position)
    assert stepper.position == 2


def test_states_given_out_never_change() -> None:
    stepper = Stepper(diamond())
    before = stepper.states
    copy = before.copy()
    stepper.move_to(3)
    np.testing.assert_array_equal(before, copy)
    with pytest.raises(ValueError, match="read-only"):
        stepper.states[0] = 1


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    build = GraphBuilder()
    count = draw(st.integers(1, 25))
    for _ in range(count):
        known = len(build.nodes)
        if known == 0 or draw(st.booleans()):
            build.tensor(draw(st.sampled_from(["leaf", "input"])))
        else:
            inputs = draw(st.lists(st.integers(0, known - 1), min_size=1, max_size=3))
            build.op("mul", *inputs)
    roots = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=2, unique=True))
    trace = build.trace(*[root for root in roots if build.nodes[root].grad_fn is not None])
    for step in trace.backward:
        for k in range(len(step.grad_inputs)):
            if draw(st.integers(0, 9)) == 0:
                step.grad_inputs[k] = None
    return trace


def snapshot(stepper: Stepper) -> tuple[object, ...]:
    nodes = range(len(stepper.trace.graph.nodes))
    return (
        stepper.position,
        stepper.current,
        stepper.states.tolist(),
        stepper.active_edges,
        [stepper.missing(n) for n in nodes],
        [stepper.has_gradient(n) for n in nodes],
    )


@given(traces(), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_walk_to_a_position_ends_in_the_same_state(trace: Trace, walk: list[int]) -> None:
    stepper = Stepper(trace)
    start = snapshot(stepper)
    for target in walk:
        position = target % (stepper.length + 1)
        stepper.move_to(position)
        fresh = Stepper(trace)
        fresh.move_to(position)
        assert snapshot(stepper) == snapshot(fresh)
    for position in [*range(stepper.length + 1), *reversed(range(stepper.length + 1))]:
        stepper.move_to(position)
    assert snapshot(stepper) == start


@given(traces())
def test_states_agree_with_a_simulation_of_the_engine(trace: Trace) -> None:
    """Counts what has been handed back, step by step, instead of asking when it arrives."""
    stepper = Stepper(trace)
    roots = {root for root, _ in trace.roots}
    handed = dict.fromkeys(range(len(trace.graph.nodes)), 0)
    total = dict.fromkeys(handed, 0)

    def contributing(step: BackwardStep) -> list[int]:
        into = trace.graph.incoming(step.node.id)
        return [e.source for e in into if e.grad_index is not None and step.grad_inputs[e.grad_index] is not None]

    for step in trace.backward:
        for node in contributing(step):
            total[node] += 1
    done: set[int] = set()
    for position in range(stepper.length + 1):
        stepper.move_to(position)
        current = stepper.current
        if current is not None:
            for node in contributing(current):
                handed[node] += 1
            done.add(current.node.id)
        for node, state in enumerate(stepper.states):
            if current is not None and node == current.node.id:
                assert state == CURRENT
            elif node in done:
                assert state == DONE
            elif total[node] or node in roots:
                assert state == (READY if handed[node] == total[node] else WAITING)
                assert stepper.missing(node) == total[node] - handed[node]


def test_in_the_forward_pass_what_is_to_run_is_absent() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    x, w, mul, b, z, a, _, _ = range(8)
    stepper = Stepper(trace)
    stepper.move_to(stepper.first)
    assert (stepper.event, stepper.current, stepper.current_node) == (None, None, None)
    assert stepper.states.tolist() == [IDLE, WAITING, ABSENT, WAITING, ABSENT, ABSENT, IDLE, ABSENT]
    stepper.move_to(-2)
    assert stepper.current is None
    assert stepper.current_node == z
    assert stepper.states.tolist() == [IDLE, WAITING, WAITING, WAITING, COMPUTED, ABSENT, IDLE, ABSENT]
    edges = [trace.graph.edges[edge] for edge in stepper.data_edges]
    assert [(edge.source, edge.target) for edge in edges] == [(mul, z), (b, z)]
    assert [stepper.has_value(node) for node in (x, w, mul, z, a, loss)] == [True, True, True, True, False, False]
    assert not any(stepper.has_gradient(node) for node in range(8))
    assert stepper.active_edges == []
    stepper.move_to(0)
    assert stepper.states.tolist() == [IDLE, WAITING, WAITING, WAITING, WAITING, WAITING, IDLE, READY]
    assert stepper.data_edges == []
    assert stepper.has_value(loss)


def test_updates_come_after_the_backward_pass() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    stepper = Stepper(trace)
    stepper.move_to(6)
    trace.observations.append(Observation(kind="update", nodes=(1, 3), text="SGD", amounts=(0.5, 0.1)))
    stepper.read_updates()
    assert (stepper.position, stepper.last) == (6, 8)
    stepper.move_to(7)
    assert stepper.current is None
    assert stepper.current_node == 1
    assert stepper.states[[1, 3]].tolist() == [CURRENT, DONE]
    stepper.move_to(8)
    assert stepper.states[[1, 3]].tolist() == [UPDATED, CURRENT]
    assert stepper.active_edges == []


def test_a_leaf_is_updated_from_its_update_on_and_has_its_new_value() -> None:
    build, loss = neuron()
    trace = build.trace(loss)
    values = [Values.of(np.float32(number)) for number in (2.0, 3.0)]
    trace.observations += [
        Observation(kind="update", nodes=(1, 3), text="SGD", amounts=(0.5, None), after=(values[0], None)),
        Observation(kind="update", nodes=(1,), text="SGD", amounts=(1.0,), after=(values[1],)),
    ]
    stepper = Stepper(trace)
    end = stepper.length
    assert stepper.last == end + 3
    old = trace.graph.nodes[1].outputs[0]
    seen = []
    for position in (end, end + 1, end + 2, end + 3, end):
        stepper.move_to(position)
        info = stepper.value(1)
        assert info is not None
        seen.append((NodeState(int(stepper.states[1])), None if info is old else float(info.array or 0)))
        assert stepper.has_gradient(1)
    assert seen == [(CURRENT, None), (CURRENT, 2.0), (UPDATED, 2.0), (CURRENT, 3.0), (CURRENT, None)]
    stepper.move_to(end + 2)
    unknown = stepper.value(3)
    assert unknown is not None
    assert (unknown.array, unknown.note) == (None, NOT_KEPT)
    assert [update.amount for update in stepper.updates(3)] == [None]
    assert stepper.value(1, output=5) is None


def test_a_leaf_without_a_gradient_can_be_updated() -> None:
    build, loss = neuron()
    idle = build.tensor("leaf", "unused")
    trace = build.trace(loss)
    trace.observations.append(Observation(kind="update", nodes=(idle,), text="AdamW", amounts=(0.1,)))
    stepper = Stepper(trace)
    stepper.move_to(stepper.last - 1)
    assert stepper.states[idle] == NodeState.IDLE
    stepper.move_to(stepper.last)
    assert stepper.states[idle] == NodeState.CURRENT
    assert not stepper.has_gradient(idle), "weight decay alone"
