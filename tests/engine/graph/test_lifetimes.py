"""engine.graph.lifetimes: what is saved is held until its node's step and counted once; sums grow as gradients come."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from engine import trace
from engine.graph.lifetimes import Lifetimes, arriving, start_of, sum_so_far
from engine.graph.model import SavedTensor, TensorInfo, saved_bytes
from engine.graph.observation import Observation
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace

from .builder import GraphBuilder


def chain() -> Trace:
    """Two operations on a leaf: the first keeps the leaf and its own result, the second the first one's result."""
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    first = build.op("sin", x)
    second = build.op("exp", first)
    build.nodes[first].saved = [
        SavedTensor(name="self", shape=(4,), dtype="float32", nbytes=16, source=(x, 0), span=(0, 0, 16)),
        SavedTensor(name="result", shape=(4,), dtype="float32", nbytes=16, source=(first, 0), span=(1, 0, 16)),
    ]
    build.nodes[second].saved = [
        SavedTensor(name="other", shape=(8,), dtype="float32", nbytes=32, source=(first, 0), span=(1, 8, 40)),
    ]
    return build.trace(second)


def test_memory_is_held_from_the_operation_to_the_step_and_counted_once() -> None:
    recorded = chain()
    found = Lifetimes(recorded, Stepper(recorded))
    # Positions -2 … 3. Of storage 1, bytes 0 … 16 are held by sin, 8 … 40 by exp; the leaf lives anyway.
    assert found.bytes_alive.tolist() == [0, 16, 40, 16, 0, 0]
    assert [(s.tensor.name, s.begin, s.end) for s in found.saved] == [
        ("self", -1, 2),
        ("result", -1, 2),
        ("other", 0, 1),
    ]
    assert [s.tensor.name for s in found.alive(0)] == ["other", "self", "result"]
    assert [s.tensor.name for s in found.alive(1)] == ["self", "result"]
    assert found.alive(2) == found.alive(-2) == []


def test_a_retained_graph_frees_nothing() -> None:
    recorded = chain()
    recorded.observations.append(Observation(kind="graph-retained"))
    found = Lifetimes(recorded, Stepper(recorded))
    assert found.is_retained
    assert found.bytes_alive.tolist() == [0, 16, 40, 40, 40, 40]


def test_the_peak_of_a_network_is_what_its_nodes_save_together() -> None:
    torch.manual_seed(0)
    recorded = trace(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4), nn.Tanh()), torch.randn(3, 8))
    found = Lifetimes(recorded, Stepper(recorded))
    held = [s.tensor for s in found.saved if not s.lives_anyway]
    assert held
    assert found.bytes_alive.max() == saved_bytes(held) == 4 * (3 * 16 + 3 * 4)
    assert found.bytes_alive[0] == found.bytes_alive[-1] == 0
    weights = [s for s in found.saved if s.tensor.shape in ((8, 16), (16, 4), (16, 8), (4, 16))]
    assert weights
    assert all(s.lives_anyway for s in weights), "a view of a parameter is not kept alive by being saved"


def test_contributions_add_up_to_the_gradient() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, requires_grad=True)
    recorded = trace(lambda x: (x.sin() * x + x.exp()).sum(), x, values="all")
    leaf = next(node for node in recorded.graph.nodes if node.kind == "leaf")
    coming = arriving(recorded, leaf)
    assert len(coming) == 3
    positions = [contribution.position for contribution in coming]
    assert positions == sorted(positions)
    assert sum_so_far(coming, positions[0] - 1) is None
    partial = sum_so_far(coming, positions[1])
    assert partial is not None
    total = sum_so_far(coming, positions[-1])
    assert total is not None
    first, second = (contribution.info.array for contribution in coming[:2])
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(partial, first + second)
    assert x.grad is not None
    np.testing.assert_allclose(total, x.grad.numpy(), rtol=1e-6)
    coming[0].info.array = None
    assert sum_so_far(coming, positions[-1]) is None


def test_the_queue_of_the_engine() -> None:
    build = GraphBuilder()
    x = build.tensor("leaf", "x")
    left, right = build.op("sin", x), build.op("cos", x)
    recorded = build.trace(build.op("mul", left, right))
    stepper = Stepper(recorded)
    assert stepper.ready().tolist() == [3]
    assert stepper.waiting().tolist() == [right, left, x]
    stepper.move_to(2)
    assert stepper.ready().tolist() == [left]
    assert (stepper.missing(x), stepper.arrived(x)) == (1, 1)
    stepper.move_to(4)
    assert stepper.ready().tolist() == []
    assert stepper.waiting().tolist() == []


@pytest.mark.parametrize("position", [-3, -1])
def test_before_the_backward_pass_nothing_is_ready(position: int) -> None:
    recorded = chain()
    stepper = Stepper(recorded)
    stepper.move_to(max(position, stepper.first))
    assert stepper.ready().tolist() == []


def test_a_root_that_others_read_begins_with_what_they_do_not_account_for() -> None:
    build = GraphBuilder()
    w = build.tensor("leaf", "w")
    a = build.op("sin", w, name="a")
    trace = build.trace(build.op("sum", a), build.op("exp", a), a)
    step = trace.step_of(a)
    assert step is not None
    step.grad_outputs[0] = TensorInfo(shape=(), dtype="float32", array=np.array(4.5, dtype=np.float32))
    start = start_of(trace, a)
    assert start is not None
    assert np.asarray(start).tolist() == 2.5, "4.5 without the two contributions of 1"
    assert start_of(trace, w) is None, "no root"
    step.grad_outputs[0] = TensorInfo(shape=(), dtype="float32")
    assert start_of(trace, a) is None, "not kept"
