"""Verdicts and the table."""

from __future__ import annotations

import pytest

from engine.verify import NodeRow, Report, Row, format_table
from engine.verify.report import verdict_of


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, "unchecked"),
        (0.0, "exact"),
        (9e-8, "exact"),
        (1e-7, "approximate"),
        (1e-2, "approximate"),
        (1.1e-2, "wrong"),
        (float("inf"), "wrong"),
        (float("nan"), "wrong"),
    ],
)
def test_thresholds(error: float | None, verdict: str) -> None:
    assert verdict_of(error) == verdict


def test_table_is_aligned_with_a_true_minus_sign() -> None:
    row = Row(
        name="layer.weight",
        shape=(2, 3),
        at=(1, 2),
        autograd=-0.5,
        by_rule=None,
        finite_difference=-0.5000001,
        relative_error=2e-7,
    )
    other = Row(
        name="b", shape=(), at=None, autograd=1.0, by_rule=1.0, finite_difference=1.0, relative_error=0.0, note="x."
    )
    table = format_table(Report(rows=(row, other), notes=("A note.",)))
    lines = table.splitlines()
    assert "−0.5" in table
    assert "-" not in table
    assert "2 × 3" in lines[2]
    assert "–" in lines[2]
    assert {line.index("approximate" if "weight" in line else "exact") for line in lines[2:4]} == {
        lines[0].index("verdict")
    }
    assert lines[-3:] == ["A note.", "b: x.", "All 2 checked gradients agree."]


def test_the_conclusion_says_how_many_were_left_out() -> None:
    checked = NodeRow(grad_fn="F", count=1, rule_error=0.0, difference_error=None)
    unchecked = NodeRow(grad_fn="G", count=1, rule_error=None, difference_error=None)
    report = Report(nodes=(checked, unchecked))
    assert report.conclusion == "All 1 checked kinds of node agree. 1 could not be checked."


def test_nan_in_one_way_is_a_difference() -> None:
    row = NodeRow(grad_fn="F", count=1, rule_error=0.0, difference_error=float("nan"))
    assert Report(nodes=(row,)).has_difference
