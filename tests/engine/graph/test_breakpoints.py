"""engine.graph.breakpoints: where each kind stops, and that a place is found again in another run."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graph.breakpoints import Breakpoint, BreakpointKind, Stops, next_stop, node_keys, on_node
from engine.graph.timeline import Timeline
from engine.graph.trace import Trace
from tests.engine.traces import ADD, MUL, W, X, small_trace

from .builder import GraphBuilder
from .test_timeline import blocks


def stops(kind: BreakpointKind, text: str) -> list[int]:
    found: list[int] = Stops(small_trace()).positions(Breakpoint(kind=kind, text=text)).tolist()
    return found


def test_a_node_stops_where_it_runs_and_where_its_gradient_is_taken_on() -> None:
    trace = small_trace()
    all_stops = Stops(trace)
    for node, forward in ((MUL, -3), (ADD, -2)):
        step = trace.step_of(node)
        assert step is not None
        breakpoint_ = on_node(trace.graph, node)
        assert all_stops.positions(breakpoint_).tolist() == [forward, step.index + 1]
        assert all_stops.node_of(breakpoint_) == node
    step = trace.step_of(W)
    assert step is not None
    assert all_stops.positions(on_node(trace.graph, W)).tolist() == [step.index + 1]
    assert all_stops.positions(on_node(trace.graph, X)).tolist() == []


def test_kinds_and_conditions() -> None:
    assert stops("op", "mul") == stops("condition", 'op == "mul"') == [-3, 5]
    assert stops("op", "aten.mul.Tensor") == stops("op", "MUL") == [-3, 5]
    assert stops("op", "conv2d") == []
    assert stops("condition", "kind:leaf") == [4, 6]


def test_a_module_stops_where_it_is_entered() -> None:
    trace = blocks(3, 2, 2)
    found = Stops(trace)
    assert found.positions(Breakpoint(kind="module", text="block1")).tolist() == [trace_first(trace) + 6, 6]
    assert found.positions(Breakpoint(kind="module", text="block1.layer1")).tolist() == [trace_first(trace) + 8, 6]
    assert found.positions(Breakpoint(kind="module", text="block")).tolist() == []


def trace_first(trace: Trace) -> int:
    return Timeline(trace).first


def test_a_faulty_condition_stops_nowhere_and_says_why() -> None:
    found = Stops(small_trace())
    faulty = Breakpoint(kind="condition", text="grad.norm() >")
    assert found.positions(faulty).tolist() == []
    fault = found.fault(faulty)
    assert fault is not None
    assert fault.position == 13
    assert found.fault(Breakpoint(kind="condition", text="isnan")) is None


def test_all_are_those_that_are_enabled_once_each() -> None:
    found = Stops(small_trace())
    mul, leaf = Breakpoint(kind="op", text="mul"), Breakpoint(kind="condition", text="kind:leaf or op == 'mul'")
    assert found.all([mul, leaf]).tolist() == [-3, 4, 5, 6]
    off = Breakpoint(kind="condition", text=leaf.text, is_enabled=False)
    assert found.all([mul, off]).tolist() == [-3, 5]
    assert found.all([]).tolist() == []


def test_keys_are_different_and_stay_when_something_else_is_added() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    for _ in range(3):
        x = build.op("sin", x)
    keys = node_keys(build.graph())
    assert len(set(keys)) == len(keys)
    longer = GraphBuilder()
    y = longer.op("cos", longer.tensor("leaf", "x"))
    for _ in range(3):
        y = longer.op("sin", y)
    assert keys[1:] == node_keys(longer.graph())[2:]


@pytest.mark.parametrize(
    ("cursor", "ahead", "behind"), [(-9, -3, None), (-3, 0, None), (-1, 0, -3), (0, 4, -3), (4, None, 0), (9, None, 4)]
)
def test_the_next_and_the_previous_stop(cursor: int, ahead: int | None, behind: int | None) -> None:
    positions = np.array([-3, 0, 4])
    assert next_stop(positions, cursor, 1) == ahead
    assert next_stop(positions, cursor, -1) == behind
