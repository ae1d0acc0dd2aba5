"""What a recording sees of its program besides the operations."""

from __future__ import annotations

import torch
from torch import nn

from engine.capture.recorder import Recorder
from engine.capture.sightings import Optimizers
from engine.graph.observation import Observation
from engine.graph.trace import Trace


class _Part(nn.Module):
    """Has one layer that it runs and one that it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(2, 2)
        self.idle = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.used(x)
        return result


def _record(module: nn.Module, optimizers: Optimizers = ()) -> Trace:
    recorder = Recorder(keep="step")
    recorder.start()
    try:
        loss = module(torch.ones(1, 2)).sum()
        recorder.note_optimizers(optimizers)
        recorder.run_backward([loss], loss.backward)
    finally:
        recorder.stop()
    return recorder.finish()


def _seen(trace: Trace, kind: str) -> list[Observation]:
    return [observation for observation in trace.observations if observation.kind == kind]


def test_parameters_that_nothing_reads_become_leaves_without_edges() -> None:
    trace = _record(_Part())
    (unused,) = _seen(trace, "unused")
    assert [trace.graph.nodes[k].name for k in unused.nodes] == ["idle.weight", "idle.bias"]
    for k in unused.nodes:
        assert trace.graph.nodes[k].kind == "leaf"
        assert not trace.graph.incoming(k)
        assert not trace.graph.outgoing(k)
        assert trace.step_of(k) is None
        assert trace.graph.nodes[k].source is None


def test_frozen_parameters_are_not_missed() -> None:
    part = _Part()
    part.idle.requires_grad_(False)
    trace = _record(part)
    assert trace.observations == []
    assert len(trace.leaves()) == 2


def test_where_optimizers_are_known_only_their_parameters_are_missed() -> None:
    part, other = _Part(), _Part()
    trace = _record(part, [("SGD", list(part.used.parameters())), ("Adam", list(other.parameters()))])
    assert _seen(trace, "unused") == []
    assert [(seen.text, len(seen.nodes)) for seen in _seen(trace, "optimizer")] == [("SGD", 2), ("Adam", 0)]
    trace = _record(part, [("SGD", list(part.parameters()))])
    assert len(_seen(trace, "unused")[0].nodes) == 2
    (parameters,) = _seen(trace, "parameters")
    assert {trace.graph.nodes[k].name for k in parameters.nodes} == {"used.weight", "used.bias"}


def test_a_write_beside_the_step_is_kept_where_it_broke_the_backward_pass() -> None:
    recorder = Recorder(keep="step")
    w = torch.ones(3, requires_grad=True)
    recorder.start()
    y = w.exp()
    loss = (y * 2).sum()
    y[1:].mul_(3)
    try:
        recorder.run_backward([loss], loss.backward)
    except RuntimeError as error:
        recorder.fail(error)
    trace = recorder.finish()
    assert trace.error is not None
    assert [node.label for node in trace.graph.nodes if node.label in ("slice", "mul_")] == ["slice", "mul_"]
    (changed,) = _seen(trace, "changed-saved")
    assert trace.graph.nodes[changed.nodes[0]].label == "exp"
    assert changed.text == "result"


def test_a_root_without_history_is_still_the_root() -> None:
    recorder = Recorder(keep="step")
    w = torch.ones(3, requires_grad=True)
    recorder.start()
    with torch.no_grad():
        loss = (w * 2).sum()
    try:
        recorder.run_backward([loss], loss.backward)
    except RuntimeError as error:
        recorder.fail(error)
    trace = recorder.finish()
    assert trace.graph.nodes[trace.roots[0][0]].name == "loss"
    (ran,) = _seen(trace, "ran-without-grad")
    assert ran.text == "aten.mul.Tensor"
    assert ran.source is not None
    assert ran.source.file == __file__


def test_elements_of_lists_carry_their_real_places() -> None:
    recorder = Recorder()
    w = torch.ones(3, 4, requires_grad=True)
    recorder.start()
    loss = w[:, torch.tensor([1, 2])].sum()
    recorder.run_backward([loss], loss.backward)
    trace = recorder.finish()
    index = next(node for node in trace.graph.nodes if node.label == "index")
    assert [edge.arg for edge in trace.graph.incoming(index)] == ["self", "indices[1]"]
