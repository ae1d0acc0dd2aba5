"""`Recorder(keep="step")`: one training step cut out of a running program."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from engine.capture.recorder import Recorder
from engine.graph.trace import Trace


def _record_step(recorder: Recorder, loss: torch.Tensor) -> Trace:
    recorder.run_backward([loss], loss.backward)
    return recorder.finish(step=7)


def test_set_up_is_no_part_of_the_step() -> None:
    recorder = Recorder(keep="step")
    recorder.start()
    torch.manual_seed(0)
    data = torch.randn(8, 3)
    labels = (data.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    batch = data[:4] * 2
    loss = F.cross_entropy(model(batch), labels[:4])
    recorded = _record_step(recorder, loss)
    outside = {node.name: node.kind for node in recorded.graph.nodes if node.kind != "op"}
    assert outside == {
        "0.weight": "leaf", "0.bias": "leaf", "2.weight": "leaf", "2.bias": "leaf", "batch": "input", "labels": "input",
    }  # fmt: skip
    ops = [node.label for node in recorded.graph.nodes if node.kind == "op"]
    assert ops == ["t", "addmm", "tanh", "t", "addmm", "slice", "log_softmax", "nll_loss"]
    assert recorded.step == 7
    assert recorded.graph.nodes[recorded.roots[0][0]].name == "loss"


def test_a_leaf_has_nothing_before_it() -> None:
    recorder = Recorder(keep="step")
    recorder.start()
    w = torch.randn(3)
    w.mul_(2)
    w.requires_grad_()
    loss = (w * w).sum()
    recorded = _record_step(recorder, loss)
    assert [node.kind for node in recorded.graph.nodes] == ["leaf", "op", "op"]
    assert recorded.graph.nodes[0].name == "w"


def test_parts_that_the_root_does_not_need_are_left_out() -> None:
    recorder = Recorder(keep="step")
    recorder.start()
    w = torch.ones(3, requires_grad=True)
    unused = w.exp()
    mask = w.detach() > 0
    loss = (w * mask).sum()
    recorded = _record_step(recorder, loss)
    assert unused.shape == (3,)
    assert [node.label for node in recorded.graph.nodes] == ["leaf", "detach", "gt", "mul", "sum"]
    assert [node.id for node in recorded.graph.nodes] == list(range(5))


def test_tensors_made_before_the_recording_are_inputs() -> None:
    w = torch.ones(3, requires_grad=True)
    x = torch.arange(3.0)
    recorder = Recorder(keep="step")
    recorder.start()
    loss = (w * x).sum()
    recorded = _record_step(recorder, loss)
    assert {node.name: node.kind for node in recorded.graph.nodes if node.kind != "op"} == {"w": "leaf", "x": "input"}


def test_stop_survives_modes_that_the_program_entered_meanwhile() -> None:
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack
    from torch.utils.flop_counter import FlopCounterMode

    recorder = Recorder(keep="step")
    recorder.start()
    with FlopCounterMode(display=False) as counter:
        w = torch.ones(2, 2, requires_grad=True)
        loss = (w @ w).sum()
        recorder.run_backward([loss], loss.backward)
        assert _get_current_dispatch_mode_stack() == [counter.mode]
    assert not _get_current_dispatch_mode_stack()
    assert recorder.finish().backward[0].node.grad_fn == "SumBackward0"


def test_batches_of_a_data_loader_keep_their_names_in_a_later_step() -> None:
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.randn(6, 3), torch.tensor([0, 1] * 3)), batch_size=2)
    model = nn.Linear(3, 2)
    recorder = Recorder(keep="step")
    recorder.start()
    right = torch.zeros(())
    for x, label in loader:
        right += (model(x).argmax(1) == label).sum()  # the step has begun before its own batch is loaded
    loss = F.cross_entropy(model(x), label)
    recorded = _record_step(recorder, loss)
    assert {node.name for node in recorded.graph.nodes if node.kind == "input"} == {"x", "label"}


def test_leaves_of_a_forward_pass_from_before_have_the_names_of_the_module_that_is_held() -> None:
    """The generator's turn: what it gave was computed before the discriminator's step."""
    generator, critics = nn.Sequential(nn.Linear(2, 3), nn.Tanh()), [nn.Linear(3, 1)]
    frozen = nn.Parameter(torch.ones(3))
    fake = generator(torch.randn(4, 2)) * frozen
    recorder = Recorder(keep="step")
    recorder.start()
    loss = critics[0](fake).mean()
    recorded = _record_step(recorder, loss)
    assert {leaf.name for leaf in recorded.leaves()} == {"weight", "bias", "0.weight", "0.bias", "frozen"}


class _Training:
    """A training as an object, which holds the networks."""

    def __init__(self) -> None:
        self.generator, self.critic = nn.Linear(2, 3), nn.Linear(3, 1)

    def step(self, fake: torch.Tensor) -> Trace:
        recorder = Recorder(keep="step")
        recorder.start()
        penalty = sum((p.square().sum() for p in self.critic.parameters()), start=torch.zeros(()))
        return _record_step(recorder, self.critic(fake).mean() + penalty)


def test_networks_that_an_object_holds_name_their_leaves_too() -> None:
    training = _Training()
    recorded = training.step(training.generator(torch.randn(4, 2)))
    assert {leaf.name for leaf in recorded.leaves()} == {"weight", "bias", "generator.weight", "generator.bias"}
