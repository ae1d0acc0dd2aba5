"""Traces of the same structure are told from others by what ran, not by values, times or names."""

from __future__ import annotations

import numpy as np

from engine.graph.model import Edge
from engine.graph.structure import difference, fingerprint
from tests.engine.traces import MUL, SIGMOID, B, W, X, small_trace


def test_values_times_and_names_do_not_count() -> None:
    one, other = small_trace(), small_trace()
    other.graph.nodes[W].outputs[0].array = np.array(7, np.float32)
    other.graph.nodes[MUL].seconds = 3.0
    other.graph.nodes[MUL].name = "product"
    assert fingerprint(one) == fingerprint(other)
    assert difference(one, other) is None


def test_another_operation_is_named_with_its_place() -> None:
    one, other = small_trace(), small_trace()
    other.graph.nodes[SIGMOID].op = "aten.tanh.default"
    assert fingerprint(one) != fingerprint(other)
    found = difference(one, other)
    assert found is not None
    assert found.startswith(f"node {SIGMOID} was sigmoid () float32 at ")
    assert "and is tanh () float32 at " in found


def test_another_shape_another_edge_and_another_order() -> None:
    one, other = small_trace(), small_trace()
    other.graph.nodes[X].outputs[0].shape = (2,)
    found = str(difference(one, other))
    assert found.startswith(f"node {X} was input () float32")
    assert "and is input (2,) float32" in found
    other = small_trace()
    edge = other.graph.edges[0]
    other.graph.edges[0] = Edge(source=B, output_nr=0, target=edge.target, input_nr=edge.input_nr)
    assert difference(one, other) == "data or gradients flow along other edges, or in another order"
    other = small_trace()
    other.backward[0], other.backward[1] = other.backward[1], other.backward[0]
    assert difference(one, other) == "data or gradients flow along other edges, or in another order"


def test_more_and_fewer_operations() -> None:
    one, other = small_trace(), small_trace()
    last = other.graph.nodes.pop()
    assert difference(one, other) == f"it ran fewer operations: {last.id} nodes instead of {last.id + 1}"
    assert difference(other, one) == f"it ran more operations: {last.id + 1} nodes instead of {last.id}"
