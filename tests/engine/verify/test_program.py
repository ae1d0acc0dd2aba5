"""Whole programs by autograd, by finite differences and by the rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine import Trace, trace
from engine.verify import check, check_nodes, format_table
from engine.verify.program import Build

from . import programs


def _recorded(build: Build) -> Trace:
    program, args, kwargs = build()
    return trace(program, *args, values="all", **kwargs)


def test_neuron_agrees_three_ways() -> None:
    report = check(programs.neuron)
    rows = {row.name: row for row in report.rows}
    assert set(rows) == {"w", "b"}
    a = 1 / (1 + np.exp(-np.float64(np.float32(1.1)) * np.float64(np.float32(2.2))))
    expected = -(1 - a) * np.float64(np.float32(1.1))
    for number in (rows["w"].autograd, rows["w"].by_rule, rows["w"].finite_difference):
        assert number == pytest.approx(expected, rel=1e-8)
    assert {row.verdict for row in report.rows} == {"exact"}
    assert not report.has_difference


def test_module_with_dropout_and_normalisation() -> None:
    report = check(programs.classifier)
    assert [row.name for row in report.rows] == [
        "0.weight", "0.bias", "3.weight", "3.bias", "4.weight", "4.bias",
    ]  # fmt: skip
    assert {row.verdict for row in report.rows} == {"exact"}
    assert all(row.by_rule is not None and row.finite_difference is not None for row in report.rows)


def test_wrong_backward_is_found_and_named() -> None:
    report = check(programs.wrong_function)
    assert report.has_difference
    (row,) = report.rows
    assert (row.name, row.verdict) == ("w", "wrong")
    assert row.by_rule is None  # a custom Function has no rule
    assert row.finite_difference == pytest.approx(2 * row.autograd, rel=1e-6)
    assert "first w" in format_table(report)


def test_a_hook_on_a_leaf_is_named_and_compared_is_the_gradient_before_it() -> None:
    for report in (check(programs.hooked_leaf), check_nodes(_recorded(programs.hooked_leaf))):
        rows = {row.name: row for row in report.rows}
        assert set(rows) == {"w", "v"}
        assert not report.has_difference, format_table(report)
        for name, other in (("w", [3.0, 4.0]), ("v", [1.0, 2.0])):
            at = rows[name].at
            assert isinstance(at, tuple)
            (place,) = at
            product = np.array([3.0, 8.0])[place]
            assert rows[name].autograd == pytest.approx(np.exp(product) * other[place], rel=1e-5)
            assert rows[name].finite_difference == pytest.approx(rows[name].autograd, rel=1e-3)
        (of_w,) = [note for note in report.notes if "hook double (programs.py, line" in note]
        assert "changes the gradient of w" in of_w
        assert "what is compared is the one before the hook" in of_w
        assert any("changes the gradient of v" in note for note in report.notes)


def test_a_hook_on_a_result_is_named_and_what_lies_behind_it_compared_by_rule() -> None:
    for report in (check(programs.hooked_result), check_nodes(_recorded(programs.hooked_result))):
        rows = {row.name: row for row in report.rows}
        assert set(rows) == {"w", "v"}
        assert not report.has_difference, format_table(report)
        assert rows["w"].by_rule == pytest.approx(rows["w"].autograd, rel=1e-5)
        assert rows["w"].finite_difference is None
        assert rows["v"].finite_difference is not None
        assert any("hook double (programs.py, line" in note and "on h (sin)" in note for note in report.notes)


@pytest.mark.parametrize(
    ("kind", "moved"),
    [("looks", ["0.weight", "0.bias", "2.weight", "2.bias"]), ("hands on", ["2.weight", "2.bias"]), ("receives", [])],
)
def test_a_modules_backward_hook_is_named_and_what_lies_behind_it_compared_by_rule(kind: str, moved: list[str]) -> None:
    for report in (check(programs.hooked_module(kind)), check_nodes(_recorded(programs.hooked_module(kind)))):
        assert not report.has_difference, format_table(report)
        rows = {row.name.removeprefix("model."): row for row in report.rows}
        assert len(rows) == 4
        for name, row in rows.items():
            assert row.by_rule == pytest.approx(row.autograd, rel=1e-5)
            assert (row.finite_difference is not None) == (name in moved)
        notes = [note for note in report.notes if "module's backward hook changes the gradient" in note]
        assert len(notes) == (kind != "looks")
        assert all("programs.py, line" in note for note in notes)


def test_several_roots_start_with_the_gradients_that_they_were_given() -> None:
    w = torch.tensor([0.5, 2.0], requires_grad=True)

    def run() -> torch.Tensor:
        first = (w * 3).sum()
        second = w.square() * first
        torch.autograd.backward([first, second], [torch.tensor(2.0), torch.tensor([1.0, -1.0])])
        return first

    recorded = trace(run, values="all")
    assert w.grad is not None
    report = check_nodes(recorded)
    assert not report.has_difference, format_table(report)
    (row,) = report.rows
    assert isinstance(row.at, tuple)
    assert row.autograd == pytest.approx(float(w.grad[row.at]))


def test_kinks_are_left_out_and_said() -> None:
    (row,) = check(programs.at_a_kink).rows
    assert row.verdict == "exact"
    assert row.checked == 1
    assert "kink" in row.note


def test_large_leaf_is_sampled_and_tried_along_a_direction() -> None:
    (row,) = check(programs.large).rows
    assert row.count == 600
    assert 0 < row.checked < 64
    assert row.verdict == "exact"


def test_writing_into_a_slice() -> None:
    (row,) = check(programs.writing_in_place).rows
    assert row.verdict == "exact"
    assert row.finite_difference is not None


def test_what_cannot_be_checked_is_said() -> None:
    unsteady = check(programs.counting)
    assert any("another result each time" in note for note in unsteady.notes)
    assert not unsteady.has_difference


@pytest.mark.parametrize("name", ["complex_valued", "complex_among_real"])
def test_complex_leaves_are_moved_in_both_parts(name: str) -> None:
    report = check(getattr(programs, name))
    assert {row.verdict for row in report.rows} == {"exact"}
    assert all(row.finite_difference is not None for row in report.rows)
    assert report.rows[-1].shape[-1] == 2


@pytest.mark.parametrize(
    "name", ["model_made_inside", "function_of_a_leaf_made_inside", "transposed_leaf", "sparse_rows"]
)
def test_leaves_that_each_run_makes_anew_are_moved(name: str) -> None:
    """A callable of the command line makes its model and inputs itself."""
    report = check(getattr(programs, name))
    assert report.rows
    assert {row.verdict for row in report.rows} == {"exact"}
    assert all(row.finite_difference is not None for row in report.rows)
    assert not report.notes
    if name == "model_made_inside":
        assert [row.name for row in report.rows] == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_a_wrong_function_of_a_leaf_made_inside_is_found() -> None:
    report = check(programs.wrong_function_inside)
    assert [row.verdict for row in report.rows] == ["wrong"]


def test_a_leaf_that_is_filled_anew_in_each_run_is_compared_with_the_rules() -> None:
    report = check(programs.leaf_filled_inside)
    assert {row.verdict for row in report.rows} == {"exact"}


def test_a_result_that_is_not_finite_is_no_difference() -> None:
    report = check(programs.infinite_result)
    assert not report.has_difference
    assert any("not finite" in note for note in report.notes)


def test_nothing_of_the_program_or_of_torch_is_changed() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    check(lambda: ((lambda: (w * torch.rand(2)).sum()), (), {}))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert torch.get_default_dtype() == torch.float32
    assert w.dtype == torch.float32
    assert w.tolist() == [1.0, 2.0]
