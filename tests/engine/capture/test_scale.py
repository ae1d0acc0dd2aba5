"""Very long and very wide graphs: no recursion, nothing that grows with the square."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import Trace, trace
from engine.capture import teardown
from engine.capture.recorder import Recorder

LONG = 100_000
WIDE = 50_000


@pytest.fixture(autouse=True)
def _nothing_parked_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What earlier tests still hold (a failure's traceback, say) is not this test's."""
    monkeypatch.setattr(teardown, "_parked", [])


def _chain(length: int) -> Any:
    def run(x: Tensor) -> Tensor:
        for _ in range(length):
            x = x * 1.0
        return x.sum()

    return run


def test_a_chain_of_a_hundred_thousand_operations(tmp_path: Path) -> None:
    a = torch.ones(2, requires_grad=True)
    recorded = trace(_chain(LONG), a, values="none")
    assert len(recorded.graph.nodes) == LONG + 2
    assert len(recorded.backward) == LONG + 2
    assert recorded.backward[0].node.grad_fn == "SumBackward0"
    assert recorded.backward[-1].node.grad_fn == "AccumulateGrad"
    assert not teardown._parked
    path = tmp_path / "long.retrograd"
    recorded.save(path)
    again = Trace.load(path)
    assert len(again.graph.edges) == len(recorded.graph.edges) == LONG + 1
    gone = weakref.ref(recorded)
    del recorded, again
    gc.collect()
    assert gone() is None


def test_a_node_with_fifty_thousand_consumers() -> None:
    a = torch.ones(2, requires_grad=True)

    def run() -> Tensor:
        x = a * 2
        return torch.stack([x * 1.0 for _ in range(WIDE)]).sum()

    recorded = trace(run, values="none")
    shared = recorded.graph.nodes[1]
    assert len(recorded.graph.outgoing(shared)) == WIDE
    assert len(recorded.contributions(shared)) == WIDE
    stacked = next(node for node in recorded.graph.nodes if node.label == "stack")
    step = recorded.step_of(stacked)
    assert step is not None
    assert len(step.grad_inputs) == WIDE
    assert a.grad is not None
    assert a.grad.tolist() == [2 * WIDE, 2 * WIDE]


def test_a_deep_graph_that_the_program_keeps_is_freed_when_the_program_lets_go() -> None:
    """Afterwards torch would overflow the stack if it freed such a graph at once."""
    length = 2 * teardown.DEEP
    a = torch.ones(2, requires_grad=True)
    kept: list[Tensor] = []

    def run() -> Tensor:
        kept.append(_chain(length)(a))
        return kept[0]

    trace(run, values="none")
    assert len(teardown._parked) == 1
    kept.clear()
    teardown.free_parked()
    assert not teardown._parked


def test_a_deep_graph_without_a_backward_pass() -> None:
    a = torch.ones(2, requires_grad=True)
    recorded = trace(_chain(2 * teardown.DEEP), a, values="none", backward=False)
    assert len(recorded.graph.nodes) == 2 * teardown.DEEP + 2
    assert not teardown._parked


def test_graphs_that_nobody_lets_go_of_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teardown, "DEEP", 100)
    a = torch.ones(2, requires_grad=True)
    kept = []
    for _ in range(6):
        recorder = Recorder(values="none", keep="step")
        recorder.start()
        loss = _chain(teardown.DEEP)(a)
        recorder.run_backward([loss], loss.backward)
        recorder.finish()
        kept.append(loss)
    assert len(teardown._parked) <= 5
    kept.clear()
    del loss
    teardown.free_parked()
    assert not teardown._parked
