"""Values on demand: what a replay fetches is, bit for bit, what the first run computed, and nothing else changes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine import Trace, trace
from engine.capture.replay import Replay, Wanted, fetch
from engine.capture.tracing import record
from engine.errors import ReplayError, TraceError
from engine.graph.structure import fingerprint
from engine.graph.trace import ValuesMode


class Dropping(nn.Module):
    """Draws random numbers, has running statistics, and tensors too large to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(64, 600)
        self.norm = nn.BatchNorm1d(600)
        self.drop = nn.Dropout(0.5)
        self.down = nn.Linear(600, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.drop(torch.relu(self.norm(self.up(x))))
        scale = random.random() + float(np.random.rand())
        result: torch.Tensor = self.down(hidden * scale).square().mean()
        return result


@pytest.fixture
def model() -> Dropping:
    torch.manual_seed(1)
    return Dropping()


def _unkept(recorded: Trace) -> list[Wanted]:
    """Every tensor without values, but for memory that nothing has been written to yet: that may hold anything."""
    written = [node for node in recorded.graph.nodes if not (node.op or "").startswith("aten.empty")]
    places = [
        Wanted(node.id, number) for node in written for number, info in enumerate(node.outputs) if info.array is None
    ]
    for step in recorded.backward:
        for number, info in enumerate(step.grad_outputs):
            if info is not None and info.array is None:
                places.append(Wanted(step.node.id, number, True))
    return places


def _traced_twice(run: Callable[[ValuesMode], Trace]) -> tuple[Trace, Trace]:
    """The same run with statistics and with all values: the second is the oracle."""
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    with_statistics = run("none")
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    return with_statistics, run("all")


def test_every_value_and_gradient_is_fetched_exactly(model: Dropping) -> None:
    x = torch.randn(300, 64)
    state = copy.deepcopy(model.state_dict())

    def run(values: ValuesMode) -> Trace:
        model.load_state_dict(state)
        return trace(model, x, values=values)

    recorded, oracle = _traced_twice(run)
    model.load_state_dict(state)
    torch.rand(5)
    random.random()  # the generators are elsewhere by now
    wanted = _unkept(recorded)
    assert len(wanted) > 40
    found = fetch(model, x, like=recorded, wanted=wanted)
    for place in wanted:
        read = oracle.grad if place.is_gradient else oracle.value
        expected = read(place.node, place.output)
        assert expected is not None
        np.testing.assert_array_equal(found[place], expected, strict=True)


def test_nothing_else_changes(model: Dropping) -> None:
    x = torch.randn(300, 64)
    recorded = trace(model, x)
    gradients = {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
    kept = {name: p.grad for name, p in model.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    states = torch.get_rng_state(), random.getstate(), repr(np.random.get_state())
    large = next(node.id for node in recorded.graph.nodes if node.outputs[0].array is None)
    fetch(model, x, like=recorded, wanted=[Wanted(large)])
    for name, parameter in model.named_parameters():
        assert parameter.grad is kept[name]
        assert parameter.grad is not None
        assert gradients[name] is not None
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=0, atol=0)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert repr(np.random.get_state()) == states[2]


def test_only_what_is_asked_for_is_kept(model: Dropping, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(300, 64)
    recorded = trace(model, x)
    wanted = _unkept(recorded)
    replay = Replay(lambda: (model, (x,), {}), recorded)
    replay.fetch(wanted[:1])
    runs = []
    original = replay._run

    def counted(*chosen: frozenset[int]) -> Any:
        runs.append(original(*chosen))
        return runs[-1]

    monkeypatch.setattr(replay, "_run", counted)
    replay.fetch(wanted[1:3])
    assert len(runs) == 1, "the places are known from the first time"
    infos = [info for node in runs[0].trace.graph.nodes for info in node.outputs]
    infos += [info for step in runs[0].trace.backward for info in step.grad_outputs if info is not None]
    assert sum(info.array is not None for info in infos) == len(wanted[1:3])


def test_a_step_of_a_program_with_its_set_up_cut_off() -> None:
    """What prepared the data is not in the graph of a step, but it runs, and draws random numbers."""

    def program() -> torch.Tensor:
        data = torch.randn(400, 400)
        batch = (data * 2).t()
        weight = torch.ones(400, 2, requires_grad=True)
        return (batch @ weight).exp().mean()

    def build() -> tuple[Callable[..., torch.Tensor], tuple[()], dict[str, object]]:
        torch.manual_seed(0)
        return program, (), {}

    build()
    recorded = record(program, keep="step", values="none")
    assert [node.kind for node in recorded.graph.nodes].count("input") == 1
    found = Replay(build, fingerprint(recorded), keep="step").fetch([Wanted(0)])
    torch.manual_seed(0)
    np.testing.assert_array_equal(found[Wanted(0)], (torch.randn(400, 400) * 2).t().numpy())


def test_a_program_that_does_something_else_is_refused() -> None:
    calls = []

    def program(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        y = x.exp() if len(calls) == 1 else x.sin()
        return y.sum()

    x = torch.randn(4, requires_grad=True)
    recorded = trace(program, x)
    with pytest.raises(ReplayError, match=r"node 1 was exp \(4,\) float32 at test_replay\.py, line \d+ and is sin"):
        fetch(program, x, like=recorded, wanted=[(1, 0, False)])
    with pytest.raises(ReplayError, match="something else when it ran again"):
        Replay(lambda: (program, (x,), {}), fingerprint(recorded)).fetch([Wanted(1)])


def test_a_program_that_runs_longer_is_refused() -> None:
    lengths = iter([2, 3])

    def program(x: torch.Tensor) -> torch.Tensor:
        for _ in range(next(lengths)):
            x = x.sin()
        return x.sum()

    x = torch.randn(4, requires_grad=True)
    recorded = trace(program, x)
    with pytest.raises(ReplayError, match=r"node 3 was sum|more operations"):
        fetch(program, x, like=recorded, wanted=[(1, 0, False)])


def test_places_that_have_no_values() -> None:
    x = torch.randn(4, requires_grad=True)
    recorded = trace(lambda: x.detach().sin().sum() + x.sum())
    detached = next(node.id for node in recorded.graph.nodes if node.label == "sin")
    program = Replay(lambda: (lambda: x.detach().sin().sum() + x.sum(), (), {}), recorded)
    with pytest.raises(ReplayError, match="No gradient reaches output 0 of node"):
        program.fetch([Wanted(detached, 0, True)])
    with pytest.raises(ReplayError, match="No value is known of output 9"):
        program.fetch([Wanted(detached, 9)])
    with pytest.raises(ReplayError, match="No value is known of output 0 of node 99"):
        program.fetch([Wanted(99)])
    np.testing.assert_array_equal(program.fetch([Wanted(detached)])[Wanted(detached)], x.detach().sin().numpy())


def test_a_program_that_fails_can_be_looked_at_too() -> None:
    x = torch.randn(80, 1000, requires_grad=True)

    def program() -> torch.Tensor:
        return x.exp() @ x

    with pytest.raises(TraceError) as caught:
        trace(program)
    partial = caught.value.trace
    assert partial is not None
    exp = next(node.id for node in partial.graph.nodes if node.label == "exp")
    found = fetch(program, like=partial, wanted=[Wanted(exp)])
    np.testing.assert_array_equal(found[Wanted(exp)], x.detach().exp().numpy())


def test_a_failure_of_the_replay_is_a_sentence() -> None:
    calls = []

    def program(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 1:
            raise ValueError("no more data")
        return x.sum()

    x = torch.randn(4, requires_grad=True)
    recorded = trace(program, x)
    with pytest.raises(ReplayError, match=r"failed when it ran again .*no more data"):
        fetch(program, x, like=recorded, wanted=[Wanted(0)])


def test_forward_only_traces(model: Dropping) -> None:
    x = torch.randn(300, 64)
    recorded = trace(model.eval(), x, backward=False)
    large = next(node.id for node in recorded.graph.nodes if node.label == "addmm")
    found = fetch(model, x, like=recorded, wanted=[Wanted(large)])[Wanted(large)]
    np.testing.assert_array_equal(found, model.up(x).detach().numpy())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_generators_of_the_program_start_again_and_go_on_as_before() -> None:
    x = torch.randn(100, 100, requires_grad=True)
    generator = torch.Generator().manual_seed(5)

    def program() -> Any:
        return (x * torch.randn(100, 100, generator=generator)).sum()

    program()
    expected = torch.randn(100, 100, generator=generator.clone_state())
    recorded = trace(program, values="none")
    drawn = next(node.id for node in recorded.graph.nodes if node.label == "randn")
    state = generator.get_state()
    np.testing.assert_array_equal(fetch(program, like=recorded, wanted=[Wanted(drawn)])[Wanted(drawn)], expected)
    assert torch.equal(generator.get_state(), state)


def test_gradients_that_the_program_makes_itself_are_given_back() -> None:
    w, v = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    v.grad = torch.full((3,), 7.0)

    def program() -> Any:
        loss = (w * v * 2).sum()
        loss.backward()
        return loss

    recorded = trace(program)
    before = v.grad, v.grad.clone()
    fetch(program, like=recorded, wanted=[(0, 0, False)])
    assert v.grad is before[0]
    assert torch.equal(v.grad, before[1])


def test_gradients_inside_a_reentrant_checkpoint_are_given_back() -> None:
    w = torch.ones(3, requires_grad=True)
    x = torch.randn(3, requires_grad=True)

    def program() -> Any:
        inner: Any = checkpoint(lambda h: h * w, x, use_reentrant=True)
        return inner.sum()

    recorded = trace(program)
    assert w.grad is not None
    before = w.grad.clone()
    fetch(program, like=recorded, wanted=[(0, 0, False)])
    assert torch.equal(w.grad, before)


def test_memory_that_the_program_writes_into_is_given_back() -> None:
    """The values are those of a run that starts from what the first one has left, so they are compared first."""
    x, running = torch.ones(3, requires_grad=True), torch.zeros(3)

    def program(table: torch.Tensor) -> Any:
        table[0] += 1
        running.lerp_(x.detach(), 0.5)
        return (x * running).sum()

    table = torch.zeros(3)
    recorded = trace(program, torch.zeros(3))
    version = running._version
    state = running.clone()
    fetch(program, table, like=recorded, wanted=[(0, 0, False)])
    assert torch.equal(running, state)
    assert running._version >= version
    assert table.tolist() == [0, 0, 0]


def test_tensors_that_are_given_other_memory_get_theirs_back() -> None:
    """`x.data = y` and `set_` are no changes in place: what a tensor showed before comes back with its memory."""
    assert "data" not in torch.Tensor.__dict__
    layer, state, table = nn.Linear(3, 3), torch.zeros(3), torch.arange(4.0)
    frozen = torch.ones(2, 3)

    def program(x: torch.Tensor) -> Any:
        before = layer(x)
        layer.weight.data = layer.weight.data * 2
        state.data = state.data + 1
        state.data += 1
        frozen.data = torch.zeros(3, dtype=torch.float64)
        table.set_(torch.ones(3))  # type: ignore[call-overload]  # torch's stubs know this of storages only
        return (layer(before) * state * frozen.float() + table).sum()

    x = torch.randn(2, 3)
    recorded = trace(program, x)
    layer.weight.data = layer.weight.data / 2
    state.data, frozen.data = torch.zeros(3), torch.ones(2, 3)
    table.set_(torch.arange(4.0))  # type: ignore[call-overload]  # torch's stubs know this of storages only
    shown = [tensor.detach() for tensor in (layer.weight, state, frozen, table)]
    kept = [tensor.clone() for tensor in shown]
    place = next(node.id for node in recorded.graph.nodes if node.op == "aten.sum.default")
    found = fetch(program, x, like=recorded, wanted=[(place, 0, False)])
    for tensor, before, values in zip((layer.weight, state, frozen, table), shown, kept, strict=True):
        assert tensor.data_ptr() == before.data_ptr()
        assert torch.equal(tensor, values)
    assert np.array_equal(found[Wanted(place)], np.asarray(recorded.graph.nodes[place].outputs[0]))
    assert "data" not in torch.Tensor.__dict__


def test_a_program_that_fails_after_it_gave_a_tensor_other_memory() -> None:
    state = torch.zeros(3)
    is_failing = False

    def program(x: torch.Tensor) -> Any:
        state.data = state + 1
        if is_failing:
            raise ValueError("no more")
        return (x * state).sum()

    x = torch.ones(3, requires_grad=True)
    recorded = trace(program, x)
    state.data = torch.zeros(3)
    is_failing = True
    with pytest.raises(ReplayError, match="no more"):
        fetch(program, x, like=recorded, wanted=[(0, 0, False)])
    assert state.tolist() == [0, 0, 0]
    assert "data" not in torch.Tensor.__dict__


def test_a_leaf_that_has_been_updated_since_is_named() -> None:
    layer = nn.Linear(100, 100)
    x = torch.randn(5, 100)
    recorded = trace(layer, x)
    with torch.no_grad():
        layer.bias.add_(0.1)
    with pytest.raises(ReplayError, match="leaf 'bias' is not what it was"):
        fetch(layer, x, like=recorded, wanted=[(1, 0, False)])
