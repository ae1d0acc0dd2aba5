"""Results of every kind: where their tensors are found, and what they are called."""

from __future__ import annotations

from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import trace
from engine.capture.results import named_tensors

Pair = namedtuple("Pair", "loss logits")


def _generated(w: Tensor) -> Any:
    for factor in (2, 3):
        yield w * factor


NESTS: dict[str, Callable[[Tensor], Any]] = {
    "deque": lambda w: deque([w * 2, w * 3]),
    "list of our own": lambda w: UserList([w * 2, w * 3]),
    "dict of our own": lambda w: UserDict(a=w * 2, b=OrderedDict(c=w * 3)),
    "values of a dict": lambda w: {"a": w * 2, "b": w * 3}.values(),
    "namespace": lambda w: SimpleNamespace(loss=w * 2, more=SimpleNamespace(loss=w * 3)),
    "named tuple": lambda w: Pair(w * 2, [w * 3, None, "text", 4, np.ones(2)]),
    "generator": _generated,
    "generator expression": lambda w: (w * factor for factor in (2, 3)),
    "map": lambda w: map(w.mul, (2, 3)),
    "zip": lambda w: zip([w * 2], [w * 3], strict=True),
    "behind many numbers": lambda w: [*range(200_000), w * 2, w * 3],
}


@pytest.mark.parametrize("name", NESTS)
def test_every_nest_is_back_propagated_from_all_its_tensors(name: str) -> None:
    w = torch.tensor([1.0, -1.0], requires_grad=True)
    recorded = trace(NESTS[name], w, values="all")
    (leaf,) = recorded.leaves()
    assert [np.asarray(recorded.value(*root)).tolist() for root in recorded.roots] == [[2, -2], [3, -3]]
    np.testing.assert_array_equal(np.asarray(recorded.grad(leaf)), [5, 5])
    assert w.grad is not None
    assert w.grad.tolist() == [5, 5]
    assert {node.label for node in recorded.graph.nodes if node.kind == "op"} == {"mul"}


def test_parts_are_called_like_the_expression_that_reaches_them() -> None:
    one, two = torch.ones(1), torch.ones(1)
    nest = {"batch": SimpleNamespace(x=one), "pair": Pair(two, deque([1, one])), 3: [two]}
    assert [name for name, _ in named_tensors(nest, "data")] == [
        "data.batch.x", "data.pair.loss", "data.pair.logits[1]", "data[3][0]",
    ]  # fmt: skip
