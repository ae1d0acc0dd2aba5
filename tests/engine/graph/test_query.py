"""engine.graph.query: what each term finds, and where a fault is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.model import Graph, Node, TensorInfo
from engine.graph.query import QueryError, gradient_norm, parse, ratio_norm, value_norm
from engine.graph.trace import Trace
from tests.engine.traces import ADD, BCE, MUL, SIGMOID, B, W, X, Y, small_trace


def found(text: str, trace: Trace | None = None) -> list[int]:
    return parse(text).find(trace or small_trace())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sigmoid", [SIGMOID]),
        ("SIGMOID", [SIGMOID]),
        ("SigmoidBackward0", [SIGMOID]),
        ("aten.mul", [MUL]),
        ("kind:leaf", [W, B]),
        ("kind:input", [X, Y]),
        ("line:7", [MUL, ADD]),
        ("line:4-5", [W, B]),
        ("name:z", [ADD]),
        ("op:add", [ADD]),
        ("kind:op -line:7", [SIGMOID, BCE]),
        ("kind:op line:9", [BCE]),
        ("dtype:float32 kind:leaf", [W, B]),
        ("device:cuda", []),
        ("grad>=1 kind:op", [BCE, SIGMOID]),
        ('"binary_cross_entropy" grad=1', [BCE]),
        ("grad:nan", []),
        ("", []),
        ("  ", []),
    ],
)
def test_terms(text: str, expected: list[int]) -> None:
    assert sorted(found(text)) == sorted(expected)


def test_norms_agree_with_numpy() -> None:
    trace = small_trace()
    for node in trace.graph.nodes:
        value, grad = trace.value(node), trace.grad(node)
        assert value is not None
        assert value_norm(node) == pytest.approx(float(np.linalg.norm(value)))
        assert gradient_norm(trace, node) == (None if grad is None else pytest.approx(float(np.linalg.norm(grad))))
        if grad is not None:
            wanted = float(np.linalg.norm(grad) / np.linalg.norm(value))
            assert ratio_norm(trace, node) == pytest.approx(wanted)
            assert node.id in found(f"ratio<{wanted * 1.01}")
            assert node.id not in found(f"ratio>{wanted * 1.01}")
            assert node.id in found(f"grad={float(np.linalg.norm(grad)):.6e}")


def shaped(*shapes: tuple[int, ...]) -> Trace:
    nodes = [
        Node(id=i, kind="op", op="aten.mm.default", outputs=[TensorInfo(shape=shape, dtype="float32")])
        for i, shape in enumerate(shapes)
    ]
    return Trace(Graph(nodes, []))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[*,768]", [0]),
        ("[ 64 , * ]", [0, 1]),
        ("[…, 768]", [0, 2, 4]),
        ("[..., 3, 768]", [2]),
        ("[]", [3]),
        ("[*]", [4]),
        ("[...]", [0, 1, 2, 3, 4]),
        ("-[...,768]", [1, 3]),
    ],
)
def test_shapes(pattern: str, expected: list[int]) -> None:
    assert found(pattern, shaped((64, 768), (64, 10), (2, 3, 768), (), (768,))) == expected


def valued(*arrays: list[float]) -> Trace:
    infos = [TensorInfo(shape=(len(a),), dtype="float32", array=np.array(a, dtype=np.float32)) for a in arrays]
    return Trace(Graph([Node(id=i, kind="op", op="aten.log.default", outputs=[x]) for i, x in enumerate(infos)], []))


def test_broken_numbers() -> None:
    trace = valued([1.0, float("nan")], [float("inf"), 0.0], [0.0, 0.0], [3.0, 4.0])
    assert found("nan", trace) == [0]
    assert found("inf", trace) == [1]
    assert found("zero", trace) == [2]
    assert found("value:zero", trace) == [2]
    assert found("grad:zero", trace) == []
    assert found('"nan"', trace) == [], "quoted, it is a word to look for"
    assert found("value>1e30", trace) == [0, 1], "what is not finite is larger than any number"
    assert found("value=5", trace) == [3]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("relu grad>", 10),
        ("relu grad>abc", 10),
        ("loss>3", 0),
        ("a kind:layer", 7),
        ("line:x", 5),
        ("kind:", 5),
        ("colour:red", 0),
        ("mm [*,76", 3),
        ("mm [*,a]", 6),
        ("[...,2,...]", 0),
        ('mm "relu', 3),
        ('name:"a b', 5),
        ("x -grad>y", 8),
    ],
)
def test_faults_say_where(text: str, position: int) -> None:
    with pytest.raises(QueryError, match=f"At character {position + 1}: ") as caught:
        parse(text)
    assert caught.value.position == position


def test_long_queries_are_refused() -> None:
    with pytest.raises(QueryError):
        parse("a " * 100)


def test_words_are_told_from_conditions() -> None:
    assert not parse('layer "two words" aten::mm').is_structured
    assert parse("nan").is_structured
    assert parse("mm [*]").is_structured


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_a_fault_within_it(text: str) -> None:
    fault: QueryError | None = None
    try:
        parse(text).find(small_trace())
    except QueryError as error:
        fault = error
    assert fault is None or 0 <= fault.position <= len(text)
