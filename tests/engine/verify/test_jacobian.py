"""Jacobians of single operations: three ways that must agree, with torch.autograd.functional as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine import Trace, trace
from engine.verify import check_node, local_jacobian

from . import writing


def _recorded() -> Trace:
    return trace(writing.run, *writing.leaves(), values="all")


def test_a_product_has_the_jacobian_that_torch_computes() -> None:
    a, b = torch.randn(2, 3, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    recorded = trace(lambda: (a @ b).square().sum(), values="all")
    node = next(node for node in recorded.graph.nodes if node.label == "mm")
    found = {jacobian.arg: jacobian for jacobian in local_jacobian(recorded, node)}
    wide = a.detach().double(), b.detach().double()
    expected = torch.autograd.functional.jacobian(torch.mm, wide)
    for name, oracle in zip(("self", "mat2"), expected, strict=True):
        for way in (found[name].by_rule, found[name].by_autograd, found[name].by_difference):
            assert way is not None
            np.testing.assert_allclose(way, oracle.numpy(), atol=1e-8)


def test_every_small_operation_agrees_three_ways() -> None:
    recorded = _recorded()
    compared = set()
    for node in recorded.graph.nodes:
        if node.grad_fn is None or node.kind != "op" or node.op is None or recorded.step_of(node) is None:
            continue
        for jacobian in local_jacobian(recorded, node):
            if jacobian.by_autograd is None or jacobian.by_difference is None:
                continue
            np.testing.assert_allclose(jacobian.by_difference, jacobian.by_autograd, rtol=1e-6, atol=1e-6)
            if jacobian.by_rule is not None:
                # The rules use recorded results, which are float32.
                np.testing.assert_allclose(jacobian.by_rule, jacobian.by_autograd, rtol=1e-6, atol=1e-6)
                compared.add(node.grad_fn)
    assert {"CopySlices", "IndexPutBackward0", "AsStridedBackward0", "IndexBackward0", "PowBackward0"} <= compared


def test_what_has_no_jacobian_says_why() -> None:
    w = torch.randn(300, requires_grad=True)
    recorded = trace(lambda: (w * 2).sum(), values="all")
    leaf, product = recorded.leaves()[0], next(n for n in recorded.graph.nodes if n.label == "mul")
    with pytest.raises(ValueError, match="is a leaf: only operations"):
        local_jacobian(recorded, leaf)
    with pytest.raises(ValueError, match="300 × 300 entries"):
        local_jacobian(recorded, product)
    with pytest.raises(ValueError, match="has no output 3"):
        local_jacobian(recorded, product, output=3)
    with pytest.raises(ValueError, match="values='all'"):
        local_jacobian(trace(lambda: (w * 2).sum(), values="none"), product.id)


def test_one_node_is_checked_against_rule_and_differences() -> None:
    recorded = _recorded()
    for step in recorded.backward:
        if step.node.kind != "op":
            continue
        row = check_node(recorded, step.node)
        assert row.verdict in ("exact", "approximate"), (step.node.op, row)
        assert row.rule_error is not None
    node = next(step.node for step in recorded.backward if step.node.grad_fn == "PowBackward0")
    info = recorded.step_of(node).grad_inputs[0]  # type: ignore[union-attr]  # it has a step
    assert info is not None
    info.array = np.zeros_like(info.array)
    assert check_node(recorded, node).verdict == "wrong"
    with pytest.raises(ValueError, match="has no VJP"):
        check_node(recorded, recorded.leaves()[0])
