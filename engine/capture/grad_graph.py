"""Autograd's own graph: names of its nodes, and walks over it without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch


def plain_name(grad_fn: Any) -> str:
    """An autograd node's name without its namespace: "AccumulateGrad", "CopySlices", "AddBackward0"."""
    return str(grad_fn.name()).rpartition("::")[2]


def nodes_below(grad_fns: Iterable[Any]) -> Iterator[Any]:
    """The autograd nodes that are reached from `grad_fns` (None is skipped), each once."""
    pending = list(grad_fns)
    seen: set[Any] = set()
    while pending:
        grad_fn = pending.pop()
        if grad_fn is None or grad_fn in seen:
            continue
        seen.add(grad_fn)
        pending.extend(following for following, _ in grad_fn.next_functions)
        yield grad_fn


def leaves_below(roots: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """The leaves that a backward pass from `roots` would reach, each once; a root may be one itself."""
    given = list(roots)
    found = {id(root): root for root in given if root.requires_grad and root.grad_fn is None}
    for grad_fn in nodes_below(root.grad_fn for root in given):
        if plain_name(grad_fn) == "AccumulateGrad":
            found[id(grad_fn.variable)] = grad_fn.variable
    return list(found.values())
