"""The rules' right-hand sides, evaluated with numpy, against what autograd computes for the same calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.rules import rule_for, rules
from engine.rules.evaluate import EVALUATORS, evaluate

from .cases import every_case

CASES = every_case()


def _run(operator: str, arguments: dict[str, Any]) -> list[torch.Tensor]:
    name, overload = operator.split(".")
    function = getattr(getattr(torch.ops.aten, name), overload)
    schema = function._schema.arguments
    positional = []
    keywords = {}
    for argument in schema:
        if argument.name in arguments:
            value = arguments[argument.name]
        elif argument.has_default_value():
            value = argument.default_value
        else:
            value = None
        if argument.kwarg_only:
            keywords[argument.name] = value
        else:
            positional.append(value)
    result = function(*positional, **keywords)
    return [result] if isinstance(result, torch.Tensor) else list(result)


def _operands(arguments: dict[str, Any]) -> list[tuple[str, torch.Tensor]]:
    found = []
    for name, value in arguments.items():
        if isinstance(value, torch.Tensor):
            found.append((name, value))
        elif isinstance(value, list) and any(isinstance(v, torch.Tensor) for v in value):
            found += [(name, v) for v in value if v is not None]
    return found


def _params(arguments: dict[str, Any]) -> dict[str, Any]:
    operands = {name for name, _ in _operands(arguments)}
    return {name: value for name, value in arguments.items() if name not in operands and value is not None}


def _array(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    return np.array(tensor.detach().numpy())


@pytest.mark.parametrize(("node", "operator", "arguments"), CASES, ids=[f"{c[0]}-{k}" for k, c in enumerate(CASES)])
def test_rule_equals_autograd(node: str, operator: str, arguments: dict[str, Any]) -> None:
    outputs = _run(operator, arguments)
    assert {o.grad_fn.name() for o in outputs if o.grad_fn is not None} == {node}
    torch.manual_seed(1)
    grads = [torch.randn_like(o) if o.requires_grad else None for o in outputs]
    operands = _operands(arguments)
    wanted = [value for _, value in operands if value.requires_grad]
    assert wanted
    differentiable = [o for o in outputs if o.requires_grad]
    expected = torch.autograd.grad(differentiable, wanted, [g for g in grads if g is not None])

    result = evaluate(
        node,
        [(name, _array(value)) for name, value in operands],
        [_array(o) for o in outputs],
        [None if g is None else _array(g) for g in grads],
        _params(arguments),
    )
    assert result is not None
    actual = [gradient for gradient, (_, value) in zip(result, operands, strict=True) if value.requires_grad]
    is_rounded = node == "HardsigmoidBackward0" or any(o.dtype == torch.float32 for o in outputs)
    tolerance = 1e-6 if is_rounded else 1e-12  # torch holds hardsigmoid's 1/6 in float32
    for mine, theirs in zip(actual, expected, strict=True):
        assert mine is not None
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("used", [0, 2])
def test_split_with_an_unused_piece(used: int) -> None:
    a = torch.arange(5.0, dtype=torch.float64).requires_grad_()
    pieces = torch.ops.aten.split.Tensor(a, 2)
    (expected,) = torch.autograd.grad(pieces[used].sum(), a)
    grads = [np.ones(len(p)) if k == used else None for k, p in enumerate(pieces)]
    result = evaluate("SplitBackward0", [("self", _array(a))], [_array(p) for p in pieces], grads, {"split_size": 2})
    assert result is not None
    assert result[0] is not None
    np.testing.assert_array_equal(result[0], expected.numpy())


def _tested() -> set[str]:
    return {case[0] for case in CASES}


# Nodes that no call on a CPU produces, or that the autograd engine makes itself; AccumulateGrad and CopySlices are
# tested with real programs below.
_ELSEWHERE = {
    "AccumulateGrad",
    "CopySlices",
    "LinearBackward0",
    "ScaledDotProductFlashAttentionBackward0",
    "ScaledDotProductEfficientAttentionBackward0",
    "ScaledDotProductCudnnAttentionBackward0",
}


def test_every_rule_that_can_run_here_is_compared_with_autograd() -> None:
    assert set(rules()) - _tested() == _ELSEWHERE


def test_every_evaluator_has_a_rule_to_show() -> None:
    assert [name for name in EVALUATORS if rule_for(name) is None] == []


def test_fused_linear_against_the_unfused_one() -> None:
    x, w, b = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((2, 3, 4), (5, 4), (5,)))
    y = x @ w.T + b
    g = torch.randn_like(y)
    expected = torch.autograd.grad(y, (x, w, b), g)
    inputs = [("input", _array(x)), ("weight", _array(w)), ("bias", _array(b))]
    result = evaluate("LinearBackward0", inputs, [_array(y)], [_array(g)], {})
    assert result is not None
    for mine, theirs in zip(result, expected, strict=True):
        assert mine is not None
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_copy_slices_formula() -> None:
    """What is overwritten loses its gradient to what was written: the statement of the rule, with autograd."""
    a = torch.randn(4, dtype=torch.float64, requires_grad=True)
    b = torch.randn(2, dtype=torch.float64, requires_grad=True)
    y = a.clone()
    y[1:3] = b
    assert y.grad_fn is not None
    assert rule_for(y.grad_fn.name()) is rules()["CopySlices"]
    g = torch.randn_like(y)
    of_a, of_b = torch.autograd.grad(y, (a, b), g)
    expected = g.clone()
    expected[1:3] = 0
    assert torch.equal(of_a, expected)
    assert torch.equal(of_b, g[1:3])


def test_accumulate_grad_adds() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    torch.autograd.backward([3 * w])
    torch.autograd.backward([5 * w])
    assert w.grad is not None
    assert w.grad.item() == 8.0


def test_missing_value_gives_nothing_rather_than_a_wrong_number() -> None:
    g = np.ones(3)
    assert evaluate("MulBackward0", [("self", g), ("other", None)], [g], [g], {}) is None
    assert evaluate("ExpBackward0", [("self", g)], [None], [g], {}) is None
    assert evaluate("ExpBackward0", [("self", g)], [g], [None], {}) is None
    assert evaluate("NoSuchBackward0", [("self", g)], [g], [g], {}) is None
    assert evaluate("MulBackward0", [("self", g * 1j), ("other", g)], [g], [g], {}) is None


@pytest.mark.parametrize("is_first", [True, False])
def test_index_finds_which_axis_was_indexed(is_first: bool) -> None:
    a = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([0, 2, 2])
    y = a[index] if is_first else a[:, index]
    (expected,) = torch.autograd.grad(y.sum(), a)
    inputs = [("self", _array(a)), ("indices[0]", _array(index))]
    result = evaluate("IndexBackward0", inputs, [_array(y)], [np.ones(y.shape)], {})
    assert result is not None
    assert result[0] is not None
    np.testing.assert_array_equal(result[0], expected.numpy())


def test_index_says_nothing_where_two_axes_fit() -> None:
    same = np.ones((3, 3))
    assert evaluate("IndexBackward0", [("self", same), ("indices", np.arange(3))], [same], [same], {}) is None
