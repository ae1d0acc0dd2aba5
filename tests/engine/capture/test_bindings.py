"""Which variable, attribute or item the result of an operation is bound to, in every way that Python has for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import trace
from engine.errors import TraceError
from engine.graph.model import Node


def _named(program: Callable[..., Any]) -> list[tuple[str, str | None]]:
    """The operations of a program of one leaf, `a`, with their names."""
    a = torch.tensor([0.5, 1.0, 1.5, 2.0], requires_grad=True)
    recorded = trace(program, a)
    return [(node.label, node.name) for node in recorded.graph.nodes if node.kind == "op"]


def _chained(a: Tensor) -> Tensor:
    first = second = a.exp()
    return (first * second).sum()


def _augmented(a: Tensor) -> Tensor:
    x = a.neg()
    x += a
    x = x * 2
    return x.sum()


def _unpacked(a: Tensor) -> Tensor:
    (left, right), whole = a.chunk(2), a.exp()
    total: Tensor = (left * right).sum() + whole.sum()
    return total


def _side_by_side(a: Tensor) -> Tensor:
    x, y = a.exp(), a.sin()
    return (x * y).sum()


def _starred(a: Tensor) -> Tensor:
    head, *_tail = a.chunk(2)
    return head.sum()


def _items(a: Tensor) -> Tensor:
    values: dict[str, Tensor] = {}
    values["x"] = a.neg()
    places = [a, a]
    places[0] = values["x"] + a
    values["x"] += places[0]
    return values["x"].sum()


def _attributes(a: Tensor) -> Tensor:
    state = SimpleNamespace(inner=SimpleNamespace())
    state.h = a.neg()
    state.inner.c = a.sin()
    state.h -= state.inner.c
    total: Tensor = state.h.sum()
    return total


def _walrus(a: Tensor) -> Tensor:
    if (x := a.exp()).requires_grad:
        return (y := x.sin()).sum() + y.sum()
    return x.sum()


def _conditional(a: Tensor) -> Tensor:
    x = a.exp() if a.requires_grad else a.sin()
    y = a.sin() if not a.requires_grad else a.cos()
    return x.sum() + y.sum()


def _annotated(a: Tensor) -> Tensor:
    x: Tensor = a.exp()
    return x.sum()


def _nested_functions(a: Tensor) -> Tensor:
    def outer(value: Tensor) -> Tensor:
        def inner(given: Tensor) -> Tensor:
            return given.exp()

        return inner(value)

    x = outer(a)
    return x.sum()


def _lambda(a: Tensor) -> Tensor:
    double: Callable[[Tensor], Tensor] = lambda value: value.exp()  # noqa: E731 - a lambda that has a name is what is tested
    x = double(a)
    total: Tensor = x.sum()
    return total


def _comprehension(a: Tensor) -> Tensor:
    parts = [a.exp() for _ in range(2)]
    total = parts[0] + parts[1]
    return total.sum()


def _generator(a: Tensor) -> Tensor:
    def steps() -> Iterator[Tensor]:
        x = a.exp()
        yield x
        y = x.sin()
        yield y

    total = sum(steps(), torch.zeros(4))
    return total.sum()


def _passed_on(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    @functools.wraps(function)
    def wrapper(value: Tensor) -> Tensor:
        return function(value)

    return wrapper


def _decorated(a: Tensor) -> Tensor:
    @_passed_on
    def double(value: Tensor) -> Tensor:
        return value.exp()

    x = double(a)
    return x.sum()


@dataclass
class Cell:
    """A dataclass whose method computes."""

    states: list[Tensor] = field(default_factory=list)

    def step(self, value: Tensor) -> Tensor:
        self.last = value.exp()
        self.states.append(self.last.sin())
        return self.last.cos()


def _method(a: Tensor) -> Tensor:
    cell = Cell()
    x = cell.step(a)
    return x.sum()


def _ignored(a: Tensor) -> Tensor:
    _ = a.exp()
    x, _ = a.max(0)
    return x * 2


def _deleted(a: Tensor) -> Tensor:
    x = a.exp()
    y = x.sin()
    del x
    return y.sum()


def _used_at_once(a: Tensor) -> Tensor:
    x = a.exp().sin()
    return (x * 2).sum()


def _in_a_with(a: Tensor) -> Tensor:
    with torch.enable_grad():
        x = a.exp()
    try:
        y = x.sin()
    finally:
        z = x.cos()
    return y.sum() + z.sum()


def _matched(a: Tensor) -> Tensor:
    match a.dim():
        case 1:
            x = a.exp()
        case _:
            x = a.sin()
    return x.sum()


EXPECTED: list[tuple[Callable[[Tensor], Tensor], dict[str, str | None]]] = [
    (_chained, {"exp": "first", "mul": None}),
    (_augmented, {"neg": "x", "add_": "x", "mul": "x"}),
    (_unpacked, {"exp": "whole", "split": "left, right"}),
    (_side_by_side, {"exp": "x", "sin": "y"}),
    (_starred, {"split": "head"}),
    (_items, {"neg": "values['x']", "add": "places[0]", "add_": "values['x']"}),
    (_attributes, {"neg": "state.h", "sin": "state.inner.c", "sub_": "state.h", "sum": "total"}),
    (_walrus, {"exp": "x", "sin": "y"}),
    (_conditional, {"exp": "x", "cos": "y"}),
    (_annotated, {"exp": "x"}),
    (_nested_functions, {"exp": "x"}),
    (_lambda, {"exp": "x"}),
    (_comprehension, {"exp": None, "add": "total"}),
    (_generator, {"exp": "x", "sin": "y"}),
    (_decorated, {"exp": "x"}),
    (_method, {"exp": "self.last", "sin": None, "cos": "x"}),
    (_ignored, {"exp": None, "max": "x", "mul": None}),
    (_deleted, {"exp": "x", "sin": "y"}),
    (_used_at_once, {"exp": None, "sin": "x"}),
    (_in_a_with, {"exp": "x", "sin": "y", "cos": "z"}),
    (_matched, {"exp": "x"}),
]


@pytest.mark.parametrize(("program", "expected"), EXPECTED, ids=[program.__name__ for program, _ in EXPECTED])
def test_names(program: Callable[[Tensor], Tensor], expected: dict[str, str | None]) -> None:
    found = dict(reversed(_named(program)))  # the first operation of each kind
    assert {label: found[label] for label in expected} == expected


def test_every_turn_of_a_loop_has_its_name() -> None:
    def run(a: Tensor) -> Tensor:
        states: dict[int, Tensor] = {}
        for turn in range(3):
            states[turn] = a.exp()
        total = torch.stack(list(states.values()))
        return total.sum()

    assert [name for label, name in _named(run) if label == "exp"] == ["states[turn]"] * 3


def test_outputs_have_the_names_that_they_are_unpacked_to() -> None:
    def run(a: Tensor) -> Tensor:
        low, (high, _) = a.min(0).values, a.topk(2)
        return low + high.sum()

    a = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)
    recorded = trace(run, a)
    topk = next(node for node in recorded.graph.nodes if node.label == "topk")
    assert topk.name == "high"
    assert [info.name for info in topk.outputs] == ["high", "_"]


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)
        self.h: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.h = torch.tanh(self.cell(x))
        return self.h.sum()


def test_the_state_of_a_module_and_the_place_of_a_line() -> None:
    recorded = trace(_Recurrent(), torch.ones(2, 4))
    tanh: Node = next(node for node in recorded.graph.nodes if node.label == "tanh")
    assert tanh.name == "self.h"
    assert tanh.source is not None
    assert tanh.source.function == "_Recurrent.forward"


def test_whoever_traces_names_nothing() -> None:
    layer = nn.Linear(2, 1)
    recorded = trace(layer, torch.ones(1, 2))
    assert {node.name for node in recorded.graph.nodes if node.kind == "op"} == {None}
    assert {node.name for node in recorded.leaves()} == {"weight", "bias"}


def test_an_operation_that_raises_has_its_own_name_and_the_one_before_it_keeps_its_own() -> None:
    def run(a: Tensor) -> Any:
        doubled = a * 2
        product = doubled.exp() @ torch.ones(3, 3)
        return product.sum()

    with pytest.raises(TraceError) as caught:
        trace(run, torch.ones(4, requires_grad=True))
    assert caught.value.trace is not None
    found = [(node.label, node.name) for node in caught.value.trace.graph.nodes if node.kind == "op"]
    assert found == [("mul", "doubled"), ("exp", None), ("ones", None), ("unsqueeze", None), ("mm", "product")]
