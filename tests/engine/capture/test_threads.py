"""Traces beside other threads of the program: nothing of theirs is recorded, and nothing stays installed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine import Trace, trace


def _functions() -> list[Any]:
    return [torch.autograd.backward, torch.autograd.grad, torch.Tensor.register_hook, torch.compile]


def _in_threads(count: int, run: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_traces_in_several_threads_do_not_meet() -> None:
    before = _functions()
    recorded: list[tuple[nn.Linear, Trace]] = []

    def run() -> None:
        for _ in range(10):
            layer, x = nn.Linear(4, 4), torch.randn(2, 4)

            def program(layer: nn.Linear = layer, x: Tensor = x) -> Tensor:
                h: Tensor = layer(layer(x).tanh()).sum()
                return h

            recorded.append((layer, trace(program, values="all")))

    _in_threads(3, run)
    assert _functions() == before
    for layer, found in recorded:
        assert {node.scope for node in found.graph.nodes} == {(), ("layer",), ("layer@2",)}
        assert len(found.graph.nodes) == 9
        assert not found.notes
        gradients = {leaf.name: found.grad(leaf) for leaf in found.leaves()}
        for name, parameter in layer.named_parameters():
            assert parameter.grad is not None
            np.testing.assert_array_equal(gradients[name], parameter.grad)


def test_modules_and_hooks_of_a_thread_beside_the_program_are_not_recorded() -> None:
    w, other = torch.ones(3, requires_grad=True), nn.Linear(3, 3)

    def beside() -> None:
        h = other(torch.ones(1, 3))
        h.register_hook(lambda _: None)
        h.sum().backward()

    def program() -> Tensor:
        doubled = w * 2
        _in_threads(1, beside)
        return (doubled * w).sum()

    found = trace(program)
    assert [node.op for node in found.graph.nodes] == [None, "aten.mul.Tensor", "aten.mul.Tensor", "aten.sum.default"]
    assert {node.scope for node in found.graph.nodes} == {()}
    assert not any("hook" in note for note in found.notes)


@pytest.mark.parametrize("sees_others", [True, False])
def test_gradients_of_a_branch_that_another_thread_computes(sees_others: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both threads number their autograd nodes from 0: the numbers alone would take one branch for the other."""
    if not sees_others:  # as in a program that has one thread until it starts another
        monkeypatch.setattr(threading, "enumerate", lambda: [threading.current_thread()])
    w, v = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([0.5, 0.7], requires_grad=True)
    recorded: list[Trace] = []

    def program() -> Tensor:
        branch: list[Tensor] = []
        doubled = (w * 2).sin()
        _in_threads(1, lambda: branch.append((v * 3).exp()))
        return (doubled * branch[0]).sum()

    _in_threads(1, lambda: recorded.append(trace(program, values="all")))
    gradients = {step.node.grad_fn: recorded[0].grad(step.node) for step in recorded[0].backward}
    np.testing.assert_array_equal(gradients["SinBackward0"], (v * 3).exp().detach())
    np.testing.assert_array_equal(gradients["ExpBackward0"], (w * 2).sin().detach())
    assert sorted(str(step.node.grad_fn) for step in recorded[0].backward) == [
        "AccumulateGrad",
        "AccumulateGrad",
        "ExpBackward0",
        "MulBackward0",
        "MulBackward0",
        "MulBackward0",
        "SinBackward0",
        "SumBackward0",
    ]
    for leaf, tensor in zip(recorded[0].leaves(), (w, v), strict=True):
        assert tensor.grad is not None
        np.testing.assert_array_equal(recorded[0].grad(leaf), tensor.grad)


def test_what_the_program_itself_puts_in_place_of_torch_functions_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch.autograd.backward
    monkeypatch.setattr(torch.autograd, "backward", original)  # whatever happens, it is put back
    calls: list[str] = []
    w = torch.ones(3, requires_grad=True)

    def program() -> Tensor:
        behind = torch.autograd.backward

        def counted(*args: Any, **kwargs: Any) -> None:
            calls.append("counted")
            behind(*args, **kwargs)

        torch.autograd.backward = counted
        return (w * 2).sum()

    trace(program)
    assert torch.autograd.backward is not original
    calls.clear()
    w.grad = None
    (w * 3).sum().backward()
    assert calls == ["counted"]
    assert w.grad is not None
    assert torch.equal(w.grad, torch.full((3,), 3.0))


def test_operations_of_another_thread_are_told_in_one_note() -> None:
    w, found = torch.ones(3, requires_grad=True), {}

    def run() -> Tensor:
        def compute() -> None:
            found["h"] = (w * 2).exp()

        _in_threads(1, compute)
        base = w * 1.0
        base[0] = 7  # a write into a view is none of another thread's
        return (found["h"] * base).sum()

    recorded = trace(run)
    (note,) = [note for note in recorded.notes if "other threads" in note]
    assert "only the autograd nodes are shown" in note
    names = {node.grad_fn for node in recorded.graph.nodes if node.op is None and node.kind == "op"}
    assert names == {"ExpBackward0", "MulBackward0"}
    assert all(node.source is None for node in recorded.graph.nodes if node.grad_fn == "ExpBackward0")


def test_a_thread_that_computes_nothing_leaves_no_note() -> None:
    w = torch.ones(3, requires_grad=True)

    def run() -> Tensor:
        _in_threads(1, lambda: None)
        part = (w * 2)[1:]
        part += 1
        return part.exp().sum()

    assert trace(run).notes == []
