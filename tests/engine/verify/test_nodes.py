"""Recorded traces checked node by node, without their program."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from engine import Trace, trace
from engine.verify import check_nodes, format_table

from . import programs


def _recorded() -> Trace:
    run, args, kwargs = programs.classifier()
    return trace(run, *args, values="all", **kwargs)


def test_healthy_network() -> None:
    report = check_nodes(_recorded())
    assert not report.has_difference
    kinds = {row.grad_fn: row for row in report.nodes}
    assert kinds["AddmmBackward0"].count == 2
    for row in kinds.values():
        assert row.rule_error is not None, row.grad_fn
        assert row.difference_error is not None, row.grad_fn
        assert max(row.rule_error, row.difference_error) < 1e-5
    assert {row.name for row in report.rows} == {"0.weight", "0.bias", "3.weight", "3.bias", "4.weight", "4.bias"}
    assert "AddmmBackward0" in format_table(report)


def test_tampered_gradient_is_found_by_both_ways() -> None:
    recorded = _recorded()
    step = next(step for step in recorded.backward if step.node.grad_fn == "AddmmBackward0")
    info = next(info for info in step.grad_inputs if info is not None)
    assert info.array is not None
    info.array = np.array(info.array) * 1.5
    report = check_nodes(recorded)
    row = next(row for row in report.nodes if row.grad_fn == "AddmmBackward0")
    assert row.verdict == "wrong"
    assert row.worst_node == step.node.id
    assert row.rule_error is not None
    assert row.rule_error > 0.1
    assert row.difference_error is not None
    assert row.difference_error > 0.1
    assert report.has_difference


def test_convolutions_and_attention() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.GELU(), nn.MaxPool2d(2), nn.Flatten())
    report = check_nodes(trace(net, torch.randn(2, 1, 6, 6), values="all"))
    assert not report.has_difference
    kinds = {row.grad_fn for row in report.nodes if row.rule_error is not None}
    assert {"ConvolutionBackward0", "NativeBatchNormBackward0", "MaxPool2DWithIndicesBackward0"} <= kinds
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    attention = check_nodes(trace(layer, torch.randn(2, 4, 8), values="all"))
    assert not attention.has_difference
    assert all(row.verdict != "unchecked" for row in attention.nodes)


def test_custom_function_is_named_as_unchecked() -> None:
    run, _, _ = programs.wrong_function()
    report = check_nodes(trace(run, values="all"))
    assert any("WrongSquareBackward" in note for note in report.notes)


def test_without_values_nothing_is_checked_and_nothing_fails() -> None:
    run, args, _ = programs.classifier()
    report = check_nodes(trace(run, *args, values="none"))
    assert not report.has_checks
    assert not report.has_difference
    assert format_table(report).splitlines()[-1].startswith("Nothing could be checked")


def _filled(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return scores.masked_fill(mask, float("-inf")).softmax(-1)


def _added(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (scores + torch.zeros(4, 4).masked_fill(mask, float("-inf"))).softmax(-1)


def _left_out(scores: torch.Tensor, _mask: torch.Tensor) -> torch.Tensor:
    return torch.where(scores > 0, scores.log(), torch.zeros(()))


def _infinite_slope(scores: torch.Tensor, _mask: torch.Tensor) -> torch.Tensor:
    return (scores * torch.tensor([0.0, 1.0, 1.0, 1.0])).abs().sqrt()


@pytest.mark.parametrize("program", [_filled, _added, _left_out, _infinite_slope])
def test_masked_values_are_no_differences(program: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    torch.manual_seed(0)
    scores = torch.randn(4, 4, requires_grad=True)
    mask = torch.ones(4, 4).triu(1).bool()
    report = check_nodes(trace(lambda: program(scores, mask).pow(2).sum(), values="all"))
    assert not [row for row in report.nodes if row.verdict == "wrong"]
    assert report.has_checks
