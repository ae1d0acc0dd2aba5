"""Custom autograd Functions, checkpoints, compiled code and hooks: what the graph says of them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine import Trace, trace
from engine.capture.recorder import Recorder
from engine.graph.model import Node
from engine.graph.stepper import Stepper

from .corpus.functions import apply


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        squared = x * x
        return squared * x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * 3 * x * x


class Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        return x * 2, x + 1

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        return grad_outputs[0] * 2 + grad_outputs[1]


def _node(recorded: Trace, grad_fn: str) -> Node:
    return next(node for node in recorded.graph.nodes if node.grad_fn == grad_fn)


def test_a_function_has_its_body_its_caller_and_its_name() -> None:
    def run(a: Tensor) -> Tensor:
        y = apply(Cube, a)
        z: Tensor = apply(Cube, y)
        return z.sum()

    recorded = trace(run, torch.ones(2, requires_grad=True))
    first, second = (node for node in recorded.graph.nodes if node.grad_fn == "CubeBackward")
    assert (first.name, second.name) == ("y", "z")
    assert first.call == second.call == "Cube.apply"
    assert (first.scope, second.scope) == (("Cube.apply",), ("Cube.apply@2",))
    assert recorded.graph.scopes[("Cube.apply@2",)].module == "Cube"
    body = [node for node in recorded.graph.nodes if node.scope == ("Cube.apply",) and node.op is not None]
    assert [(node.op, node.name) for node in body] == [("aten.mul.Tensor", "squared"), ("aten.mul.Tensor", None)]
    _, forward = inspect.getsourcelines(Cube.forward)
    assert [node.source.line - forward for node in body if node.source] == [3, 4]
    reasons = {edge.arg: edge.cut for edge in recorded.graph.incoming(first)}
    assert str(reasons["result"]).startswith("inside a custom Function")
    gradients = [edge for edge in recorded.graph.incoming(first) if edge.grad_index is not None]
    assert [recorded.graph.nodes[edge.source].kind for edge in gradients] == ["leaf"]


def test_every_output_of_a_function_is_linked_to_what_computed_it() -> None:
    def run(a: Tensor) -> Tensor:
        doubled, shifted = apply(Split, a)
        total: Tensor = (doubled * shifted).sum()
        return total

    recorded = trace(run, torch.ones(2, requires_grad=True))
    node = _node(recorded, "SplitBackward")
    assert node.name == "doubled, shifted"
    assert [info.name for info in node.outputs] == ["doubled", "shifted"]
    results = [edge for edge in recorded.graph.incoming(node) if edge.arg == "result"]
    assert {recorded.graph.nodes[edge.source].op for edge in results} == {"aten.mul.Tensor", "aten.add.Tensor"}
    np.testing.assert_array_equal(recorded.grad(node, 0), [2, 2])


def test_a_function_inside_a_module_and_a_module_inside_a_function() -> None:
    layer = nn.Linear(2, 2)

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            return layer(x)

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            return grad_outputs[0]

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return apply(Wrapped, x).sum()

    net = Net()
    recorded = trace(lambda x: net(x), torch.ones(1, 2, requires_grad=True))
    addmm = next(node for node in recorded.graph.nodes if node.op == "aten.addmm.default")
    assert addmm.scope == ("net", "Wrapped.apply", "layer")
    assert _node(recorded, "WrappedBackward").scope == ("net", "Wrapped.apply")
    total = next(node for node in recorded.graph.nodes if node.op == "aten.sum.default")
    assert total.scope == ("net",)


def test_a_function_that_raises_leaves_no_scope_behind() -> None:
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            x.exp()
            raise ValueError("broken")

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            return grad_outputs[0]

    def run(a: Tensor) -> Tensor:
        with pytest.raises(ValueError, match="broken"):
            apply(Broken, a)
        with torch.no_grad():
            scale: Tensor = a.norm()
        return (a * scale).sum()

    recorded = trace(run, torch.ones(2, requires_grad=True))
    scopes = {node.label: node.scope for node in recorded.graph.nodes}
    assert scopes["exp"] == ("Broken.apply",)
    assert scopes["linalg_vector_norm"] == scopes["mul"] == scopes["sum"] == ()


def test_gradients_of_a_reentrant_checkpoint_are_those_of_a_plain_run_to_the_last_digit() -> None:
    """The derivative of a product has another one under a dispatch mode."""

    def run(x: Tensor) -> Any:
        inner: Any = checkpoint(lambda h: h.prod(-1), x * 1, use_reentrant=True)
        return inner.sum() + x.prod(-1).sum()

    torch.manual_seed(0)
    values = torch.randn(2, 3, 4, 5)
    plain, traced = values.clone().requires_grad_(), values.clone().requires_grad_()
    run(plain).backward()
    recorded = trace(run, traced, values="all")
    assert plain.grad is not None
    assert traced.grad is not None
    assert torch.equal(plain.grad, traced.grad)
    leaf = next(leaf for leaf in recorded.leaves() if leaf.name == "x")
    np.testing.assert_array_equal(recorded.grad(leaf), plain.grad)


def test_a_reentrant_checkpoint_shows_what_it_computes_again() -> None:
    block = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    x = torch.randn(2, 3, requires_grad=True)

    def run() -> Any:
        result: Any = checkpoint(block, x * 2, use_reentrant=True)
        return result.square().sum()

    recorded = trace(run, values="all")
    leaves = {node.name: node for node in recorded.leaves()}
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_array_equal(recorded.grad(leaves[name]), parameter.grad)
    again = [node for node in recorded.graph.nodes if "recomputed" in node.scope]
    assert [node.op for node in again if node.kind == "op"] == [
        "aten.t.default",
        "aten.addmm.default",
        "aten.tanh.default",
    ]
    assert again[-1].scope == ("CheckpointFunction.apply", "recomputed", "block", "1")
    order = [step.node.grad_fn for step in recorded.backward]
    assert order.index("TanhBackward0") < order.index("CheckpointFunctionBackward") < order.index("MulBackward0")
    assert all(edge.source < edge.target for edge in recorded.graph.edges)
    stepper = Stepper(recorded)
    for position in range(len(recorded.backward) + 1):
        stepper.move_to(position)


def test_a_checkpoint_says_that_it_computes_again() -> None:
    block = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    x = torch.randn(2, 3)
    recorded = trace(lambda: checkpoint(block, x, use_reentrant=False).sum())
    assert any("again" in note and "checkpoint" in note for note in recorded.notes)
    assert len([node for node in recorded.graph.nodes if node.op == "aten.addmm.default"]) == 1


def test_a_backward_that_differentiates_inside_is_recorded() -> None:
    class Implicit(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
            with torch.enable_grad():
                x = ctx.saved_tensors[0].detach().requires_grad_()
                y = x.sin()
                (gradient,) = torch.autograd.grad(y, x, grad_outputs[0])
            return gradient

    a = torch.tensor([0.5, 1.0], requires_grad=True)
    recorded = trace(lambda: apply(Implicit, a).sum())
    np.testing.assert_allclose(np.asarray(recorded.grad(recorded.leaves()[0])), torch.cos(a.detach()))
    inner = _node(recorded, "SinBackward0")
    assert inner.scope == ("Implicit.apply", "recomputed")
    assert inner.name == "y"
    assert recorded.step_of(inner) is not None


def test_a_gradient_of_a_gradient_is_not_taken_for_recomputation() -> None:
    a = torch.ones(2, requires_grad=True)
    recorder = Recorder()
    recorder.start()
    loss = apply(Cube, a).sum()
    (gradient,) = recorder.run_backward([loss], lambda: torch.autograd.grad(loss, a, create_graph=True))
    recorded = recorder.finish()
    assert gradient.requires_grad
    assert [step.node.grad_fn for step in recorded.backward] == ["SumBackward0", "CubeBackward"]
    assert not any("recomputed" in node.scope for node in recorded.graph.nodes)


def test_hooks_of_the_program_are_named_with_their_lines() -> None:
    frozen = torch.ones(2, requires_grad=True)
    frozen.register_hook(lambda grad: grad * 0)

    def run() -> Tensor:
        b = frozen * 2
        b.register_hook(lambda grad: grad * 3)
        return b.exp().sum()

    recorded = trace(run)
    line = inspect.getsourcelines(run)[1] + 2
    assert any(f"on b (test_functions.py, line {line})" in note for note in recorded.notes)
    assert any("own hook on frozen" in note for note in recorded.notes)
    product = next(node for node in recorded.graph.nodes if node.name == "b")
    handed_on = recorded.contributions(product)[0][1]
    np.testing.assert_allclose(np.asarray(recorded.grad(product)), np.asarray(handed_on) * 3)


def test_backward_hooks_of_modules_are_noted() -> None:
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda *given: (given[1][0] * 2,))
    recorded = trace(lambda x: layer(x).sum(), torch.ones(1, 2, requires_grad=True))
    assert any("module layer has backward hooks" in note for note in recorded.notes)


COMPILED = """
import torch, sys
from torch import nn
from engine import trace

def never(graph, inputs):
    raise AssertionError("compiled")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.compile(nn.Linear(3, 3), backend=never)
        self.out = nn.Linear(3, 1)
    def forward(self, x):
        return self.out(self.inner(x)).sum()

@torch.compile(backend=never)
def gate(x):
    return torch.relu(x) * 2

@torch.compile(backend=never)
class Whole(nn.Linear):
    pass

x = torch.ones(2, 3, requires_grad=True)
nested = trace(Net(), x)
assert [n.name for n in nested.leaves()] == ["inner.weight", "inner.bias", "x", "out.weight", "out.bias"]
assert {n.scope for n in nested.graph.nodes if n.op == "aten.addmm.default"} == {("inner",), ("out",)}
assert any("Linear is compiled" in note for note in nested.notes), nested.notes
for program in (gate, lambda x: gate(x).sum()):
    recorded = trace(program, x)
    assert [n.label for n in recorded.graph.nodes if n.kind == "op"][:2] == ["relu", "mul"]
    assert any("function gate is compiled" in note for note in recorded.notes), recorded.notes
inside = trace(lambda x: torch.compile(nn.Linear(3, 1), backend=never)(x).sum(), x)
assert any("Linear is compiled" in note for note in inside.notes), inside.notes
root = trace(torch.compile(nn.Linear(3, 1), backend=never), x)
assert any("compiled" in note for note in root.notes)
try:
    gate(x)
except Exception as error:
    assert "compiled" in str(error)
else:
    raise AssertionError("torch.compile is still off")
"""

CONTROL = """
import torch
from torch._higher_order_ops.while_loop import while_loop
from engine import trace

w = torch.tensor([0.5, -1.0], requires_grad=True)

def choose(x):
    return torch.cond(x.sum() > 0, lambda x: (w * x).sin(), lambda x: (w * x).cos(), (x,))

def repeat(x):
    return while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * w), (torch.tensor(0), x))[1]

for program, expected in ((choose, w.detach().cos()), (repeat, 3 * w.detach() ** 2)):
    recorded = trace(program, torch.ones(2))
    (leaf,) = recorded.leaves()
    torch.testing.assert_close(torch.from_numpy(recorded.grad(leaf).copy()), expected)
    assert any("Control flow" in note for note in recorded.notes)
assert [node.label for node in recorded.graph.nodes if node.grad_fn == "MulBackward0"] == ["mul"] * 3
"""

PLAIN = """
import sys, torch
from engine import trace
before = torch.compile, torch.Tensor.register_hook, torch.autograd.backward
trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
assert "torch._dynamo" not in sys.modules
assert before == (torch.compile, torch.Tensor.register_hook, torch.autograd.backward)
"""


@pytest.mark.parametrize(
    "program", [PLAIN, COMPILED, CONTROL], ids=["without the compiler", "compiled", "control flow"]
)
def test_compiled_programs_run_eagerly(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
