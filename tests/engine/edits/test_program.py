"""Runs with edits against programs that are written with them: torch is the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.edits.program import EditedProgram, EditedRunError, edited_call, edited_callable
from engine.edits.scripts import edited_script
from engine.errors import EditError
from engine.graph.edits import (
    EDITED,
    AnyEdit,
    ClipGradient,
    CutEdge,
    ReplaceGradient,
    ScaleGradient,
    SetConstant,
    SetRequiresGrad,
    SetSeed,
    SetValue,
    has_same_shape,
)
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.graph.values import Values
from engine.programs import CallableProgram, ScriptProgram, resolve


def net(x: Tensor, w: Tensor, v: Tensor, change: Callable[[str, Tensor], Tensor] = lambda _, t: t) -> Tensor:
    """Every tensor with a name may be changed on its way; a fan-out at h, a loss of two parts."""
    h = x @ change("w", w)
    h = change("h", h)
    a = torch.tanh(change("h1", h)) * 2.5
    b = torch.relu(h) ** 2
    s = a * change("b", b)
    loss = (s @ v).sum()
    return loss


def _inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x, w, v = (torch.randn(*shape, generator=generator) for shape in ((4, 3), (3, 5), (5,)))
    return x, w.requires_grad_(), v.requires_grad_()


def _node(trace: Trace, name: str) -> int:
    return next(node.id for node in trace.graph.nodes if node.name == name)


def _edge(trace: Trace, source: int, target_op: str) -> CutEdge:
    edge = next(e for e in trace.graph.outgoing(source) if (trace.graph.nodes[e.target].op or "").find(target_op) >= 0)
    return CutEdge(source=edge.source, output_nr=edge.output_nr, target=edge.target, input_nr=edge.input_nr)


def _same(found: npt.NDArray[np.generic] | None, wanted: Tensor | None) -> None:
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_array_equal(found, wanted.detach().numpy())


def _check(make: Callable[[Trace], list[AnyEdit]], oracle: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Trace:
    """The edited trace has the values and gradients of a program that does the same by itself."""
    program = edited_call(net, *_inputs())
    original = program.original
    trace = program.run(make(original))
    x, w, v = _inputs()
    loss = oracle(x, w, v)
    loss.backward()
    assert trace.loss == loss.item()
    for name, leaf in (("x", x), ("w", w), ("v", v)):
        _same(trace.grad(_node(trace, name)), leaf.grad)
    assert has_same_shape(original, trace)
    assert trace.notes == []
    return trace


def test_the_value_of_a_leaf() -> None:
    new = torch.linspace(-1, 1, 15).reshape(3, 5)

    def oracle(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
        w.data = new.clone()
        return net(x, w, v)

    trace = _check(lambda t: [SetValue(node=_node(t, "w"), values=Values.of(new.numpy()))], oracle)
    _same(trace.value(_node(trace, "w")), new)


def test_the_value_of_an_input() -> None:
    new = np.arange(12.0).reshape(4, 3)
    _check(
        lambda t: [SetValue(node=_node(t, "x"), values=Values.of(new))],
        lambda x, w, v: net(torch.tensor(new, dtype=torch.float32), w, v),
    )


def test_an_input_of_another_shape() -> None:
    program = edited_call(net, *_inputs())
    new = np.ones((2, 3), np.float32)
    trace = program.run([SetValue(node=_node(program.original, "x"), values=Values.of(new))])
    _, w, v = _inputs()
    net(torch.ones(2, 3), w, v).backward()
    _same(trace.grad(_node(trace, "w")), w.grad)


def hooked(name: str, hook: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def change(place: str, tensor: Tensor) -> Tensor:
        if place == name:
            tensor.register_hook(hook)
        return tensor

    return lambda x, w, v: net(x, w, v, change)


REPLACEMENT = np.linspace(0, 1, 20).reshape(4, 5)
GRADIENTS: dict[str, tuple[Callable[[int], AnyEdit], Callable[[Tensor], Tensor]]] = {
    "scaled": (lambda n: ScaleGradient(node=n, factor=-0.5), lambda g: g * -0.5),
    "zeroed": (lambda n: ScaleGradient(node=n, factor=0.0), torch.zeros_like),
    "clipped": (lambda n: ClipGradient(node=n, limit=0.1), lambda g: g.clamp(-0.1, 0.1)),
    "norm": (
        lambda n: ClipGradient(node=n, limit=0.1, is_norm=True),
        lambda g: g * (0.1 / torch.linalg.vector_norm(g)),
    ),
    "one number": (lambda n: ReplaceGradient(node=n, values=Values.of(2.0)), lambda g: torch.full_like(g, 2.0)),
}


@pytest.mark.parametrize("kind", sorted(GRADIENTS))
@pytest.mark.parametrize("place", ["b", "w"])
def test_a_changed_gradient(kind: str, place: str) -> None:
    edit, hook = GRADIENTS[kind]
    op = "pow" if place == "b" else ""
    _check(lambda t: [edit(_op(t, op) if op else _node(t, place))], hooked(place, hook))


def _op(trace: Trace, name: str) -> int:
    return next(node.id for node in trace.graph.nodes if node.op is not None and f".{name}" in f".{node.op}.")


def test_a_replaced_gradient() -> None:
    values = torch.tensor(REPLACEMENT, dtype=torch.float32)
    trace = _check(
        lambda t: [ReplaceGradient(node=_op(t, "aten.mm"), values=Values.of(REPLACEMENT))],
        hooked("h", lambda _: values),
    )
    _same(trace.grad(_op(trace, "aten.mm")), values)


def test_two_edits_of_one_gradient_in_their_order() -> None:
    _check(
        lambda t: [
            ScaleGradient(node=_op(t, "pow"), factor=3.0),
            ClipGradient(node=_op(t, "pow"), limit=0.2),
        ],
        hooked("b", lambda g: (g * 3.0).clamp(-0.2, 0.2)),
    )


def test_a_cut_edge_of_a_fan_out() -> None:
    trace = _check(
        lambda t: [_edge(t, _op(t, "aten.mm"), "tanh")],
        lambda x, w, v: net(x, w, v, lambda name, t: t.detach() if name == "h1" else t),
    )
    assert [edge.cut for edge in trace.graph.edges if edge.cut == EDITED] == [EDITED]
    assert trace.step_of(_op(trace, "tanh")) is None


def test_a_cut_leaf_has_no_gradient_and_the_graph_below_it_does_not_run() -> None:
    trace = _check(
        lambda t: [_edge(t, _node(t, "w"), "mm")],
        lambda x, w, v: net(x, w, v, lambda name, t: t.detach() if name == "w" else t),
    )
    assert trace.grad(_node(trace, "w")) is None
    assert trace.step_of(_op(trace, "aten.mm")) is None


def test_requires_grad_switched_off() -> None:
    def oracle(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
        return net(x, w.requires_grad_(False), v)

    trace = _check(lambda t: [SetRequiresGrad(node=_node(t, "w"), requires_grad=False)], oracle)
    assert trace.graph.nodes[_op(trace, "aten.mm")].grad_fn is None


def test_requires_grad_switched_on() -> None:
    trace = _check(
        lambda t: [SetRequiresGrad(node=_node(t, "x"), requires_grad=True)],
        lambda x, w, v: net(x.requires_grad_(), w, v),
    )
    assert trace.graph.nodes[_node(trace, "x")].kind == "leaf"


def test_constants() -> None:
    def oracle(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
        h = x @ w
        return ((torch.tanh(h) * -1.5 * torch.relu(h) ** 3) @ v).sum()

    program = edited_call(net, *_inputs())
    original = program.original
    trace = program.run(
        [
            SetConstant(node=_op(original, "mul"), name="other", value=-1.5),
            SetConstant(node=_op(original, "pow"), name="exponent", value=3),
        ]
    )
    x, w, v = _inputs()
    oracle(x, w, v).backward()
    np.testing.assert_allclose(trace.grad(_node(trace, "w")), w.grad, rtol=1e-6)  # type: ignore[arg-type]  # an array
    assert trace.graph.nodes[_op(trace, "pow")].params["exponent"] == 3


def test_a_number_made_inside_torch_cannot_be_changed() -> None:
    program = edited_call(lambda w: F.mse_loss(w, torch.zeros(3), reduction="sum"), torch.ones(3, requires_grad=True))
    node = next(n.id for n in program.original.graph.nodes if "reduction" in n.params)
    with pytest.raises(EditError, match="no number that the program gives"):
        program.run([SetConstant(node=node, name="reduction", value=2)])


def test_nothing_is_noticed_by_the_program() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    x = torch.randn(8, 3)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    versions = [parameter._version for parameter in model.parameters()]
    state, shown = torch.get_rng_state(), x.clone()
    program = edited_call(lambda batch: model(batch).square().mean(), x)
    original = program.original
    weight, batch = _node(original, "0.weight"), _node(original, "batch")
    program.run(
        [
            SetValue(node=weight, values=Values.of(np.full((4, 3), 9.0))),
            SetValue(node=batch, values=Values.of(np.ones((2, 3)))),
            SetRequiresGrad(node=_node(original, "3.bias"), requires_grad=False),
        ]
    )
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(p.grad is not None and bool((p.grad == 1).all()) for p in model.parameters())
    assert [parameter._version for parameter in model.parameters()] == versions
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, shown)


def test_without_edits_it_is_the_same_again() -> None:
    program = edited_callable(_callable("demo:simplenet"))
    original, again = program.original, program.run([])
    assert fingerprint(original) == fingerprint(again)
    for node in original.graph.nodes:
        for output in range(len(node.outputs)):
            np.testing.assert_array_equal(original.value(node, output), again.value(node, output))


def _callable(target: str) -> CallableProgram:
    program = resolve(target)
    assert isinstance(program, CallableProgram)
    return program


def test_a_seed_in_the_place_of_the_programs_own() -> None:
    program = edited_callable(_callable("demo:simplenet"))
    trace = program.run([SetSeed(seed=7)])
    torch.manual_seed(7)
    weight = nn.Linear(10, 5).weight
    _same(trace.value(_node(trace, "fc1.weight")), weight)
    assert has_same_shape(program.original, trace)


def test_what_makes_the_program_raise_says_where() -> None:
    program = edited_call(net, *_inputs())
    original = program.original
    with pytest.raises(EditedRunError, match="mat1 and mat2") as caught:
        program.run([SetValue(node=_node(original, "w"), values=Values.of(np.ones((4, 5), np.float32)))])
    assert caught.value.node == _op(original, "aten.mm")
    assert program.run([]).loss == original.loss


def test_the_last_cut_leaves_nothing_to_run() -> None:
    program = edited_call(lambda w: (w * 2).sum(), torch.ones(3, requires_grad=True))
    leaf = program.original.leaves()[0].id
    with pytest.raises(EditedRunError, match="does not require grad"):
        program.run([_edge(program.original, leaf, "mul")])


def test_another_structure_is_refused() -> None:
    program = edited_callable(_callable("demo:neuron"), "something else")
    with pytest.raises(EditError, match="did something else"):
        program.run([])


def test_an_edit_of_a_missing_node_is_refused() -> None:
    program = edited_callable(_callable("demo:neuron"))
    with pytest.raises(EditError, match="does not have"):
        program.run([ScaleGradient(node=99, factor=2.0)])


def test_another_way_through_the_program_is_told() -> None:
    def branching(w: Tensor) -> Tensor:
        y = w.sum()
        return (y * 2).exp() if y > 0 else y

    program = edited_call(branching, torch.ones(3, requires_grad=True))
    original = program.original
    trace = program.run(
        [
            SetValue(node=original.leaves()[0].id, values=Values.of(np.full(3, -1.0))),
            ScaleGradient(node=_op(original, "exp"), factor=2.0),
        ]
    )
    assert not has_same_shape(original, trace)
    assert trace.loss == -3.0
    assert "never gets there" in trace.notes[-1]


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: object, *grads: Tensor) -> Tensor:
        return grads[0] * 2


def test_a_leaf_whose_first_use_is_a_function_of_the_users() -> None:
    double: Callable[[Tensor], Tensor] = _Double.apply
    leaf = torch.ones(3, requires_grad=True)
    program = edited_call(lambda w: (double(w) * w).sum(), leaf)
    node = program.original.leaves()[0].id
    trace = program.run([SetValue(node=node, values=Values.of(np.full(3, 3.0)))])
    assert trace.loss == 54.0
    _same(trace.grad(node), torch.full((3,), 12.0))
    with pytest.raises(EditError, match="custom Function"):
        program.run([SetRequiresGrad(node=node, requires_grad=False)])


SCRIPT = """
import torch
from torch import nn

torch.manual_seed(1)
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.ones(4, 2)
for step in range(5):
    optimizer.zero_grad()
    loss = model(x).square().mean()
    loss.backward()
    optimizer.step()
with open({done!r}, "a") as file:
    file.write("x")
"""


@pytest.mark.parametrize("step", [0, 3])
def test_a_step_of_a_script(step: int, tmp_path: Path) -> None:
    done = tmp_path / "done"
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.format(done=str(done)))
    program = resolve(str(path))
    assert isinstance(program, ScriptProgram)
    edited = edited_script(program, step)
    original = edited.original
    assert original.step == step
    weight = next(node.id for node in original.leaves() if node.name == "weight")
    trace = edited.run([SetValue(node=weight, values=Values.of(np.zeros((1, 2))))])
    bias = next(node.id for node in original.leaves() if node.name == "bias")
    value = original.value(bias)
    assert value is not None
    assert trace.loss == pytest.approx(float(value[0]) ** 2, rel=1e-6)
    assert edited.run([]).loss == original.loss
    assert not torch.overrides._get_current_function_mode_stack()
    assert not done.exists()


def test_a_script_that_ends_before_the_step(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.format(done=str(tmp_path / "done")))
    program = resolve(str(path))
    assert isinstance(program, ScriptProgram)
    edited: EditedProgram = edited_script(program, 99)
    with pytest.raises(EditedRunError, match="ended before step 99"):
        edited.run([])
