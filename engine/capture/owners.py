"""Which modules the program's running functions hold: they name parameters whose module was not called here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from torch import nn

from .faults import fault_note
from .frames import locals_of, user_frame
from .scopes import ScopeStack

_MOST_PARTS = 1000
_MOST_CALLS = 12
"""Between an operation that initialises a parameter and the module's own code."""


def learn_owners(scopes: ScopeStack, wanted: set[int], frame: FrameType | None) -> None:
    """Learn the names of parameters, given by identity, from modules that the functions at or above `frame` hold."""
    if not wanted:
        return
    try:
        for name, module in held_modules(frame):
            if any(id(parameter) in wanted for parameter in module.parameters()):
                scopes.learn_names(module, name)
                wanted = wanted.difference(scopes.parameter_names)
                if not wanted:
                    return
    except Exception as error:  # noqa: BLE001 - a module of the program's may answer as it likes; names are not all
        scopes.notes.add(fault_note("The names of some parameters", error))


def parameter_named(frame: FrameType | None, wanted: nn.Parameter) -> str | None:
    """What a module that is just being made calls a parameter of its own, which it initialises."""
    for _ in range(_MOST_CALLS):
        if frame is None:
            break
        owner = locals_of(frame).get("self")
        if isinstance(owner, nn.Module):
            for name, parameter in owner.__dict__.get("_parameters", {}).items():
                if parameter is wanted:
                    return str(name)
        frame = frame.f_back
    return None


def held_modules(frame: FrameType | None) -> Iterator[tuple[str, nn.Module]]:
    """Each module that a running function at or above `frame` can name, with that name: the innermost's first.

    Those in a list or dict count, and those that the object of a running method holds.
    """
    seen: set[int] = set()
    frame = user_frame(frame)
    while frame is not None:
        for scope in (locals_of(frame), frame.f_globals):
            if id(scope) in seen:
                continue
            seen.add(id(scope))
            for name, value in list(scope.items()):
                for found, module in _modules_in(name, value):
                    if id(module) not in seen:
                        seen.add(id(module))
                        yield found, module
        frame = user_frame(frame.f_back)


def _modules_in(name: str, value: Any) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(value, nn.Module):
        yield name, value
    elif type(value) in (list, tuple):
        for index, part in enumerate(value[:_MOST_PARTS]):
            if isinstance(part, nn.Module):
                yield f"{name}[{index}]", part
    elif type(value) is dict:
        for key, part in list(value.items())[:_MOST_PARTS]:
            if isinstance(part, nn.Module):
                yield f"{name}[{key!r}]", part
    elif name == "self":
        held = getattr(value, "__dict__", None)
        if isinstance(held, Mapping):
            for key, part in list(held.items()):
                yield from _modules_in(key, part) if key != "self" else ()
