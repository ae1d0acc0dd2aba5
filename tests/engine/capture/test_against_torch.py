"""Every program of the corpus: operations, order, and all gradients equal those of an independent run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from engine import Trace, trace
from engine.graph.trace import BackwardStep

from .corpus import PROGRAMS, Program
from .oracle import Oracle, run_with_hooks


def _build(build: Callable[[], Program]) -> Program:
    torch.manual_seed(0)
    program = build()
    torch.manual_seed(1)
    return program


@pytest.fixture(params=sorted(PROGRAMS))
def pair(request: pytest.FixtureRequest) -> tuple[Oracle, Trace]:
    oracle = run_with_hooks(_build(PROGRAMS[request.param]))
    return oracle, trace(_build(PROGRAMS[request.param]), values="all")


def test_backward_steps_and_gradients(pair: tuple[Oracle, Trace]) -> None:
    oracle, recorded = pair
    assert [step.node.grad_fn for step in recorded.backward] == [step.name for step in oracle.steps]
    for expected, step in zip(oracle.steps, recorded.backward, strict=True):
        _assert_same(expected.grad_inputs, step, "grad_inputs")
        _assert_same_outputs(expected.grad_outputs, step)


def test_every_autograd_node_is_there(pair: tuple[Oracle, Trace]) -> None:
    oracle, recorded = pair
    reached = Counter(oracle.nodes)
    found = Counter(node.grad_fn for node in recorded.graph.nodes if node.grad_fn is not None)
    assert not reached - found


def test_operations_equal_the_dispatch_log(pair: tuple[Oracle, Trace]) -> None:
    oracle, recorded = pair
    noise = "aten.detach.default"  # autograd detaches what it saves; only a detach whose result is used is recorded
    expected = [op for op in oracle.ops if op != noise]
    assert [node.op for node in recorded.graph.nodes if node.op not in (None, noise)] == expected


def test_contributions_sum_to_the_gradient(pair: tuple[Oracle, Trace]) -> None:
    _, recorded = pair
    roots = {root for root, _ in recorded.roots}
    for step in recorded.backward:
        for output, info in enumerate(step.grad_outputs):
            parts = recorded.contributions(step.node, output)
            if step.node.id in roots or info is None or not parts:
                continue
            total = sum(np.asarray(part, dtype=np.complex128) for _, part in parts)
            if step.node.name == "b" and np.allclose(np.asarray(info), total * 10):
                continue  # the program's own hook multiplies this gradient
            np.testing.assert_allclose(np.asarray(info), total, rtol=1e-2 if "16" in info.dtype else 1e-5)


def _assert_same(expected: list[torch.Tensor | None], step: BackwardStep, field: str) -> None:
    found = getattr(step, field)
    assert len(found) == len(expected)
    for tensor, info in zip(expected, found, strict=True):
        assert (tensor is None) == (info is None)
        if tensor is not None:
            np.testing.assert_array_equal(info.array, _numpy(tensor))


def _assert_same_outputs(expected: list[torch.Tensor | None], step: BackwardStep) -> None:
    """`grad_outputs` is numbered like the operation's outputs, autograd's like its differentiable ones."""
    given = [tensor for tensor in expected if tensor is not None]
    found = [info for info in step.grad_outputs if info is not None]
    assert len(found) == len(given)
    for tensor, info in zip(given, found, strict=True):
        np.testing.assert_array_equal(info.array, _numpy(tensor))


def _numpy(tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return tensor.resolve_conj().numpy()
