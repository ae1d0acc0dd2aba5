"""Whole recorded graphs run again: the same result, and gradients by finite differences without the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine import trace
from engine.programs import resolve
from engine.programs.tracing import trace_program
from engine.verify import check_nodes
from engine.verify.rerun import CannotRerunError, Rerun

from . import programs, writing


def test_the_recorded_result_comes_again_and_again() -> None:
    """Writes of one run must not reach the next, and random numbers are not drawn anew."""
    recorded = trace(writing.run, *writing.leaves(), values="all")
    rerun = Rerun(recorded)
    state = torch.get_rng_state()
    first, second = rerun.value(), rerun.value()
    assert first == second
    assert first == pytest.approx(recorded.loss, rel=1e-5)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_what_depends_on_a_moved_leaf_runs_again() -> None:
    a, b = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
    rerun = Rerun(trace(lambda: (a.exp() * b.exp()).sum(), values="all"))
    leaf = next(iter(rerun.leaves))
    rerun.leaves[leaf][0] += 1
    moved = float(torch.tensor([2.0, 2.0], dtype=torch.float64).exp() @ b.detach().double().exp())
    assert rerun.value(leaf) == pytest.approx(moved)
    rerun.restore(leaf)
    assert rerun.value() == pytest.approx(float(a.detach().double().exp() @ b.detach().double().exp()))


def test_leaves_of_a_script_are_compared_three_ways(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import torch\nfrom torch import nn\n"
        "torch.manual_seed(0)\n"
        "model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Dropout(0.5), nn.Linear(6, 3))\n"
        "nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(3, (8,))).backward()\n"
    )
    report = check_nodes(trace_program(resolve(str(path)), "all"))
    assert len(report.rows) == 6
    for row in report.rows:
        assert row.by_rule is not None
        assert row.finite_difference is not None
        assert row.verdict in ("exact", "approximate"), row
    assert not any("finite differences" in note for note in report.notes)


def test_the_body_of_a_custom_function_is_run_again_and_its_backward_judged() -> None:
    run, _, _ = programs.wrong_function()
    (row,) = check_nodes(trace(run, values="all")).rows
    assert row.finite_difference == pytest.approx(2 * row.autograd, rel=1e-4)
    assert row.verdict == "wrong"


def test_a_backward_pass_that_began_with_other_gradients_than_ones(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import torch\nw = torch.tensor([1.0, 2.0], requires_grad=True)\nw.exp().backward(torch.tensor([2.0, -3.0]))\n"
    )
    (row,) = check_nodes(trace_program(resolve(str(path)), "all")).rows
    assert row.autograd == pytest.approx(-3 * np.exp(2), rel=1e-6)
    assert row.verdict in ("exact", "approximate")
    assert row.finite_difference == pytest.approx(row.autograd, rel=1e-6)


def test_a_leaf_of_a_transformer_without_time_is_left_to_the_rule() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    recorded = trace(lambda x: layer(x).square().sum(), torch.randn(2, 4, 8), values="all")
    whole = check_nodes(recorded)
    assert all(row.finite_difference is not None for row in whole.rows)
    hurried = check_nodes(recorded, budget_s=0.0)
    assert all(row.by_rule is not None for row in hurried.rows[:-1])
    assert hurried.rows[-1].name == f"all {len(whole.rows)} leaves"
    assert hurried.rows[-1].verdict in ("exact", "approximate")
    assert any(f"of {len(whole.rows)} leaves were taken" in note for note in hurried.notes)
    assert not hurried.has_difference


def test_what_is_detached_is_a_constant() -> None:
    """The gradient of w·stop(w²) + stop-gradient under no_grad, as torch defines it."""
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    def run() -> torch.Tensor:
        with torch.no_grad():
            scale = w.exp()
        return (w * (w * w).detach() * scale).sum()

    (row,) = check_nodes(trace(run, values="all")).rows
    assert row.finite_difference == pytest.approx(4 * np.exp(2), rel=1e-6)
    assert row.verdict in ("exact", "approximate")


def test_half_precision_is_given_room() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4)).to(torch.bfloat16)
    x = torch.randn(64, 16, dtype=torch.bfloat16)
    report = check_nodes(trace(lambda: layer(x).float().square().mean(), values="all"))
    assert not report.has_difference
    assert all(row.finite_difference is not None for row in report.rows)
    assert any((row.relative_error or 0) > 1e-4 for row in report.rows)


def test_the_maximum_of_equal_values_is_a_kink() -> None:
    w = torch.zeros(1, 1, 4, 4, requires_grad=True)
    report = check_nodes(trace(lambda: nn.functional.max_pool2d(w * 1.0, 2).sum(), values="all"))
    (row,) = [row for row in report.nodes if row.grad_fn.startswith("MaxPool")]
    assert row.difference_error is None
    assert not report.has_difference


def test_what_cannot_be_run_again_is_said() -> None:
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(CannotRerunError, match=r"the values of w at line \d+ were not kept"):
        Rerun(trace(lambda: (w * 2).sum(), values="none"))
    recorded = trace(lambda: (w * 2).sum(), values="all")
    recorded.graph.nodes[1].params["other"] = 3
    with pytest.raises(CannotRerunError, match="gives another result"):
        Rerun(recorded)
    next(n for n in recorded.graph.nodes if n.label == "mul").op = "aten.nothing.default"
    report = check_nodes(recorded)
    assert any("cannot be run again" in note for note in report.notes)
    assert report.rows[0].finite_difference is None


def test_a_fused_lstm_and_statistics_that_are_read_again_run_in_float64() -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4, 2, bidirectional=True)
    norm = nn.BatchNorm1d(8)
    x = torch.randn(5, 2, 3)

    def run() -> torch.Tensor:
        states = lstm(x)[0].flatten(0, 1)
        result: torch.Tensor = (norm(norm(states)) * torch.arange(8.0) * norm.running_mean).square().mean()
        return result

    recorded = trace(run, values="all")
    names = {step.node.grad_fn for step in recorded.backward}
    if "MkldnnRnnLayerBackward0" in names:  # a torch without oneDNN does without it
        report = check_nodes(recorded)
        row = next(row for row in report.nodes if row.grad_fn == "MkldnnRnnLayerBackward0")
        assert row.verdict == "exact"
    rerun = Rerun(recorded)
    first, second = rerun.value(), rerun.value()
    assert first == second
    assert first == pytest.approx(recorded.loss, rel=1e-4)


def test_operators_that_give_fewer_results_than_they_could() -> None:
    convolution = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Tanh())
    x = torch.randn(2, 1, 5, 5)

    def penalty() -> torch.Tensor:
        moved = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(convolution(moved).sum(), moved, create_graph=True)
        return gradient.square().sum()

    recorded = trace(penalty, values="all")
    assert Rerun(recorded).value() == pytest.approx(recorded.loss, rel=1e-4)
    report = check_nodes(recorded)
    for row in report.rows:
        assert row.verdict in ("exact", "approximate", "unchecked"), row
    assert sum(row.finite_difference is not None for row in report.rows) >= 3


def test_what_is_made_from_nothing_is_widened_too(tmp_path: Path) -> None:
    """A target of `torch.ones` in float32 would have made a float32 loss, whose differences say nothing."""
    path = tmp_path / "script.py"
    path.write_text(
        "import torch\nfrom torch import nn\n"
        "torch.manual_seed(0)\n"
        "net = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))\n"
        "nn.BCEWithLogitsLoss()(net(torch.randn(16, 2)), torch.ones(16, 1)).backward()\n"
    )
    report = check_nodes(trace_program(resolve(str(path)), "all"))
    assert [row.verdict for row in report.rows] == ["exact"] * 4, report.rows
