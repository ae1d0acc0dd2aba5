"""`trace`: names, places, scopes, roots, arguments, failures, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import inspect
import weakref
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from engine import Trace, trace
from engine.errors import TraceError
from engine.graph.model import Node


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.first(x))
        left, right = h.chunk(2, -1)
        h = h * torch.cat([right, left], -1)
        result: Tensor = self.second(h)
        return result


class Net(nn.Module):
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(4, 2)
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x: Tensor, target: Tensor) -> dict[str, Tensor]:
        for block in self.blocks:
            x = block(x)
        x = self.blocks[0](x)
        logits = self.head(x * self.scale)
        loss = F.cross_entropy(logits, target)
        return {"loss": loss}


@pytest.fixture
def net() -> Trace:
    torch.manual_seed(0)
    return trace(Net(), torch.randn(3, 4), target=torch.tensor([0, 1, 1]))


def _named(recorded: Trace, name: str) -> Node:
    return next(node for node in recorded.graph.nodes if node.name == name)


def test_variables_name_the_last_operation_of_their_statement(net: Trace) -> None:
    assert _named(net, "logits").op == "aten.addmm.default"
    assert _named(net, "loss").op == "aten.nll_loss_forward.default"
    named_h = [node.op for node in net.graph.nodes if node.name == "h"]
    assert named_h == ["aten.relu.default", "aten.mul.Tensor"] * 3
    assert [node.op for node in net.graph.nodes if node.name == "result"] == ["aten.addmm.default"] * 3
    assert _named(net, "left, right").outputs[1].name == "right"


def test_a_loop_keeps_every_name() -> None:
    def run(a: Tensor) -> Tensor:
        for _ in range(3):
            a = a * 2
        return a.sum()

    recorded = trace(run, torch.ones(2, requires_grad=True))
    assert [node.name for node in recorded.graph.nodes if node.op == "aten.mul.Tensor"] == ["a", "a", "a"]


def test_a_returned_result_is_named_by_the_caller() -> None:
    def double(value: Tensor) -> Tensor:
        return torch.relu(value * 2)

    def run(a: Tensor) -> Tensor:
        outer = double(a)
        return outer.sum()

    recorded = trace(run, torch.ones(2, requires_grad=True))
    names = {node.op: node.name for node in recorded.graph.nodes}
    assert names["aten.relu.default"] == "outer"
    assert names["aten.mul.Tensor"] is None


def test_kinds_and_names_of_what_enters(net: Trace) -> None:
    kinds = {node.name: node.kind for node in net.graph.nodes if node.kind != "op"}
    assert kinds["blocks.0.first.weight"] == "leaf"
    assert kinds["scale"] == "buffer"
    assert kinds["x"] == kinds["target"] == "input"
    assert all(node.grad_fn == "AccumulateGrad" for node in net.leaves())


def test_a_module_called_twice_has_two_scopes(net: Trace) -> None:
    scopes = {node.scope for node in net.graph.nodes if node.op == "aten.relu.default"}
    assert scopes == {("blocks.0",), ("blocks.1",), ("blocks.0@2",)}
    assert net.graph.scopes[("blocks.0",)].module == "Block"
    assert net.graph.scopes[("blocks.0", "first")].parameters == 20
    weights = [node for node in net.leaves() if node.name == "blocks.0.first.weight"]
    assert len(weights) == 1
    assert len(net.graph.outgoing(weights[0])) == 2


def test_source_is_the_users_line(net: Trace) -> None:
    relu = next(node for node in net.graph.nodes if node.op == "aten.relu.default")
    lines, start = inspect.getsourcelines(Block.forward)
    assert relu.source == (__file__, start + 1, "Block.forward")
    assert "relu" in lines[1]
    assert "class Block" in net.sources[__file__]


def test_operands_and_parameters_by_schema_name(net: Trace) -> None:
    addmm = next(node for node in net.graph.nodes if node.op == "aten.addmm.default")
    assert [edge.arg for edge in net.graph.incoming(addmm)] == ["self", "mat1", "mat2"]
    softmax = next(node for node in net.graph.nodes if node.op == "aten._log_softmax.default")
    assert softmax.params == {"dim": 1, "half_to_float": False}


def test_edges_say_why_no_gradient_flows() -> None:
    def run(a: Tensor, b: Tensor) -> Tensor:
        cut = (a * 2).detach()
        with torch.no_grad():
            scale: Tensor = a.norm()
        return (cut * a * scale * b).sum() + a[a.argmax()]

    recorded = trace(run, torch.tensor([1.0, 2.0], requires_grad=True), torch.ones(2))
    reasons = {recorded.graph.nodes[edge.target].op: edge.cut for edge in recorded.graph.edges if edge.cut}
    assert reasons["aten.detach.default"] == "cut by detach()"
    assert "no_grad" in str(reasons["aten.linalg_vector_norm.default"])
    assert "int64" in str(reasons["aten.argmax.default"])
    given = next(e for e in recorded.graph.edges if recorded.graph.nodes[e.source].name == "b")
    assert given.cut == "needs no gradient"


def test_leaf_gradients_equal_grad() -> None:
    torch.manual_seed(0)
    model = Net()
    recorded = trace(model, torch.randn(3, 4), torch.tensor([0, 1, 1]))
    for name, parameter in model.named_parameters():
        leaf = _named(recorded, name)
        np.testing.assert_array_equal(recorded.grad(leaf), parameter.grad)


def test_grad_before_and_after_accumulation() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    trace(lambda: (w * 3).sum())
    recorded = trace(lambda: (w * 3).sum())
    step = recorded.step_of(recorded.leaves()[0])
    assert step is not None
    assert step.grad_before is not None
    assert step.grad_after is not None
    np.testing.assert_array_equal(step.grad_before, [3.0, 3.0])
    np.testing.assert_array_equal(step.grad_after, [6.0, 6.0])
    np.testing.assert_array_equal(recorded.grad(recorded.leaves()[0]), [3.0, 3.0])


@dataclasses.dataclass
class Batch:
    x: Tensor
    label: Any = None


def test_any_nest_of_arguments_and_results() -> None:
    w = torch.ones(3, requires_grad=True)

    def run(batch: Batch, options: dict[str, Any], *_rest: Any, scale: float) -> Any:
        out: Tensor = batch.x * w * scale + options["shift"][0]
        return {"a": (out, None, 3, "text"), "b": Batch(out.sum()), "n": out > 0}

    recorded = trace(run, Batch(torch.ones(3)), {"shift": [torch.zeros(3)]}, None, np.ones(2), scale=2.0)
    assert len(recorded.roots) == 2
    np.testing.assert_array_equal(recorded.grad(recorded.leaves()[0]), [4.0, 4.0, 4.0])
    names = {node.name for node in recorded.graph.nodes if node.kind == "input"}
    assert names == {"batch.x", "options.shift[0]"}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (lambda: 3, "returned no tensor"),
        (lambda: torch.ones(2), "does not depend on any tensor that requires grad"),
        (lambda: torch.ones(2, dtype=torch.int64), "only int64"),
    ],
)
def test_a_result_without_gradient_is_explained(program: Any, words: str) -> None:
    with pytest.raises(TraceError, match=words) as caught:
        trace(program)
    assert caught.value.trace is not None


def test_a_program_that_raises_gives_the_partial_trace() -> None:
    def run(a: Tensor) -> Any:
        b = a * 2
        return F.linear(b, torch.ones(3, 7))

    with pytest.raises(TraceError, match="cannot be multiplied") as caught:
        trace(run, torch.ones(2, 3, requires_grad=True))
    error = caught.value
    assert error.trace is not None
    assert error.trace.error == str(error)
    assert [node.label for node in error.trace.graph.nodes if node.kind == "op"] == ["mul", "ones", "t", "mm"]
    assert error.source == (__file__, inspect.getsourcelines(run)[1] + 2)
    assert error.user_traceback.count("File ") == 2  # this file, and torch's own call of the operator
    assert "forward.py" not in error.user_traceback


def test_backward_can_be_left_out() -> None:
    recorded = trace(Net(), torch.randn(3, 4), torch.tensor([0, 1, 1]), backward=False)
    assert recorded.backward == []
    assert len(recorded.roots) == 1
    assert all(edge.grad_index is None for edge in recorded.graph.edges)


def test_values_none_keeps_nothing(net: Trace) -> None:
    torch.manual_seed(0)
    bare = trace(Net(), torch.randn(3, 4), torch.tensor([0, 1, 1]), values="none")
    assert [node.op for node in bare.graph.nodes] == [node.op for node in net.graph.nodes]
    assert all(info.array is None and info.summary is None for node in bare.graph.nodes for info in node.outputs)
    with pytest.raises(ValueError, match="values must be"):
        trace(Net(), values="everything")  # type: ignore[arg-type]


def test_to_networkx_carries_every_attribute(net: Trace) -> None:
    graph = net.graph.to_networkx()
    assert graph.number_of_nodes() == len(net.graph.nodes)
    assert graph.number_of_edges() == len(net.graph.edges)
    logits = _named(net, "logits")
    assert graph.nodes[logits.id]["op"] == "aten.addmm.default"
    assert {data["arg"] for _, _, data in graph.in_edges(logits.id, data=True)} == {"self", "mat1", "mat2"}


def _train(is_traced: bool) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        x = torch.randn(5, 6)
        if is_traced:
            trace(lambda given=x: model(given).square().mean())
        else:
            model(x).square().mean().backward()
        optimizer.step()
    return [*model.parameters(), *model.buffers()], torch.get_rng_state()


def test_training_is_bit_identical_when_traced() -> None:
    plain, plain_state = _train(is_traced=False)
    traced, traced_state = _train(is_traced=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, traced, strict=True))
    assert torch.equal(plain_state, traced_state)


def test_nothing_stays_installed() -> None:
    module_hooks = torch.nn.modules.module
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(TraceError):
        trace(lambda: F.linear(w, torch.ones(3, 7)))
    trace(nn.Linear(2, 2), torch.ones(1, 2))
    assert not _get_current_dispatch_mode_stack()
    assert not module_hooks._global_forward_hooks
    assert not module_hooks._global_forward_pre_hooks
    assert w._backward_hooks is None


def test_saved_tensors_say_where_they_come_from() -> None:
    x = torch.tensor([0.5, 1.5])

    def run(w: Tensor) -> Tensor:
        z = w * x
        a = torch.sigmoid(z)
        return (a * z).sum()

    recorded = trace(run, torch.ones(2, requires_grad=True))
    by_label = {node.label: node for node in recorded.graph.nodes}
    assert [(s.name, s.source) for s in by_label["sigmoid"].saved] == [("result", (by_label["sigmoid"].id, 0))]
    product = [node for node in recorded.graph.nodes if node.label == "mul"][1]
    z, a = _named(recorded, "z"), _named(recorded, "a")
    assert {s.name: s.source for s in product.saved} == {"self": (a.id, 0), "other": (z.id, 0)}
    assert [s.nbytes for s in product.saved] == [8, 8]


def test_the_variable_that_holds_the_trace_names_nothing() -> None:
    recorded = trace(lambda: torch.ones(2, requires_grad=True).exp().sum())
    assert [node.name for node in recorded.graph.nodes if node.kind == "op"] == [None, None]


def test_a_write_into_a_view_has_the_base_as_its_second_output() -> None:
    def run(a: Tensor, b: Tensor) -> Tensor:
        x = a * 2
        x[1] = b
        return (x * x).sum()

    recorded = trace(run, torch.ones(3, 2, requires_grad=True), torch.full((2,), 5.0, requires_grad=True))
    write = next(node for node in recorded.graph.nodes if node.grad_fn == "CopySlices")
    assert write.op == "aten.copy_.default"
    assert [info.shape for info in write.outputs] == [(2,), (3, 2)]
    np.testing.assert_array_equal(recorded.value(write, 1), [[2, 2], [5, 5], [2, 2]])
    np.testing.assert_array_equal(recorded.grad(write, 1), [[4, 4], [10, 10], [4, 4]])
    reader = next(node for node in recorded.graph.nodes if node.label == "mul" and node.id > write.id)
    assert {(edge.source, edge.output_nr) for edge in recorded.graph.incoming(reader)} == {(write.id, 1)}


def test_the_programs_variables_live_no_longer_than_in_a_plain_run() -> None:
    alive: list[bool] = []

    def run(a: Tensor) -> Tensor:
        large = a.exp()
        small = large.detach().sum() * torch.tensor(2.0)  # a constant, whose name is looked for
        gone = weakref.ref(large)
        del large
        alive.append(gone() is not None)
        given = locals()
        b = a * small * torch.tensor(3.0)
        assert {"a", "small"} <= set(given)
        return b.sum()

    a = torch.ones(3, requires_grad=True)
    run(a)
    trace(run, a)
    assert alive == [False, False]


def test_a_trace_holds_plain_data_only(net: Trace) -> None:
    assert {type(value) for value in net.environment.values()} == {str}
