"""What the tape keeps of tensors and edges while a program runs."""

from __future__ import annotations

import weakref
from typing import Any

import msgspec
import torch

Origin = tuple[int, int]
"""Node id and output number that a tensor comes from."""
AccumulateGrad: Any = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]  # torch's stubs lack it
"""The class of the autograd nodes that stand for leaves."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Who made a living tensor. The weak reference tells a recycled identity from the real one."""

    reference: weakref.ref[torch.Tensor]
    node: int
    output: int


class EdgeDraft(msgspec.Struct, frozen=True, gc=False):
    """Data flowing into an operation, before it is known whether a gradient flows back along it."""

    source: int
    output: int
    target: int
    argument: str | None
    requires_grad: bool
