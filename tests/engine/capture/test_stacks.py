"""The program's calls around each operation: which are kept, which are left out, and that equal ones are one object."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine import trace
from engine.capture.frames import MOST_CALLS, Stacks
from engine.graph.model import Node, Source
from engine.graph.trace import Trace
from engine.programs import resolve
from engine.programs.tracing import trace_program
from engine.storage.trace_file import dumps, loads


def leaf() -> Tensor:
    return torch.ones(3, requires_grad=True)


def calls(node: Node) -> list[str]:
    """The functions of a node's stack, innermost first, as a reader of the program knows them."""
    return [source.function.rpartition("<locals>.")[2] for source in node.stack]


def find(recorded: Trace, label: str) -> Node:
    return next(node for node in recorded.graph.nodes if node.label == label)


def check(recorded: Trace) -> None:
    """What holds for every node of every trace."""
    for node in recorded.graph.nodes:
        assert node.source == (node.stack[0] if node.stack else None)
        assert len(node.stack) <= MOST_CALLS
        assert {source.file for source in node.stack} <= {__file__}  # nothing of torch, of the engine, of pytest
        assert all(source.file in recorded.sources for source in node.stack)
    stacks = [node.stack for node in recorded.graph.nodes]
    assert len({id(stack) for stack in stacks if stack}) == len({stack for stack in stacks if stack})


def test_nested_functions_with_their_lines() -> None:
    def inner(x: Tensor) -> Tensor:
        return x.sin()

    def outer(x: Tensor) -> Tensor:
        return inner(x) * 2

    def loss_of() -> Tensor:
        return outer(leaf()).sum()

    recorded = trace(loss_of)
    check(recorded)
    assert calls(find(recorded, "sin")) == ["inner", "outer", "loss_of"]
    assert calls(find(recorded, "mul")) == ["outer", "loss_of"]
    assert calls(find(recorded, "sum")) == ["loss_of"]
    text = recorded.sources[__file__].split("\n")
    lines = [text[source.line - 1].strip() for source in find(recorded, "sin").stack]
    assert lines == ["return x.sin()", "return inner(x) * 2", "return outer(leaf()).sum()"]


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x).tanh()

    def mix(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(x)
        return result


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())

    def forward(self, x: Tensor) -> Any:
        return self.blocks(x).sum()


def test_modules_without_the_frames_of_torch_between_them() -> None:
    net = Net()

    def loss_of() -> Any:
        return net(torch.ones(2, 3))

    recorded = trace(loss_of)
    check(recorded)
    products = [node for node in recorded.graph.nodes if node.label == "addmm"]
    assert [calls(node) for node in products] == [["Block.mix", "Block.forward", "Net.forward", "loss_of"]] * 2
    assert products[0].stack is products[1].stack
    weight = next(node for node in recorded.graph.nodes if node.name == "blocks.0.linear.weight")
    assert calls(weight) == ["Block.mix", "Block.forward", "Net.forward", "loss_of"]


def test_whoever_traces_is_no_part_of_the_program() -> None:
    recorded = trace(Net(), torch.ones(2, 3))
    check(recorded)
    assert calls(find(recorded, "sum")) == ["Net.forward"]
    # Nothing of the program's own runs around the operation of a module that is traced itself.
    single = trace(nn.Linear(3, 1), torch.ones(1, 3))
    check(single)
    assert calls(find(single, "addmm")) == ["test_whoever_traces_is_no_part_of_the_program"]


def test_a_deep_recursion_keeps_the_innermost_calls() -> None:
    def deeper(x: Tensor, more: int) -> Tensor:
        if more:
            return deeper(x, more - 1)
        return x.cos()

    recorded = trace(lambda: deeper(leaf(), 20).sum())
    check(recorded)
    stack = find(recorded, "cos").stack
    assert [source.function.rpartition(".")[2] for source in stack] == ["deeper"] * MOST_CALLS
    assert stack[0].line == stack[1].line + 1
    assert len({source.line for source in stack[1:]}) == 1


class Double(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:
        return grad * 2


def test_a_custom_function_is_where_it_is_applied() -> None:
    def apply(x: Tensor) -> Any:
        return Double.apply(x)  # type: ignore[no-untyped-call]  # torch is not annotated here

    def loss_of() -> Any:
        y = apply(leaf())
        return y.sum()

    recorded = trace(loss_of)
    check(recorded)
    own = next(node for node in recorded.graph.nodes if node.grad_fn == "DoubleBackward")
    assert calls(own) == ["apply", "loss_of"]
    assert calls(find(recorded, "mul")) == ["Double.forward", "apply", "loss_of"]
    text = recorded.sources[__file__].split("\n")
    assert [text[source.line - 1].strip() for source in own.stack][1] == "y = apply(leaf())"


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_what_a_checkpoint_runs(use_reentrant: bool) -> None:
    def part(x: Tensor) -> Tensor:
        return x.exp()

    def loss_of() -> Any:
        return checkpoint(part, leaf(), use_reentrant=use_reentrant).sum()

    recorded = trace(loss_of)
    check(recorded)
    runs = [node for node in recorded.graph.nodes if node.label == "exp"]
    assert calls(runs[0]) == ["part", "loss_of"]
    assert all(calls(node)[0] == "part" for node in runs)


def test_comprehensions_lambdas_and_generators() -> None:
    def each(x: Tensor) -> Iterator[Tensor]:
        yield x.sqrt()

    def loss_of() -> Tensor:
        square: Callable[[Tensor], Tensor] = lambda x: x.square()  # noqa: E731 - a lambda is what is tested
        first, *_ = [square(x) for x in (leaf(), leaf())]
        return sum(x.sum() for x in each(first)) + first.sum()

    recorded = trace(loss_of)
    check(recorded)
    # From Python 3.12 on a list comprehension runs in its function's own frame.
    between = ["<listcomp>"] if sys.version_info < (3, 12) else []
    assert calls(find(recorded, "pow")) == ["<lambda>", *between, "loss_of"]
    assert calls(find(recorded, "sqrt")) == ["each", "<genexpr>", "loss_of"]


def test_the_same_line_from_two_places() -> None:
    def shared(x: Tensor) -> Tensor:
        return x.sin()

    def loss_of() -> Tensor:
        x = leaf()
        first = shared(x)
        second = shared(x)
        return (first + second).sum()

    recorded = trace(loss_of)
    check(recorded)
    one, two = (node for node in recorded.graph.nodes if node.label == "sin")
    assert one.source == two.source
    assert two.stack[1].line == one.stack[1].line + 1


def test_a_stack_ends_at_the_frame_of_whoever_traces() -> None:
    stacks = Stacks()

    def inner() -> tuple[tuple[Source, ...], FrameType]:
        frame = sys._getframe()
        return stacks.at(frame, frame.f_back), frame

    found, frame = inner()
    assert [source.function.rpartition(".")[2] for source in found] == ["inner"]
    assert stacks.at(None) == ()
    assert [source.function for source in stacks.at(frame.f_back, sys._getframe())] == [sys._getframe().f_code.co_name]


def test_a_script_ends_at_its_own_module(tmp_path: Path) -> None:
    path = tmp_path / "user_stacks.py"
    path.write_text(
        "import torch\n"
        "def loss_of(w):\n"
        "    return (w * 2).sum()\n"
        "def main():\n"
        "    loss_of(torch.ones(2, requires_grad=True)).backward()\n"
        "main()\n"
    )
    recorded = trace_program(resolve(str(path), ()))
    found = [(source.function, source.line) for source in find(recorded, "mul").stack]
    assert found == [("loss_of", 3), ("main", 5), ("<module>", 6)]


def test_it_is_saved_and_given_to_networkx() -> None:
    recorded = trace(Net(), torch.ones(2, 3), values="none")
    again = loads(dumps(recorded))
    check(again)
    assert [node.stack for node in again.graph.nodes] == [node.stack for node in recorded.graph.nodes]
    attributes = recorded.graph.to_networkx().nodes
    assert [attributes[node.id]["stack"] for node in recorded.graph.nodes] == [n.stack for n in recorded.graph.nodes]
    assert re.search(r"Block\.mix", str(attributes[find(recorded, "addmm").id]["stack"]))
