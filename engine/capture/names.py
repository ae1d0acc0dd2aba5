"""Gives every operation the name of the variable that its result is bound to in the user's program."""

from __future__ import annotations

from functools import lru_cache
from types import FrameType
from typing import Any, NamedTuple

from ..graph.model import Node
from .bindings import binding_of, holds


class _Named(NamedTuple):
    """The operation that carries a binding's names for now, and the statement they come from."""

    node: Node
    frame: FrameType
    instruction: int
    reference: Any


class NameTracker:
    """Follows the statements that run.

    Several operations may run inside one statement (`loss = cross_entropy(logits, y)` dispatches two): the names belong
    to the last of them. The same statement may also run again, in a loop: then the former operation keeps its name,
    which is told by the variable still holding its result.
    """

    def __init__(self) -> None:
        self._last: _Named | None = None

    def forget(self) -> None:
        """The operation that ran last keeps its name, whatever comes."""
        self._last = None

    def op_ran(self, node: Node, caller: FrameType | None, reference: Any) -> None:
        """Name the operation that has just run; `reference` is a weak reference to its first output."""
        binding = binding_of(caller)
        last, self._last = self._last, None
        if binding is None:
            return
        frame, instruction = binding.frame, binding.frame.f_lasti
        if last is not None and last.frame is frame and last.instruction == instruction and not _is_bound(last):
            last.node.name = None
        _apply(node, binding.names)
        self._last = _Named(node, frame, instruction, reference)


def _is_bound(named: _Named) -> bool:
    name = named.node.name
    value = None if named.reference is None else named.reference()
    return name is not None and value is not None and holds(named.frame, name, value)


def _apply(node: Node, names: tuple[str | None, ...]) -> None:
    if len(names) > 1:
        for info, output_name in zip(node.outputs, names, strict=False):
            info.name = output_name
    node.name = _joined(names)


def name_of_call(caller: FrameType | None) -> str | None:
    """The name, or the names, to which the running statement of `caller` will bind its result."""
    binding = binding_of(caller)
    return None if binding is None else _joined(binding.names)


@lru_cache(4096)
def _joined(names: tuple[str | None, ...]) -> str | None:
    return ", ".join(name for name in names if name and name != "_") or None
