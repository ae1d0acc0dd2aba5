"""Guesses are parsed without running them, and judged by the recorded number alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gui.panels.prediction import Verdict, judge, next_question, parse_guess

from .programs import Neuron, matrices


def test_each_step_asks_for_the_number_that_it_brings() -> None:
    neuron = Neuron()
    trace = neuron.trace(before=-0.25)
    answers = [neuron.grad_a, neuron.grad_z, neuron.grad_z, neuron.grad_z, neuron.grad_w, neuron.grad_w - 0.25]
    for position, answer in enumerate(answers):
        question = next_question(trace, position)
        assert question is not None
        assert question.answer == pytest.approx(answer, rel=1e-6)
    assert next_question(trace, 6) is None
    last = next_question(trace, 5)
    assert last is not None
    assert last.text == "What will w.grad be?"


def test_of_a_tensor_the_largest_entry_is_asked_for() -> None:
    trace = matrices()
    question = next_question(trace, 2)
    weight = trace.value(0)
    assert question is not None
    assert weight is not None
    row, column = np.unravel_index(np.abs(weight).argmax(), weight.shape)
    assert question.text == f"What will W.grad[{row}, {column}] be?"
    assert question.answer == pytest.approx(2 * weight[row, column])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-0.5", -0.5),
        ("−0.5", -0.5),
        ("0,25", 0.25),
        ("1e-3", 1e-3),
        ("-1/4", -0.25),
        ("−(1 − a)·x", -(1 - 0.9) * 1.1),
        ("2 * (x + a)", 4.0),
        ("+3", 3.0),
    ],
)
def test_numbers_and_small_formulas_are_understood(text: str, number: float) -> None:
    assert parse_guess(text, {"a": 0.9, "x": 1.1}) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "a.real",
        "[1][0]",
        "9**9**9",
        "b",
        "1/0",
        "((((",
        "1 if a else 2",
        "True and a",
        "'x'",
        "1+" * 300 + "1",
        "1j",
    ],
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        parse_guess(text, {"a": 0.9})


@pytest.mark.parametrize(
    ("guess", "typed", "verdict"),
    [
        (-0.0816603, "", Verdict.RIGHT),
        (-0.0817, "-0.0817", Verdict.RIGHT),
        (-0.0817, "", Verdict.CLOSE),
        (-0.08, "-0.08", Verdict.WRONG),
        (-0.0822, "-0.0822", Verdict.CLOSE),
        (0.0816603, "", Verdict.WRONG),
        (5.0, "5", Verdict.WRONG),
        (math.inf, "inf", Verdict.WRONG),
        (math.nan, "nan", Verdict.WRONG),
    ],
)
def test_a_guess_is_judged_by_its_relative_error(guess: float, typed: str, verdict: Verdict) -> None:
    assert judge(guess, -0.0816603, typed)[0] is verdict


def test_a_wrong_sign_is_told_from_a_wrong_number() -> None:
    assert "wrong sign" in judge(0.5, -0.5)[1]
    assert judge(0.1, 0.0)[1] == "No: it is 0 (off by 0.1)."
    assert judge(0.0, 0.0)[0] is Verdict.RIGHT
