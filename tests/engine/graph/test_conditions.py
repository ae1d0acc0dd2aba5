"""engine.graph.conditions: what each expression holds for, and where a faulty one stops to be one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.conditions import MOST_CHARACTERS, parse
from engine.graph.event_columns import EventColumns
from engine.graph.model import Graph, Node, TensorInfo
from engine.graph.observation import Observation
from engine.graph.query import QueryError
from engine.graph.trace import BackwardStep, Trace
from tests.engine.traces import small_trace


def held(text: str, trace: Trace | None = None) -> list[str]:
    """Label and phase of every event at which a condition holds: "mul" forward, "mul'" backward, "w+" updated."""
    columns = EventColumns(trace or small_trace())
    marks = ("", "'", "+")
    found = []
    for number in np.flatnonzero(parse(text).holds(columns)).tolist():
        event = columns.timeline.event(number)
        assert event is not None
        name = event.node.name if event.node.kind == "leaf" else event.node.label
        found.append(f"{name}{marks[event.phase]}")
    return found


FORWARD = ["mul", "add", "sigmoid", "binary_cross_entropy"]
BACKWARD = ["binary_cross_entropy'", "sigmoid'", "add'", "b'", "mul'", "w'"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('op == "mul"', ["mul", "mul'"]),
        ("op == 'aten.mul'", ["mul", "mul'"]),
        ('op == "MUL" and phase == "backward"', ["mul'"]),
        ('op in ("mul", "add") and phase == "forward"', ["mul", "add"]),
        ('"sigm" in op', ["sigmoid", "sigmoid'"]),
        ('grad_fn == "AccumulateGrad"', ["b'", "w'"]),
        ('name == "w" or name == "b"', ["b'", "w'"]),
        ('not phase == "forward"', BACKWARD),
        ('phase != "backward"', FORWARD),
        ("shape == ()", FORWARD + BACKWARD),
        ("grad.shape == ()", BACKWARD),
        ("shape == (3, 4)", []),
        ("shape != (*,)", FORWARD + BACKWARD),
        ("isnan", []),
        ("isfinite", FORWARD + BACKWARD),
        ("isfinite(grad)", BACKWARD),
        ("grad.isnan().any()", []),
        ("step < 0", FORWARD[:3]),
        ("step == 3", ["add'"]),
        ("ndim = 0 numel = 1 kind:leaf", ["b'", "w'"]),
        ('"sigmoid"', ["sigmoid", "sigmoid'"]),
        ("kind:leaf", ["b'", "w'"]),
        ("(kind:leaf or op == 'mul') and not name:w", ["mul", "b'", "mul'"]),
        ("grad > 1e30", []),
        ("line > 0 && line < 3 || 1 > 2", []),
        ("-1 < -value.abs().max() * 0 and phase == 'forward'", FORWARD),
    ],
)
def test_expressions(text: str, expected: list[str]) -> None:
    assert held(text) == expected


def test_numbers_are_those_of_numpy() -> None:
    trace = small_trace()
    columns = EventColumns(trace)
    for number in range(len(columns)):
        event = columns.timeline.event(number)
        assert event is not None
        value = trace.value(event.node)
        assert value is not None
        grad = trace.grad(event.node) if event.phase == 1 else None
        for statistic, function in (
            ("norm", np.linalg.norm),
            ("min", np.min),
            ("mean", np.mean),
            ("absmax", lambda a: np.abs(a).max()),
        ):
            assert columns.number("value", statistic)[number] == pytest.approx(float(function(value)))
            found = columns.number("grad", statistic)[number]
            assert math.isnan(found) if grad is None else found == pytest.approx(float(function(grad)))


def broken() -> Trace:
    """A chain of three operations; the gradient becomes NaN at the second step, the value of the last is infinite."""
    infos = [
        TensorInfo(shape=(2,), dtype="float32", array=np.array(a, np.float32)) for a in ([1, 2], [0, 0], [1, np.inf])
    ]
    nodes = [
        Node(id=i, kind="op", op=f"aten.{name}.default", outputs=[infos[i]])
        for i, name in enumerate(["sin", "mul", "log"])
    ]
    grads = [[1.0, 1.0], [np.nan, 1.0], [3.0, 4.0]]
    steps = [
        BackwardStep(
            index=place,
            node=nodes[2 - place],
            grad_outputs=[TensorInfo(shape=(2,), dtype="float32", array=np.array(grad, np.float32))],
        )
        for place, grad in enumerate(grads)
    ]
    return Trace(Graph(nodes, []), steps, roots=[(2, 0)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isnan", ["mul'"]),
        ("nan", ["mul'"]),
        ("isinf", ["log"]),
        ("value.isinf()", ["log", "log'"]),
        ("iszero", ["mul"]),
        ("not isfinite and phase == 'backward'", ["mul'"]),
        ("grad.norm() > 1e30", ["mul'"]),
        ("grad.norm() == 5", ["sin'"]),
        ("grad.max() >= 4", ["sin'"]),
        ("grad.norm() / value.norm() > 1", ["mul'", "sin'"]),
        ("ratio > 1", ["sin'"]),
        ("grad.mean() != 1", ["sin'"]),
        ("grad:nan", ["mul'"]),
        ("shape == (2,) and value.zeros > 1", ["mul", "mul'"]),
    ],
)
def test_broken_numbers(text: str, expected: list[str]) -> None:
    assert held(text, broken()) == expected


def test_updates() -> None:
    trace = small_trace()
    leaves = tuple(node.id for node in trace.leaves())
    trace.observations.append(Observation(kind="update", nodes=leaves, text="SGD", amounts=(0.5, 0.01)))
    assert held("update.norm() > 0.1", trace) == [f"{trace.leaves()[0].name}+"]
    assert held('phase == "update"', trace) == [f"{leaf.name}+" for leaf in trace.leaves()]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "is expected, not the end"),
        ("grad.norm( > 10", 11, ") is expected, not '>'"),
        ("grad.norm()", 11, "> 10 is expected, not the end"),
        ("grad.norm() >", 13, "not the end"),
        ("grad.nrom() > 1", 5, "did you mean norm?"),
        ("grad.abs().min() > 1", 11, "max is expected after abs()"),
        ("isnann", 0, "did you mean isnan?"),
        ("op == addmm", 6, 'in quotes is expected: "addmm"'),
        ("op < 'addmm'", 3, "== or !="),
        ('op == "addmm', 6, "quotation mark is not closed"),
        ("shape == 3", 9, "a shape such as (3, 4)"),
        ("shape == (3, x)", 13, "a size is a number"),
        ("shape == (..., ...)", 9, "only once"),
        ("shape > (3, 4)", 6, "not with >"),
        ("grad == 'x'", 8, "a number is compared with a number"),
        ("(grad > 1", 9, ") is expected"),
        ("grad > 1 )", 9, "the end is expected"),
        ("grad > 1 or", 11, "not the end"),
        ("nan > 1", 6, "a condition is compared"),
        ("kind:foo", 5, "a kind is one of"),
        ("foo:bar", 0, "'foo' is not a quantity"),
        ("phase == 'fwd'", 9, "forward, backward, update"),
        ("grad > 1 ; nan", 9, "means nothing here"),
        ("__import__('os')", 0, "is not a quantity"),
        ("'x' in grad", 7, "is expected after in"),
        ("(" * 60 + "nan" + ")" * 60, 41, "nested"),
        ("- " * 60 + "1 > 0", 82, "nested"),
        ("not " * 60 + "nan", 164, "nested"),
        ("nan " * 500, MOST_CHARACTERS, "characters"),
    ],
)
def test_faults_say_where(text: str, position: int, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert caught.value.position == position
    assert str(caught.value).startswith(f"At character {position + 1}:")


@given(st.text(alphabet="grad.nom()><=!&|\"' 10e[]*,-+/:isnaopvlushtxyz\n\t−…", max_size=60))
def test_any_text_is_a_condition_or_a_fault_inside_it(text: str) -> None:
    columns = EventColumns(small_trace())
    fault: QueryError | None = None
    holds = np.zeros(len(columns), dtype=bool)
    try:
        holds = parse(text).holds(columns)
    except QueryError as error:
        fault = error
    assert fault is None or 0 <= fault.position <= len(text)
    assert holds.dtype == bool
    assert holds.shape == (len(columns),)


def test_a_trace_without_events() -> None:
    assert parse("grad.norm() > 1 or isnan or kind:leaf").holds(EventColumns(Trace(Graph([], [])))).tolist() == []
