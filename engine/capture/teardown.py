"""Frees deep autograd graphs piece by piece, since torch would free them recursively once Python has looked at them."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from .grad_graph import nodes_below
from .tape import Tape

DEEP = 5000
"""From this many autograd nodes on a graph may be too deep for the stack (which ends between 20,000 and 100,000)."""
_MOST_PARKED = 4
_ACCUMULATE = 2**64 - 1

_parked: list[tuple[list[weakref.ref[torch.Tensor]], list[Any]]] = []
"""Graphs that are still in use: the tensors that hold them, and their nodes, each after the nodes that it refers to."""


def park(tape: Tape) -> None:
    """Keep the nodes of a deep graph alive until `free_parked` can let go of them one by one.

    A node that Python has seen is freed together with its Python object, and then torch frees what it refers to from
    within: a chain of 100,000 operations overflows the stack.
    """
    if len(tape.autograd_nodes.of_sequence) < DEEP:
        return
    entries = [entry.reference for entry in tape.entries.values()]
    holders = [reference for reference in entries if (tensor := reference()) is not None and tensor.grad_fn is not None]
    tensors = [tensor for reference in holders if (tensor := reference()) is not None]
    nodes = sorted(nodes_below(tensor.grad_fn for tensor in tensors), key=_creation)
    _parked.append((holders, nodes))


def free_parked() -> None:
    """Let go of the graphs that nobody holds any more."""
    waiting = _parked[:]
    _parked.clear()
    for number, (holders, nodes) in enumerate(waiting):
        is_held = any(reference() is not None for reference in holders)
        if is_held and len(waiting) - number <= _MOST_PARKED:
            _parked.append((holders, nodes))
            continue
        while nodes:  # the last one made goes first: what it refers to is still in the list
            nodes.pop()


def _creation(grad_fn: Any) -> int:
    number: int = grad_fn._sequence_nr()
    return -1 if number == _ACCUMULATE else number
