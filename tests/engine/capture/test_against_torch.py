"""Every program of the corpus: operations, order, and all gradients equal those of an independent run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from engine import Trace, trace
from engine.capture.recorder import Recorder
from engine.capture.tensors import Budget, Keeper
from engine.capture.tracing import record
from engine.graph.model import TensorInfo
from engine.graph.summary import summarize

from .corpus import HOOKED, PROGRAMS, Program
from .oracle import Oracle, leaves_below, run_with_hooks

NOISE = "aten.detach.default"
"""Autograd detaches what it saves; only a detach whose result is used is recorded."""

UNWRITTEN = {
    "empty": 0,
    "empty_like": 0,
    "new_empty": 0,
    "empty_strided": 0,
    "resize_": 0,
    "_ctc_loss": 1,
    "mkldnn_rnn_layer": 3,
}
"""How many outputs hold values: the others are memory in which torch has left whatever was there."""


class Pair(NamedTuple):
    """One program, run with torch's own hooks and traced."""

    name: str
    oracle: Oracle
    recorded: Trace


def _build(build: Callable[[], Program]) -> Program:
    torch.manual_seed(0)
    program = build()
    torch.manual_seed(1)
    return program


@pytest.fixture(params=sorted(PROGRAMS), scope="module")
def pair(request: pytest.FixtureRequest) -> Pair:
    oracle = run_with_hooks(_build(PROGRAMS[request.param]))
    return Pair(request.param, oracle, trace(_build(PROGRAMS[request.param]), values="all"))


def test_backward_steps_and_gradients(pair: Pair) -> None:
    recorded = pair.recorded
    assert [step.node.grad_fn for step in recorded.backward] == [step.name for step in pair.oracle.steps]
    for expected, step in zip(pair.oracle.steps, recorded.backward, strict=True):
        _assert_same(expected.grad_inputs, step.grad_inputs)
        # `grad_outputs` is numbered like the operation's outputs, autograd's like its differentiable ones.
        given = [tensor for tensor in expected.grad_outputs if tensor is not None]
        _assert_same(given, [info for info in step.grad_outputs if info is not None])


def test_every_gradient_belongs_to_an_output_of_its_form(pair: Pair) -> None:
    for step in pair.recorded.backward:
        assert len(step.grad_outputs) <= len(step.node.outputs)
        for info, output in zip(step.grad_outputs, step.node.outputs, strict=False):
            if info is not None and output.dtype != "unknown":
                assert info.shape == output.shape


def test_leaves_equal_grad(pair: Pair) -> None:
    found = [step for step in pair.recorded.backward if step.node.grad_fn == "AccumulateGrad"]
    assert len(found) == len(pair.oracle.leaf_gradients)
    for step, expected in zip(found, pair.oracle.leaf_gradients, strict=True):
        assert step.node.kind == "leaf"
        _assert_same([expected], [step.grad_after])


def test_every_autograd_node_is_there(pair: Pair) -> None:
    reached = Counter(pair.oracle.nodes)
    found = Counter(node.grad_fn for node in pair.recorded.graph.nodes if node.grad_fn is not None)
    assert not reached - found


def test_operations_equal_the_dispatch_log(pair: Pair) -> None:
    expected = [op for op in pair.oracle.ops if op != NOISE]
    assert [node.op for node in pair.recorded.graph.nodes if node.op not in (None, NOISE)] == expected


def test_edges_equal_those_of_autograd(pair: Pair) -> None:
    """Nodes are told by the order of their steps: the k-th step hands its gradients to the same steps in both runs."""
    place = {step.node.id: step.index for step in pair.recorded.backward}
    for expected, step in zip(pair.oracle.steps, pair.recorded.backward, strict=True):
        targets = {
            edge.grad_index: place[edge.source]
            for edge in pair.recorded.graph.incoming(step.node)
            if edge.grad_index is not None and edge.source in place
        }
        assert targets == {
            k: pair.oracle.place[node] for k, node in enumerate(expected.next) if node in pair.oracle.place
        }


def test_data_flows_forwards_and_every_edge_says_what_flows_back(pair: Pair) -> None:
    for edge in pair.recorded.graph.edges:
        assert edge.source < edge.target
        assert edge.output_nr < len(pair.recorded.graph.nodes[edge.source].outputs)
        assert (edge.grad_index is None) == (edge.cut is not None)


def test_contributions_sum_to_the_gradient(pair: Pair) -> None:
    recorded = pair.recorded
    roots = {root for root, _ in recorded.roots}
    for step in recorded.backward:
        for output, info in enumerate(step.grad_outputs):
            parts = recorded.contributions(step.node, output)
            if step.node.id in roots or info is None or not parts:
                continue
            with np.errstate(invalid="ignore"):  # infinity minus infinity
                total = sum(np.asarray(part, dtype=np.complex128) for _, part in parts)
            tolerance = 1e-2 if "16" in info.dtype else 1e-4
            is_sum = np.allclose(np.asarray(info), total, tolerance, tolerance * 1e-2, equal_nan=True)
            assert is_sum != (step.node.name in HOOKED.get(pair.name, ())), step.node


def test_values_equal_what_the_operation_gave(pair: Pair) -> None:
    expected = [outputs for op, outputs in zip(pair.oracle.ops, pair.oracle.outputs, strict=True) if op != NOISE]
    nodes = [node for node in pair.recorded.graph.nodes if node.op not in (None, NOISE)]
    for node, outputs in zip(nodes, expected, strict=True):
        count = UNWRITTEN.get((node.op or "").split(".")[1], len(outputs))
        assert len(node.outputs) >= len(outputs)  # an operation that writes into a view has the base as a further one
        _assert_same(list(outputs[:count]), list(node.outputs[:count]))


def test_statistics_alone_equal_those_of_the_values(pair: Pair) -> None:
    """With no budget at all every tensor goes the way of the large ones: reduced at once, or known from its memory."""
    keepers = tuple(Keeper("summary", Budget(0, 0)) for _ in range(2))
    build = _build(PROGRAMS[pair.name])
    lean = record(build, make_recorder=lambda **options: Recorder(**options, keepers=(keepers[0], keepers[1])))
    for full, node in zip(pair.recorded.graph.nodes, lean.graph.nodes, strict=True):
        count = UNWRITTEN.get((node.op or "").partition(".")[2].partition(".")[0], len(node.outputs))
        _assert_same_statistics(full.outputs[:count], node.outputs[:count])
    for full_step, step in zip(pair.recorded.backward, lean.backward, strict=True):
        _assert_same_statistics(full_step.grad_outputs, step.grad_outputs)
        _assert_same_statistics(full_step.grad_inputs, step.grad_inputs)
        _assert_same_statistics([full_step.grad_after], [step.grad_after])


def _assert_same_statistics(expected: Sequence[TensorInfo | None], found: Sequence[TensorInfo | None]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(expected, found, strict=True):
        if one is None or other is None or one.array is None or one.array.size == 0:
            continue
        exact, summary = summarize(one.array), other.summary
        assert summary is not None
        assert (summary.count, summary.zeros, summary.nan, summary.inf) == (
            exact.count,
            exact.zeros,
            exact.nan,
            exact.inf,
        )
        for name in ("min", "max", "mean", "std", "norm"):
            was, is_now = getattr(exact, name), getattr(summary, name)
            size = max(abs(exact.min), abs(exact.max))
            assert is_now == pytest.approx(was, rel=1e-4, abs=1e-5 * size, nan_ok=True), (name, other)


def test_nothing_was_missed(pair: Pair) -> None:
    assert not [note for note in pair.recorded.notes if "could not be recorded" in note]
    assert not any("Retrograd" in note for note in pair.recorded.notes)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_training_is_bit_identical_when_traced(name: str) -> None:
    plain, traced = _train(PROGRAMS[name], is_traced=False), _train(PROGRAMS[name], is_traced=True)
    assert len(plain) == len(traced)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(plain, traced, strict=True))


def _train(build: Callable[[], Program], *, is_traced: bool) -> list[torch.Tensor]:
    """Three steps of gradient descent, of which the first and the last are traced or not. What they leave behind."""
    program = _build(build)
    leaves: list[torch.Tensor] = []
    left: list[torch.Tensor] = []
    for step in range(3):
        if is_traced and step != 1:
            recorded = trace(program)
            assert recorded.backward
        else:
            root = program()
            if not leaves:
                leaves = leaves_below(root)
            root.backward(None if root.dim() == 0 else torch.ones_like(root))
        if step == 0 and is_traced:
            leaves = leaves_below(_same_again(build))
        left.append(torch.get_rng_state())
    return left + _state(program) if leaves else left


def _same_again(build: Callable[[], Program]) -> torch.Tensor:
    with torch.random.fork_rng():
        root: torch.Tensor = _build(build)()
    return root


def _state(program: Program) -> list[torch.Tensor]:
    """Every tensor that a program's closure holds, with its gradient; parameters and buffers of its modules too."""
    found: list[torch.Tensor] = []
    cells: Any = program.__closure__ or ()
    for value in (cell.cell_contents for cell in cells):
        if isinstance(value, torch.nn.Module):
            found += [*value.parameters(), *value.buffers()]
        elif isinstance(value, torch.Tensor):
            found.append(value)
    gradients = [tensor.grad.to_dense() for tensor in found if tensor.grad is not None]
    return [tensor.detach() for tensor in found] + gradients


def _assert_same(expected: list[torch.Tensor | None] | list[torch.Tensor], found: list[TensorInfo | None]) -> None:
    assert len(found) == len(expected)
    for tensor, info in zip(expected, found, strict=True):
        assert (tensor is None) == (info is None)
        if tensor is not None and info is not None and tensor.device.type != "meta":
            assert info.array is not None
            np.testing.assert_array_equal(info.array, _numpy(tensor))


def _numpy(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return tensor.resolve_conj().numpy()
