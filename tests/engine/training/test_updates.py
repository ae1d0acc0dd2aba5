"""What optimizers changed after a recorded step: measured against torch itself, and why there may be nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.capture.recorder import Recorder
from engine.graph.observation import Observation
from engine.graph.stepper import Stepper
from engine.graph.timeline import NOT_KEPT, updates_of, why_no_update
from engine.graph.trace import Trace
from engine.session.messages import Message, Observed, TraceReady
from engine.storage.trace_file import dumps, loads
from engine.training import updates as updates_module
from engine.training.controls import Controls
from engine.training.session import TrainingSession
from engine.training.updates import UpdateWatch


class Window:
    """Puts together what a session sends, as the window does."""

    def __init__(self) -> None:
        self.traces: dict[int, Trace] = {}
        self.order: list[str] = []

    def send(self, message: Message, body: Any) -> None:
        self.order.append(type(message).__name__)
        if isinstance(message, TraceReady) and message.step is not None:
            self.traces[message.step] = loads(body())
        elif isinstance(message, Observed):
            self.traces[message.step].observations.extend(message.observations)


def test_the_norm_of_each_change_is_torchs() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    window = Window()
    with TrainingSession(window.send, Controls()):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(2, 3)).sum().backward()
            before = [parameter.detach().clone() for parameter in model.parameters()]
            optimizer.step()
            if "Observed" in window.order and len(window.traces) == 1:
                expected = [float((p.detach() - b).norm()) for p, b in zip(model.parameters(), before, strict=True)]
                window.order.append("checked")
                break
    found = updates_of(window.traces[0])
    assert window.order.index("TraceReady") < window.order.index("Observed")
    assert {update.text for update in found} == {"SGD"}
    names = {update.node.name: update.amount for update in found}
    wanted = dict(zip((name for name, _ in model.named_parameters()), expected, strict=True))
    assert {name.removeprefix("model."): amount for name, amount in names.items() if name} == pytest.approx(wanted)
    assert all(update.source is not None and update.source.file == __file__ for update in found)
    assert why_no_update(window.traces[0]) == ""


@pytest.mark.parametrize(("steps", "words"), [(1, "program ended"), (2, "Another backward pass began")])
def test_without_an_optimizers_step_the_reason_is_told(steps: int, words: str) -> None:
    w = torch.ones(2, requires_grad=True)
    window = Window()
    with TrainingSession(window.send, Controls()):
        for _ in range(steps):
            (w * 3).sum().backward()
    assert updates_of(window.traces[0]) == []
    assert words in why_no_update(window.traces[0])


def test_a_retained_graph_is_noted() -> None:
    w = torch.ones(2, requires_grad=True)
    window = Window()
    with TrainingSession(window.send, Controls()):
        loss = (w * w).sum()
        loss.backward(retain_graph=True)
        loss.backward()
    assert "graph-retained" in [seen.kind for seen in window.traces[0].observations]


def recorded(loss: torch.Tensor, recorder: Recorder) -> tuple[Trace, UpdateWatch]:
    recorder.run_backward([loss], loss.backward)
    recorder.stop()
    watch = UpdateWatch(recorder.origins())
    return recorder.finish(), watch


def test_only_what_changed_is_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    w, v, u = (torch.ones(4, requires_grad=True) for _ in range(3))
    recorder = Recorder()
    recorder.start()
    trace, watch = recorded((w * v * u).sum(), recorder)
    groups: list[dict[str, Any]] = [{"params": [w]}, {"params": [v], "lr": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.5)
    watch.before_step(optimizer)
    optimizer.step()
    (seen,) = watch.after_step(optimizer, trace.graph.nodes)
    assert list(seen.amounts) == [pytest.approx(1.0)], "lr · |grad| = 0.5 · 2; v has no rate, u no optimizer"
    assert len(seen.nodes) == 1
    monkeypatch.setattr(updates_module, "MOST_ELEMENTS", 0)
    watch.before_step(optimizer)
    optimizer.step()
    (seen,) = watch.after_step(optimizer, trace.graph.nodes)
    assert seen.amounts == (None, None), "too large to be copied: both were written to, by how much is not known"


def test_amounts_that_are_no_numbers_survive_a_file() -> None:
    w = torch.ones(2, requires_grad=True)
    recorder = Recorder()
    recorder.start()
    trace, _ = recorded((w * 2).sum(), recorder)
    leaf = trace.leaves()[0].id
    amounts = (math.nan, math.inf, 0.5, None)
    trace.observations.append(Observation(kind="update", nodes=(leaf,) * 4, text="SGD", amounts=amounts))
    read = [update.amount for update in updates_of(loads(dumps(trace)))]
    assert read[0] is not None
    assert math.isnan(read[0])
    assert read[1:] == [math.inf, 0.5, None]


def test_the_values_after_an_update_are_torchs_and_survive_a_file() -> None:
    torch.manual_seed(3)
    w = torch.randn(3, 2, requires_grad=True)
    b = torch.randn((), requires_grad=True)
    h = torch.randn(2, dtype=torch.bfloat16, requires_grad=True)
    recorder = Recorder()
    recorder.start()
    trace, watch = recorded((w * w).sum() + b * b + (h * h).sum().float(), recorder)
    optimizer = torch.optim.Adam([w, b, h], lr=0.1)
    watch.before_step(optimizer)
    optimizer.step()
    trace.observations.extend(watch.after_step(optimizer, trace.graph.nodes))
    leaves = {tuple(leaf.shape): leaf for leaf in (w, b, h)}
    for read in (trace, loads(dumps(trace))):
        stepper = Stepper(read)
        assert len(stepper.timeline.updates) == 3
        stepper.move_to(stepper.last)
        for node in read.leaves():
            leaf = leaves[tuple(node.outputs[0].shape)]
            info = stepper.value(node)
            assert info is not None
            assert info.array is not None
            assert info.array.tolist() == leaf.detach().float().numpy().tolist()
            before = read.value(node)
            assert before is not None
            (update,) = stepper.updates(node)
            norm = float(np.linalg.norm((info.array.astype(np.float64) - before).ravel()))
            assert update.amount == pytest.approx(norm, rel=1e-2)


def test_large_leaves_are_not_kept_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates_module, "LARGEST_KEPT", 4)
    monkeypatch.setattr(updates_module, "MOST_KEPT", 6)
    leaves = [torch.ones(size, requires_grad=True) for size in (5, 4, 3, 2)]
    recorder = Recorder()
    recorder.start()
    total = torch.stack([leaf.sum() for leaf in leaves]).sum()
    trace, watch = recorded(total, recorder)
    optimizer = torch.optim.SGD(leaves, lr=0.5)
    watch.before_step(optimizer)
    optimizer.step()
    (seen,) = watch.after_step(optimizer, trace.graph.nodes)
    assert [values is not None for values in seen.after] == [False, False, True, True], "the smallest first"
    trace.observations.append(seen)
    stepper = Stepper(trace)
    stepper.move_to(stepper.last)
    info = stepper.value(seen.nodes[0])
    assert info is not None
    assert (info.array, info.shape, info.note) == (None, (5,), NOT_KEPT)
    assert info.summary is None, "those of the values before would be wrong"
