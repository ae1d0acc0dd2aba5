"""The shipped table of derivatives is what the generator makes of the installed torch."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from engine.rules.derivatives import load_table
from engine.rules.generate import argument_order, collect


def test_argument_order() -> None:
    assert argument_order("add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")[:2] == ["self", "other"]
    assert argument_order("f(Tensor(a) self, SymInt[2] size=[0,1]) -> (Tensor, Tensor)")[0] == "self"


@pytest.mark.skipif(importlib.util.find_spec("yaml") is None, reason="torch's tables need PyYAML to be read")
def test_table_is_up_to_date() -> None:
    shipped = load_table()
    if not torch.__version__.startswith(shipped.torch):
        pytest.skip(f"the table was made from torch {shipped.torch}")
    assert collect().nodes == shipped.nodes
