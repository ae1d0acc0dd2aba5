"""Notices the program's own hooks on tensors: they may change a gradient on its way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import torch

from ..graph.model import Source
from ..training.replaced import Replaced
from .faults import fault_note
from .frames import running_frame, source_of, user_frame
from .sightings import Sighting
from .tape import Tape

_EFFECT = "may change that gradient: the contributions are from before it, the gradient from after it."
_MOST_NAMES = 4


class HookWatch:
    """While started, every hook that the program registers on a tensor leaves a note."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._replaced: Replaced | None = None
        self._thread = 0

    def start(self) -> None:
        self._thread = threading.get_ident()
        self._replaced = Replaced(torch.Tensor, "register_hook", self._wrap)

    def stop(self) -> None:
        """Put torch's own method back; harmless when nothing is on."""
        if self._replaced is not None:
            self._replaced.give_back()
            self._replaced = None

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def register_hook(tensor: torch.Tensor, hook: Any) -> Any:
            handle = original(tensor, hook)
            if self._replaced is not None and threading.get_ident() == self._thread:
                try:
                    with torch._C.DisableTorchFunction():
                        self._note(tensor, hook)
                except Exception as error:  # noqa: BLE001 - a note that fails must not fail the program's own call
                    self._tape.notes.add(fault_note("A hook on a tensor", error))
            return handle

        return register_hook

    def _note(self, tensor: torch.Tensor, hook: Any) -> None:
        number = self._tape.origin(tensor)[0]
        self._tape.hooks[number, id(hook)] = hook, source_of(user_frame(running_frame())), True


def note_leaf_hooks(tape: Tape, tensor: torch.Tensor) -> None:
    """Note the hooks that a leaf had before the program was traced."""
    for hooks in (tensor._backward_hooks, tensor._post_accumulate_grad_hooks):
        for hook in (hooks or {}).values():
            number = tape.origin(tensor)[0]
            tape.hooks.setdefault((number, id(hook)), (hook, _definition(hook), hooks is tensor._backward_hooks))


def hook_sightings(tape: Tape) -> list[Sighting]:
    """The program's hooks on tensors that were recorded, with a note for each line of the program that has made any.

    To be called when the leaves have their names.
    """
    lines: dict[Source | None, list[str]] = {}
    found = []
    for (node_id, _), (hook, source, changes) in tape.hooks.items():
        node = tape.nodes[node_id]
        lines.setdefault(source, []).append(node.name or node.label)
        if changes:  # one that runs after the gradient has been added up changes none that is on its way
            found.append(Sighting("hook", (node,), _name_of(hook), source))
    for source, names in lines.items():
        where = "" if source is None else f" ({os.path.basename(source.file)}, line {source.line})"
        shown = ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" * (len(names) > _MOST_NAMES))
        tape.notes.add(f"The program's own hook on {shown}{where} {_EFFECT}")
    return found


def _name_of(hook: Any) -> str:
    name = getattr(_plain(hook), "__qualname__", "") or type(hook).__qualname__
    return str(name).rpartition("<locals>.")[2]


def _definition(hook: Any) -> Source | None:
    code = getattr(_plain(hook), "__code__", None)
    return None if code is None else Source(code.co_filename, code.co_firstlineno, code.co_qualname)


def _plain(hook: Any) -> Any:
    """The function behind a partial or a bound method."""
    hook = getattr(hook, "func", hook)
    return getattr(hook, "__func__", hook)
