"""Which rule belongs to which autograd node."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from engine.rules import rule_for, rules


def test_own_rules_come_first() -> None:
    rule = rule_for("AddmmBackward0")
    assert rule is not None
    assert not rule.is_text
    assert r"G B^{T}" in rule.vjp
    assert rule.explanation


@pytest.mark.parametrize("name", ["AccumulateGrad", "torch::autograd::AccumulateGrad", "CopySlices"])
def test_nodes_of_the_engine_itself(name: str) -> None:
    assert rule_for(name) is not None


def test_another_overload_with_the_same_derivative_takes_the_rule_under_its_own_name() -> None:
    first, other = rule_for("TBackward0"), rule_for("TBackward1")
    assert first is not None
    assert other is not None
    assert (other.name, other.vjp) == ("TBackward1", first.vjp)


def test_unknown_number_takes_the_rule_that_all_overloads_share() -> None:
    rule = rule_for("AddmmBackward7")
    assert rule is not None
    assert rule.name == "AddmmBackward7"
    known = rule_for("AddmmBackward0")
    assert known is not None
    assert rule.vjp == known.vjp


def test_unknown_number_is_left_open_where_the_overloads_differ() -> None:
    assert rule_for("MaxBackward9") is None


def test_node_without_own_rule_is_shown_as_text() -> None:
    rule = rule_for("AsinBackward0")
    assert rule is not None
    assert rule.is_text
    assert rule.forward == "result = asin(self)"
    assert rule.vjp == "self: grad * (-self * self + 1).rsqrt()"
    assert "torch 2." in rule.note


def test_custom_function_has_no_rule() -> None:
    assert rule_for("MyFunctionBackward") is None
    assert rule_for("") is None


@pytest.mark.parametrize("operation", [torch.asin, torch.lgamma, torch.digamma, torch.erfinv, torch.trace, torch.frac])
def test_nodes_that_torch_makes_are_known(operation: object) -> None:
    assert callable(operation)
    x = torch.full((2, 2), 0.3, requires_grad=True)
    assert rule_for(operation(x).grad_fn.name()) is not None


@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")  # ziafont reads its fonts that way
def test_every_formula_can_be_typeset() -> None:
    from ziamath.zmath import Latex

    failed = []
    for rule in rules().values():
        for latex in (rule.forward, rule.vjp):
            try:
                Latex(latex).svg()
            except (ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
                failed.append((rule.name, latex, repr(error)))
    assert failed == []


def test_explanations_are_sentences() -> None:
    texts = [rule.explanation for rule in rules().values() if rule.explanation]
    assert len(texts) >= 45
    assert all(text[0].isupper() and text.endswith(".") for text in texts)


def test_neither_torch_nor_qt_is_loaded() -> None:
    code = (
        "import sys; import engine.rules, engine.diagnose;"
        "assert engine.rules.rule_for('LgammaBackward0');"
        "print([m for m in ('torch', 'PySide6', 'networkx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
