"""Statistics of large tensors, in one compiled pass and with torch's operations, against those of the array."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from engine.capture import reductions
from engine.capture.reductions import finish_all, reduce
from engine.graph.summary import summarize

COUNT = 300_001


def _with(row: torch.Tensor, *intruders: float) -> torch.Tensor:
    for index, intruder in enumerate(intruders):
        row[(index * 7919 + 11) % len(row)] = intruder
    return row


TENSORS: dict[str, Callable[[], torch.Tensor]] = {
    "normal": lambda: torch.randn(COUNT),
    "with zeros": lambda: torch.relu(torch.randn(COUNT)),
    "few zeros": lambda: _with(torch.randn(COUNT), 0.0, -0.0),
    "constant": lambda: torch.full((COUNT,), 0.1),
    "all zero": lambda: torch.zeros(COUNT),
    "varies little": lambda: 1000 + 1e-3 * torch.randn(COUNT),
    "far from zero": lambda: 3 + torch.randn(COUNT),
    "nan": lambda: _with(torch.randn(COUNT), math.nan, math.nan),
    "infinite": lambda: _with(torch.randn(COUNT), math.inf, -math.inf),
    "nan and infinite": lambda: _with(torch.randn(COUNT), math.inf, math.nan),
    "huge": lambda: 1e38 * torch.rand(COUNT),
    "tiny": lambda: 1e-38 * torch.randn(COUNT),
    "huge float64": lambda: 1e300 * torch.randn(COUNT, dtype=torch.float64),
    "float64": lambda: torch.randn(COUNT, dtype=torch.float64),
    "half": lambda: torch.randn(COUNT).half(),
    "bfloat16": lambda: torch.randn(COUNT).bfloat16(),
    "int64": lambda: torch.randint(-5, 5, (COUNT,)),
    "bool": lambda: torch.randint(0, 2, (COUNT,)).bool(),
    "complex": lambda: torch.randn(COUNT, dtype=torch.complex64),
    "transposed": lambda: torch.randn(300, 1000).t(),
    "with gaps": lambda: torch.randn(700, 1000)[:, ::3],
    "expanded": lambda: torch.randn(1000, 1).expand(1000, 300),
    "small": lambda: torch.randn(70_000),
    "large": lambda: torch.randn(2_500_000),
}


@pytest.mark.parametrize("way", ["one pass", "torch"])
@pytest.mark.parametrize("name", TENSORS)
def test_statistics_are_those_of_the_array(monkeypatch: pytest.MonkeyPatch, name: str, way: str) -> None:
    if way == "torch":
        monkeypatch.setattr(reductions, "statistics", lambda row: None)
    torch.manual_seed(1)
    tensor = TENSORS[name]()
    (found,) = finish_all([reduce(tensor)])
    readable = tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
    expected = summarize(readable.numpy())
    for field in ("count", "zeros", "nan", "inf"):
        assert getattr(found, field) == getattr(expected, field), field
    for field in ("min", "max", "mean", "std", "norm"):
        wanted, got = getattr(expected, field), getattr(found, field)
        if name == "huge float64" and field in ("norm", "std"):
            continue  # numpy's own sum of squares overflows
        scale = max(abs(expected.min), abs(expected.max)) if math.isfinite(expected.min) else 1.0
        assert got == pytest.approx(wanted, rel=2e-6, abs=1e-7 * scale, nan_ok=True), field
