"""What a finding says beside its place: the versions of the tensor that autograd refused, where a NaN may come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import trace
from engine.diagnose import diagnose
from engine.errors import TraceError
from engine.programs import resolve
from engine.programs.tracing import trace_program

TWICE_CHANGED = """
import torch
x = torch.ones(3, requires_grad=True)
h = torch.exp(x * 2)
first = h.sum()
h.add_(1)
second = (h * h).sum()
h.mul_(3)
(first + second).backward()
"""


def test_of_several_changed_tensors_the_refused_one_is_told_with_its_own_versions(tmp_path: Path) -> None:
    path = tmp_path / "twice.py"
    path.write_text(TWICE_CHANGED)
    with pytest.raises(TraceError, match="is at version 2; expected version 1") as failed:
        trace_program(resolve(str(path)))
    recorded = failed.value.trace
    assert recorded is not None
    (finding,) = (found for found in diagnose(recorded) if found.kind == "changed-saved")
    nodes = recorded.graph.nodes
    assert nodes[finding.node_id].label == "mul_"
    assert nodes[finding.related[0]].label == "mul"
    assert "(it is at version 2, and version 1 was saved)" in finding.reason


def test_a_leaf_that_comes_with_nan_is_not_blamed_on_an_optimizer_that_never_ran() -> None:
    w = torch.tensor([1.0, float("nan")], requires_grad=True)
    recorded = trace(lambda: (w * 2).sum())
    (finding,) = (found for found in diagnose(recorded) if found.kind == "nan-forward")
    assert "Nothing was trained yet" in finding.cure
    assert "optimizer" not in finding.cure
    later = recorded
    later.step = 3
    (finding,) = (found for found in diagnose(later) if found.kind == "nan-forward")
    assert "If the optimizer's step before made it so" in finding.cure
