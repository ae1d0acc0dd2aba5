"""How many parameters a module holds, against the parameters that torch itself lists."""

from __future__ import annotations

import pytest
from torch import nn

from engine.capture.parameter_counts import ParameterCounts


def _tree() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Identity(), nn.Linear(3, 2, bias=False)))


def _tied() -> nn.Module:
    module = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))})
    module["b"][1].weight = module["a"].weight  # type: ignore[index]  # torch's stubs know no container inside another
    return module


def _repeated() -> nn.Module:
    shared = nn.Linear(5, 5)
    return nn.Sequential(nn.Sequential(shared, shared), nn.Sequential(nn.ReLU(), shared), nn.Linear(5, 1))


def _deep() -> nn.Module:
    module: nn.Module = nn.Linear(2, 2)
    for _ in range(3000):
        module = nn.Sequential(module)
    return module


@pytest.mark.parametrize("make", [_tree, _tied, _repeated, nn.Identity])
def test_every_module_has_what_torch_lists(make: type[nn.Module]) -> None:
    module = make()
    counts = ParameterCounts()
    for part in module.modules():
        assert counts.of(part) == sum(parameter.numel() for parameter in part.parameters())


def test_inner_modules_may_be_asked_first() -> None:
    module = _tied()
    counts = ParameterCounts()
    for part in reversed(list(module.modules())):
        assert counts.of(part) == sum(parameter.numel() for parameter in part.parameters())


def test_a_module_may_be_deep() -> None:
    assert ParameterCounts().of(_deep()) == 6


def test_a_parameter_without_a_shape_counts_nothing() -> None:
    assert ParameterCounts().of(nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))) == 8
