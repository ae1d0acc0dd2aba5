"""What is known of nodes without formulas of our own: another node's rule, a sentence in plain words."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from engine import trace
from engine.rules import rule_for, rules
from engine.rules.derivatives import load_table
from engine.rules.kinship import _sentences


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("UnsafeSplitBackward0", "SplitBackward0"),
        ("ForeachMulBackward1Scalar", "MulBackward1"),
        ("ForeachExpBackward0", "ExpBackward0"),
    ],
)
def test_nodes_that_compute_the_same_share_their_rule(name: str, same: str) -> None:
    rule, known = rule_for(name), rule_for(same)
    assert rule is not None
    assert known is not None
    assert rule.name == name
    assert rule.explanation == known.explanation
    assert not rule.is_text


def test_every_own_rule_and_every_listed_operator_has_a_sentence() -> None:
    for rule in rules().values():
        assert re.fullmatch(r"[A-Z].*\.", rule.explanation), rule.name
    known = {re.sub(r"Backward\d+\w*$", "", name) for name in load_table().nodes}
    for operator, sentence in _sentences().items():
        assert operator in known, operator
        assert re.fullmatch(r"[A-Z].*\.", sentence), operator


def test_every_node_of_a_second_derivative_is_explained() -> None:
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GELU(), nn.Flatten(), nn.LayerNorm(18), nn.Linear(18, 1)]
    net = nn.Sequential(*layers)
    x = torch.randn(2, 1, 5, 5, requires_grad=True)

    def penalty() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(net(x).sigmoid().sum(), x, create_graph=True)
        return gradient.square().sum()

    names = {str(node.grad_fn) for node in trace(penalty, values="none").graph.nodes}
    twice = {name for name in names if "BackwardBackward" in name}
    assert len(twice) >= 5
    for name in twice:
        rule = rule_for(name)
        assert rule is not None
        assert rule.vjp
        assert "differentiated itself" in rule.explanation
