"""What several writes into one piece of memory mean for whoever reads it: each part comes from its own write."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine import Trace, trace


def _writers_of_sum(recorded: Trace) -> set[str]:
    """The operations that write in place and whose results reach the sum directly or through others, with a number."""
    nodes = recorded.graph.nodes
    reader = next(node.id for node in nodes if node.op == "aten.sum.default")
    pending, seen = [reader], {reader}
    while pending:
        for edge in recorded.graph.incoming(pending.pop()):
            if edge.source not in seen:
                seen.add(edge.source)
                pending.append(edge.source)
    return {str(nodes[i].params["value"]) for i in seen if nodes[i].op == "aten.fill_.Scalar"}


def _direct(recorded: Trace) -> list[str]:
    nodes = recorded.graph.nodes
    reader = next(node.id for node in nodes if (node.op or "").startswith("aten.mul"))
    sources = [nodes[edge.source] for edge in recorded.graph.incoming(reader)]
    return [str(node.params["value"]) for node in sources if node.op == "aten.fill_.Scalar"]


def _old_views(table: Tensor) -> None:
    first, second, third = table.unbind()
    first.fill_(1)
    second.fill_(2)
    third.fill_(3)


def _columns(table: Tensor) -> None:
    left, middle, right = table.unbind(1)
    left.fill_(1)
    right.fill_(2)
    middle.fill_(3)


def _new_views(table: Tensor) -> None:
    for number in range(3):
        table[number].fill_(number + 1)


def _written_over(table: Tensor) -> None:
    first, rest = table[0], table[:2]
    first.fill_(1)
    rest.fill_(2)
    table[2].fill_(3)


def _twice(table: Tensor) -> None:
    first, second = table[0], table[1]
    first.fill_(1)
    first.fill_(2)
    second.fill_(3)


@pytest.mark.parametrize(
    ("write", "reaching", "direct"),
    [
        (_old_views, {"1", "2", "3"}, ["3", "1", "2"]),
        (_columns, {"1", "2", "3"}, ["3"]),
        (_new_views, {"1", "2", "3"}, ["3"]),
        (_written_over, {"1", "2", "3"}, ["3"]),
        (_twice, {"1", "2", "3"}, ["3", "2"]),
    ],
    ids=["old views", "columns", "new views", "written over", "twice"],
)
def test_a_reader_is_joined_with_every_write_that_it_sees(
    write: Callable[[Tensor], None], reaching: set[str], direct: list[str]
) -> None:
    def program(x: Tensor) -> Tensor:
        table = torch.zeros(3, 3)
        write(table)
        return (table * x).sum()

    x = torch.ones(3, 3, requires_grad=True)
    recorded = trace(program, x)
    assert _direct(recorded) == direct
    assert _writers_of_sum(recorded) == reaching
    reader = next(node.id for node in recorded.graph.nodes if (node.op or "").startswith("aten.mul"))
    shown = [edge for edge in recorded.graph.incoming(reader) if edge.grad_index is None]
    assert {edge.cut for edge in shown} == {"needs no gradient"}
    assert recorded.grad(recorded.leaves()[0]) is not None


def test_a_reader_of_one_part_is_joined_with_the_write_into_it_alone() -> None:
    def program(x: Tensor) -> Tensor:
        table = torch.zeros(3, 3)
        first, second, _ = table.unbind()
        first.fill_(1)
        second.fill_(2)
        return (first * x).sum()

    recorded = trace(program, torch.ones(3, requires_grad=True))
    assert _direct(recorded) == ["1"]


def test_many_writes_through_new_views_are_looked_at_once() -> None:
    def program(x: Tensor) -> Tensor:
        table = torch.zeros(2000, 1)
        for row in range(2000):
            table[row] = row
        return (table * x).sum()

    recorded = trace(program, torch.ones(1, requires_grad=True), values="none")
    reader = next(node.id for node in recorded.graph.nodes if (node.op or "").startswith("aten.mul"))
    assert len(recorded.graph.incoming(reader)) == 2
