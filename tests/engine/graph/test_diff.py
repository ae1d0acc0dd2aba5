"""Comparisons of traces made by hand and of traces of real programs: graph, values, gradients."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from engine.graph.diff import compare
from engine.graph.model import Edge
from tests.engine.traces import ADD, BCE, MUL, SIGMOID, B, W, X, scalar, small_trace


def test_a_trace_equals_itself_and_its_copy() -> None:
    found = compare(small_trace(), small_trace())
    assert found.is_identical
    assert found.has_same_structure
    assert found.to_after == found.to_before == list(range(8))


def test_values_and_gradients_that_changed() -> None:
    other = small_trace()
    other.graph.nodes[W].outputs[0] = scalar(0.5, requires_grad=True)
    step = other.step_of(W)
    assert step is not None
    step.grad_outputs = [scalar(-0.25)]
    found = compare(small_trace(), other)
    assert found.has_same_structure
    (change,) = found.changes
    assert (change.before, change.after) == (W, W)
    assert change.value is not None
    assert change.value.max_abs == 1
    assert change.gradient is not None
    expected = small_trace().grad(W)
    assert expected is not None
    assert change.gradient.max_abs == pytest.approx(abs(-0.25 - float(expected)))
    assert found.change_of(W) is change
    assert found.change_of(B) is None


def test_a_gradient_that_became_none() -> None:
    other = small_trace()
    other.backward = [step for step in other.backward if step.node.id != B]
    edge = other.graph.edges[3]
    other.graph.edges[3] = Edge(
        source=edge.source, output_nr=0, target=edge.target, input_nr=1, arg="other", cut="cut by detach"
    )
    found = compare(small_trace(), other)
    leaf = found.change_of(B)
    assert leaf is not None
    assert leaf.gradient is not None
    assert leaf.gradient.kind == "vanished"
    where = found.change_of(ADD)
    assert where is not None
    assert (where.graph, where.was_cut) == (("cut",), ("cut by detach",))
    assert found.ranked()[0] is where
    back = compare(other, small_trace()).change_of(B)
    assert back is not None
    assert back.gradient is not None
    assert back.gradient.kind == "appeared"


def test_forms_operations_settings_and_inputs() -> None:
    other = small_trace()
    nodes = other.graph.nodes
    nodes[X].outputs[0].shape = (1,)
    nodes[MUL].outputs[0].dtype = "float64"
    nodes[ADD].params = {"alpha": 2}
    nodes[SIGMOID].op = "aten.tanh.default"
    edge = other.graph.edges[-1]
    other.graph.edges[-1] = Edge(source=X, output_nr=0, target=edge.target, input_nr=edge.input_nr)
    found = compare(small_trace(), other)
    changes = {change.after: change.graph for change in found.changes}
    assert changes == {X: ("shape",), MUL: ("dtype",), ADD: ("settings",), SIGMOID: ("operation",), BCE: ("inputs",)}


def test_added_and_removed_nodes_stand_where_they_run() -> None:
    torch = pytest.importorskip("torch")
    from engine import trace

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    deeper = copy.deepcopy(model)
    deeper.insert(2, torch.nn.Tanh())
    x = torch.randn(5, 3)
    one, other = trace(model, x), trace(deeper, x)
    found = compare(one, other)
    (added,) = found.added()
    assert other.graph.nodes[added].label == "tanh"
    assert found.removed() == []
    kinds = [change.graph for change in found.changes if change.graph]
    assert kinds == [("added",), ("inputs",)]
    back = compare(other, one)
    assert [back.before.graph.nodes[index].label for index in back.removed()] == ["tanh"]
    order = [change.after if change.after is not None else -1 for change in back.changes]
    assert order.index(-1) > 0
    weight = next(node.id for node in one.graph.nodes if node.name == "0.weight" or node.scope == ("0",))
    assert found.to_after[weight] == weight


def test_gradients_of_two_training_steps_against_torch() -> None:
    torch = pytest.importorskip("torch")
    from engine import trace

    torch.manual_seed(1)
    model = torch.nn.Linear(4, 2)
    x, y = torch.randn(8, 4), torch.randn(8, 2)

    def loss() -> Any:
        return ((model(x) - y) ** 2).mean()

    def step() -> Any:
        result = trace(loss)
        grads = torch.autograd.grad(loss(), list(model.parameters()))
        with torch.no_grad():
            for parameter, grad in zip(model.parameters(), grads, strict=True):
                parameter.sub_(0.1 * grad)
        return result, [grad.numpy().copy() for grad in grads]

    (first, before), (second, after) = step(), step()
    found = compare(first, second)
    assert found.has_same_structure
    for leaf in second.leaves():
        change = found.change_of(leaf)
        assert change is not None
        assert change.gradient is not None
        number = next(k for k, grad in enumerate(before) if grad.shape == tuple(leaf.outputs[0].shape))
        expected = np.abs(after[number].astype(np.float64) - before[number]).max()
        assert change.gradient.max_abs == pytest.approx(float(expected), rel=1e-12)
        ratio = np.linalg.norm(after[number]) / np.linalg.norm(before[number])
        assert change.gradient.norm_ratio == pytest.approx(float(ratio), rel=1e-6)


def test_nan_comes_before_everything_but_the_graph() -> None:
    other = small_trace()
    other.graph.nodes[SIGMOID].outputs[0] = scalar(math.nan)
    other.graph.nodes[W].outputs[0] = scalar(100.0)
    found = compare(small_trace(), other)
    assert [change.after for change in found.ranked()] == [SIGMOID, W]
