"""engine.capture.grad_graph: every node and every leaf below a root, each once, at any depth."""

from __future__ import annotations

import torch

from engine.capture.grad_graph import leaves_below, nodes_below, plain_name


def test_every_node_once_though_paths_meet() -> None:
    w, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    h = w * b
    names = [plain_name(node) for node in nodes_below([(h.exp() + h.sin()).grad_fn, h.grad_fn, None])]
    assert sorted(names) == [
        "AccumulateGrad",
        "AccumulateGrad",
        "AddBackward0",
        "ExpBackward0",
        "MulBackward0",
        "SinBackward0",
    ]


def test_the_leaves_are_those_that_get_a_gradient() -> None:
    w, b, unused = (torch.ones(2, requires_grad=True) for _ in range(3))
    root = (w * b.detach()).sum() + (w * 2).sum()
    found = leaves_below([root, b, torch.ones(2)])
    assert {id(leaf) for leaf in found} == {id(w), id(b)}
    root.backward()
    assert w.grad is not None
    assert unused.grad is None
    assert leaves_below([unused.detach()]) == []


def test_depth_is_no_limit() -> None:
    x = torch.ones((), requires_grad=True)
    y = x
    for _ in range(3_000):
        y = y + 1
    assert sum(1 for _ in nodes_below([y.grad_fn])) == 3_001
    assert leaves_below([y]) == [x]
