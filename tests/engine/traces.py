"""Traces for tests: a small one with right numbers, made by hand, and random ones for property tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.graph.model import Edge, Graph, Node, SavedTensor, Scope, Source, TensorInfo
from engine.graph.summary import Summary, summarize
from engine.graph.trace import BackwardStep, Timing, Trace

SMALL_FILE = "neuron.py"
SMALL_SOURCE = """import torch

x, y = torch.tensor(1.5), torch.tensor(1.0)
w = torch.tensor(-0.5, requires_grad=True)
b = torch.tensor(0.25, requires_grad=True)

z = x * w + b
a = torch.sigmoid(z)
L = torch.nn.functional.binary_cross_entropy(a, y)
L.backward()
"""
X, W, MUL, B, ADD, SIGMOID, Y, BCE = range(8)
"""Ids of the small trace's nodes."""


def scalar(value: float, *, requires_grad: bool = False) -> TensorInfo:
    """A 0-d float32 tensor with its value."""
    array = np.array(value, dtype=np.float32)
    return TensorInfo(shape=(), dtype="float32", requires_grad=requires_grad, array=array)


def small_trace() -> Trace:
    """The neuron L = bce(sigmoid(x * w + b), y): eight nodes, seven edges, six backward steps."""
    x, y, w, b = 1.5, 1.0, -0.5, 0.25
    z = x * w + b
    a = 1 / (1 + math.exp(-z))
    d_a = scalar(-y / a)
    d_z = scalar(a - y)
    d_w = scalar((a - y) * x)
    nodes = [
        _outer(X, "input", "x", 3, x),
        _outer(W, "leaf", "w", 4, w),
        _op(MUL, "mul.Tensor", "MulBackward0", 0, None, 7, x * w, [_saved("self", X)]),
        _outer(B, "leaf", "b", 5, b),
        _op(ADD, "add.Tensor", "AddBackward0", 1, "z", 7, z, []),
        _op(SIGMOID, "sigmoid.default", "SigmoidBackward0", 2, "a", 8, a, [_saved("result", SIGMOID)]),
        _outer(Y, "input", "y", 3, y),
        _op(
            BCE, "binary_cross_entropy.default", "BinaryCrossEntropyBackward0", 3, "L", 9, -math.log(a),
            [_saved("self", SIGMOID), _saved("target", Y)],
        ),
    ]  # fmt: skip
    nodes[ADD].params = {"alpha": 1}
    edges = [
        _edge(X, MUL, 0, "self", None),
        _edge(W, MUL, 1, "other", 1),
        _edge(MUL, ADD, 0, "self", 0),
        _edge(B, ADD, 1, "other", 1),
        _edge(ADD, SIGMOID, 0, "self", 0),
        _edge(SIGMOID, BCE, 0, "self", 0),
        _edge(Y, BCE, 1, "target", None),
    ]
    one, zero = scalar(1.0), scalar(0.0)
    steps: list[BackwardStep] = []
    rows: list[tuple[int, list[TensorInfo | None], list[TensorInfo | None], TensorInfo | None, TensorInfo | None]] = [
        (BCE, [one], [d_a, None], None, None),
        (SIGMOID, [d_a], [d_z], None, None),
        (ADD, [d_z], [d_z, d_z], None, None),
        (B, [d_z], [], zero, d_z),
        (MUL, [d_z], [None, d_w], None, None),
        (W, [d_w], [], None, d_w),
    ]
    for node, grad_outputs, grad_inputs, before, after in rows:
        steps.append(
            BackwardStep(
                index=len(steps),
                node=nodes[node],
                grad_outputs=grad_outputs,
                grad_inputs=grad_inputs,
                grad_before=before,
                grad_after=after,
                seconds=1e-5,
            )
        )
    return Trace(
        Graph(nodes, edges),
        steps,
        roots=[(BCE, 0)],
        target="demo:neuron",
        values="all",
        sources={SMALL_FILE: SMALL_SOURCE},
        timing=Timing(forward=2e-4, backward=1e-4, total=4e-4),
        environment={"torch": "2.13.0"},
    )


def _outer(place: int, kind: Any, name: str, line: int, value: float) -> Node:
    is_leaf = kind == "leaf"
    return Node(
        id=place,
        kind=kind,
        grad_fn="AccumulateGrad" if is_leaf else None,
        sequence_nr=2**64 - 1 if is_leaf else None,
        name=name,
        source=Source(SMALL_FILE, line, "<module>"),
        outputs=[scalar(value, requires_grad=is_leaf)],
    )


def _op(
    place: int, op: str, grad_fn: str, number: int, name: str | None, line: int, value: float, saved: list[SavedTensor]
) -> Node:
    return Node(
        id=place,
        kind="op",
        op=f"aten.{op}",
        grad_fn=grad_fn,
        sequence_nr=number,
        name=name,
        source=Source(SMALL_FILE, line, "<module>"),
        outputs=[scalar(value, requires_grad=True)],
        saved=saved,
    )


def _saved(name: str, source: int) -> SavedTensor:
    return SavedTensor(name=name, shape=(), dtype="float32", nbytes=4, source=(source, 0))


def _edge(source: int, target: int, input_nr: int, arg: str, grad_index: int | None) -> Edge:
    return Edge(
        source=source,
        output_nr=0,
        target=target,
        input_nr=input_nr,
        arg=arg,
        grad_index=grad_index,
        cut=None if grad_index is not None else "it does not require a gradient",
    )


# Random traces. Texts may be anything that a Python string may be, lone surrogates included.
_texts = st.text(st.characters(), max_size=12)
_names = st.none() | _texts
_floats = st.floats(width=64)
_dtypes = st.sampled_from(
    ["bool", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8", "<c8", "<c16"]
)
_arrays = _dtypes.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
_leaf_values = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _floats | st.complex_numbers(allow_nan=False) | _texts
)
_values = st.recursive(
    _leaf_values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_texts, inner, max_size=2)
    ),
    max_leaves=5,
)
_summaries = _arrays.map(summarize) | st.builds(
    Summary,
    count=st.integers(0, 2**62),
    min=_floats,
    max=_floats,
    mean=_floats,
    std=_floats,
    norm=_floats,
    zeros=st.integers(0, 300),
    nan=st.integers(0, 2**40),
    inf=st.integers(0, 3),
    low=_floats,
    high=_floats,
    histogram=st.lists(st.integers(0, 2**33), max_size=5).map(tuple),
    binned=st.integers(0, 2**62),
)
_shapes = st.lists(st.integers(0, 1000), max_size=4).map(tuple)
_tensors = st.builds(
    TensorInfo,
    shape=_shapes,
    dtype=_texts,
    device=_texts,
    layout=_texts,
    requires_grad=st.booleans(),
    version=st.integers(0, 2**40),
    array=st.none() | _arrays,
    note=_names,
    name=_names,
    recorded_summary=st.none() | _summaries,
)
_paths = st.lists(_texts, max_size=3).map(tuple)


def _span(storage: int, begin: int, length: int) -> tuple[int, int, int]:
    return storage, begin, begin + length


@st.composite
def random_traces(draw: st.DrawFn) -> Trace:
    """Any trace that does not contradict itself; it need not make sense."""
    count = draw(st.integers(0, 5))
    pool = draw(st.lists(_tensors, min_size=1, max_size=4))
    some = st.sampled_from(pool) if draw(st.booleans()) else _tensors  # shared objects, or each its own
    at = st.integers(0, max(count - 1, 0))
    saved = st.builds(
        SavedTensor,
        name=_texts,
        shape=_shapes,
        dtype=_texts,
        version=st.integers(0, 9),
        nbytes=st.integers(0, 2**50),
        source=st.none() | st.tuples(at, st.integers(0, 3)) if count else st.none(),
        span=st.none() | st.builds(_span, st.integers(0, 9), st.integers(0, 2**40), st.integers(0, 2**40)),
    )
    sources = st.builds(Source, _texts, st.integers(0, 10**6), _texts)
    stacks = st.lists(sources, min_size=1, max_size=8).map(tuple)
    nodes = [
        Node(
            id=place,
            kind=draw(st.sampled_from(["op", "leaf", "input", "buffer", "constant"])),
            op=draw(_names),
            grad_fn=draw(_names),
            sequence_nr=draw(st.none() | st.integers(0, 2**64 - 1)),
            scope=draw(_paths),
            source=draw(st.none() | sources),
            name=draw(_names),
            outputs=draw(st.lists(some, max_size=2)),
            params=draw(st.dictionaries(_texts, _values, max_size=2)),
            saved=draw(st.lists(saved, max_size=2)),
            seconds=draw(_floats),
            call=draw(_names),
            flops=draw(st.none() | st.integers(0, 2**50)),
            stack=draw(st.just(()) | stacks),
        )
        for place in range(count)
    ]
    edges = []
    for _ in range(draw(st.integers(0, 6)) if count > 1 else 0):
        target = draw(st.integers(1, count - 1))
        edges.append(
            Edge(
                source=draw(st.integers(0, target - 1)),
                output_nr=draw(st.integers(0, 3)),
                target=target,
                input_nr=draw(st.integers(0, 300)),
                arg=draw(_names),
                grad_index=draw(st.none() | st.integers(0, 70000)),
                cut=draw(_names),
            )
        )
    scopes = {path: Scope(path=path, module=draw(_texts), parameters=draw(st.integers(0, 2**50))) for path in
              draw(st.lists(_paths, max_size=3, unique=True))}  # fmt: skip
    steps = [
        BackwardStep(
            index=index,
            node=nodes[draw(at)],
            grad_outputs=draw(st.lists(st.none() | some, max_size=2)),
            grad_inputs=draw(st.lists(st.none() | some, max_size=2)),
            grad_before=draw(st.none() | some),
            grad_after=draw(st.none() | some),
            seconds=draw(_floats),
        )
        for index in range(draw(st.integers(0, 4)) if count else 0)
    ]
    texts = st.dictionaries(_texts, _texts, max_size=2)
    return Trace(
        Graph(nodes, edges, scopes),
        steps,
        roots=draw(st.lists(st.tuples(at, st.integers(0, 2)), max_size=2)) if count else [],
        target=draw(_texts),
        values=draw(st.sampled_from(["none", "summary", "all"])),
        sources=draw(texts),
        notes=draw(st.lists(_texts, max_size=2)),
        error=draw(_names),
        error_source=draw(st.none() | st.tuples(_texts, st.integers(0, 10**6))),
        timing=draw(st.builds(Timing, forward=_floats, backward=_floats, total=_floats)),
        environment=draw(texts),
        step=draw(st.none() | st.integers(0, 2**40)),
    )


def assert_same(one: Trace, two: Trace) -> None:
    """Every field of both is equal, bit for bit, and the same objects are shared in both."""
    fields = sorted(set(vars(one)) - {"graph", "_step_of_node", "random_state"})
    assert [repr(getattr(one, field)) for field in fields if field != "backward"] == [
        repr(getattr(two, field)) for field in fields if field != "backward"
    ]
    first, second = _Flat(one), _Flat(two)
    assert first.rows == second.rows


class _Flat:
    """A trace as rows of plain, comparable values; every tensor, array and summary is numbered by first use."""

    def __init__(self, trace: Trace) -> None:
        self._numbers: dict[int, int] = {}
        graph = trace.graph
        self.rows: list[Any] = [repr(edge) for edge in graph.edges]
        self.rows += [(path, repr(scope)) for path, scope in graph.scopes.items()]
        for node in graph.nodes:
            plain = [getattr(node, field) for field in node.__struct_fields__ if field != "outputs"]
            self.rows.append((repr(plain), [self._tensor(info) for info in node.outputs]))
        for step in trace.backward:
            tensors = [*step.grad_outputs, "|", *step.grad_inputs, "|", step.grad_before, step.grad_after]
            row = (step.index, step.node.id, repr(step.seconds), [self._tensor(info) for info in tensors])
            self.rows.append(row)
            assert step.node is graph.nodes[step.node.id]

    def _number(self, thing: object) -> int:
        return self._numbers.setdefault(id(thing), len(self._numbers))

    def _tensor(self, info: TensorInfo | str | None) -> Any:
        if not isinstance(info, TensorInfo):
            return info
        plain = [getattr(info, field) for field in info.__struct_fields__ if field not in ("array", "recorded_summary")]
        row: list[Any] = [self._number(info), repr(plain)]
        if info.array is not None:
            array = info.array
            row += [self._number(array), array.dtype.str, array.shape, array.tobytes()]
        if info.recorded_summary is not None:
            row += [self._number(info.recorded_summary), repr(info.recorded_summary)]
        return row
