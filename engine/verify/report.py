"""The outcome of a check as records, and its table for a terminal."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Verdict = Literal["exact", "approximate", "wrong", "unchecked"]

WRONG_ABOVE = 1e-2
EXACT_BELOW = 1e-7
NOTHING_CHECKED = (
    "Nothing could be checked, so whether these gradients are right is not known. Check a callable that makes its own "
    "inputs (file.py:function), or a trace that was recorded with --values all."
)


def verdict_of(relative_error: float | None, wrong_above: float = WRONG_ABOVE) -> Verdict:
    """ "wrong" above `wrong_above` or for NaN, "exact" below 1e-7, "approximate" between; "unchecked" for None."""
    if relative_error is None:
        return "unchecked"
    if math.isnan(relative_error) or relative_error > wrong_above:
        return "wrong"
    return "exact" if relative_error < EXACT_BELOW else "approximate"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf: its gradient by three ways, at the checked element at which they differ most.

    `at` is that element's index; None for a scalar, and "direction" for the derivative along one random direction over
    all elements. `by_rule` and `finite_difference` are None where that way could not be taken. `checked` elements out
    of `count` were compared by finite differences, all of them by rule. `relative_error` is the larger of the two
    comparisons: the largest difference over the largest gradient of the leaf.
    """

    name: str
    shape: tuple[int, ...]
    at: tuple[int, ...] | Literal["direction"] | None
    autograd: float
    by_rule: float | None
    finite_difference: float | None
    relative_error: float | None
    checked: int = 0
    count: int = 1
    note: str = ""
    wrong_above: float = WRONG_ABOVE

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.relative_error, self.wrong_above)


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes of one kind: the worst relative error of their gradients against the rule and finite differences."""

    grad_fn: str
    count: int
    rule_error: float | None
    difference_error: float | None
    worst_node: int | None = None
    wrong_above: float = WRONG_ABOVE

    @property
    def verdict(self) -> Verdict:
        errors = [error for error in (self.rule_error, self.difference_error) if error is not None]
        if any(math.isnan(error) for error in errors):
            return "wrong"
        return verdict_of(max(errors, default=None), self.wrong_above)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared. `notes` are sentences: what could not be checked, and why."""

    target: str = ""
    rows: tuple[Row, ...] = ()
    nodes: tuple[NodeRow, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_difference(self) -> bool:
        """Whether any gradient is wrong."""
        return any(row.verdict == "wrong" for row in self._everything())

    @property
    def has_checks(self) -> bool:
        """Whether anything could be compared at all."""
        return any(row.verdict != "unchecked" for row in self._everything())

    def _everything(self) -> list[Row | NodeRow]:
        return [*self.rows, *self.nodes]

    @property
    def conclusion(self) -> str:
        """The outcome in one sentence."""
        everything = self._everything()
        wrong = [row for row in everything if row.verdict == "wrong"]
        checked = sum(row.verdict != "unchecked" for row in everything)
        what = "gradients" if self.rows else "kinds of node"
        if wrong:
            name = wrong[0].name if isinstance(wrong[0], Row) else wrong[0].grad_fn
            return f"{len(wrong)} of {checked} {what} are wrong, first {name}: look at its backward formula."
        if not checked:
            return NOTHING_CHECKED
        left_out = len(everything) - checked
        rest = f" {left_out} could not be checked." if left_out else ""
        return f"All {checked} checked {what} agree.{rest}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}".replace("-", "−")


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}".replace("-", "−")


def _place(row: Row) -> str:
    if row.at is None:
        return ""
    return row.at if isinstance(row.at, str) else "[" + ", ".join(str(k) for k in row.at) + "]"


def format_table(report: Report) -> str:
    """The report as aligned text: the leaves, then the kinds of node, then the notes and a conclusion."""
    parts = []
    if report.rows:
        header = ["leaf", "shape", "at", "autograd", "by rule", "finite difference", "relative error", "verdict"]
        body = [
            [
                row.name,
                " × ".join(str(size) for size in row.shape) or "scalar",
                _place(row),
                _number(row.autograd),
                _number(row.by_rule),
                _number(row.finite_difference),
                _error(row.relative_error),
                row.verdict,
            ]
            for row in report.rows
        ]
        parts.append(_aligned(header, body, numeric={3, 4, 5, 6}))
    if report.nodes:
        header = ["node", "count", "error by rule", "error by finite difference", "verdict"]
        body = [
            [row.grad_fn, str(row.count), _error(row.rule_error), _error(row.difference_error), row.verdict]
            for row in report.nodes
        ]
        parts.append(_aligned(header, body, numeric={1, 2, 3}))
    notes = [*report.notes, *(f"{row.name}: {row.note}" for row in report.rows if row.note)]
    parts.append("\n".join([*notes, report.conclusion]))
    return "\n\n".join(parts)


def _aligned(header: list[str], body: list[list[str]], numeric: set[int]) -> str:
    widths = [max(len(line[column]) for line in [header, *body]) for column in range(len(header))]

    def write(line: list[str]) -> str:
        cells = (
            text.rjust(width) if column in numeric else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "\n".join([write(header), rule, *(write(line) for line in body)])
