"""Gives every operation the name of the variable that its result is bound to in the user's program."""

from __future__ import annotations

from types import FrameType
from typing import Any, NamedTuple

from ..graph.model import Node
from .bindings import Binding, binding_of, holds


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
            _apply(last.node, None)
        _apply(node, binding)
        self._last = _Named(node, frame, instruction, reference)


def _is_bound(named: _Named) -> bool:
    name = named.node.name
    value = None if named.reference is None else named.reference()
    return name is not None and value is not None and holds(named.frame, name, value)


def _apply(node: Node, binding: Binding | None) -> None:
    names = [] if binding is None else [name for name in binding.names if name]
    if binding is not None and len(binding.names) > 1:
        for info, output_name in zip(node.outputs, binding.names, strict=False):
            info.name = output_name
    shown = [name for name in names if name != "_"]
    node.name = ", ".join(shown) or None


def names_of_call(caller: FrameType | None) -> tuple[str, ...]:
    """The names to which the running statement of `caller` will bind its result."""
    binding = binding_of(caller)
    return () if binding is None else tuple(name for name in binding.names if name and name != "_")
