"""A function of torch that ours stands in for, given back even where somebody else replaced it in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Replaced:
    """Puts `wrap(original)` in the place of a module's function, until `give_back`.

    A replacement that was put on top of ours meanwhile (by the program, or by a trace in another thread) stays; ours
    must then go straight through, and is skipped by those of ours that are taken off later.
    """

    def __init__(self, owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._owner = owner
        self._name = name
        self._is_on = True
        self._original = getattr(owner, name)
        self._ours = wrap(self._original)
        self._ours.__doc__ = self._original.__doc__
        self._ours.__wrapped__ = self._original  # type: ignore[attr-defined]  # as functools.wraps does
        self._ours.replaced = self  # type: ignore[attr-defined]
        setattr(owner, name, self._ours)

    def give_back(self) -> None:
        """Harmless when it was given back already."""
        self._is_on = False
        if getattr(self._owner, self._name) is self._ours:
            setattr(self._owner, self._name, _in_use(self._original))


def _in_use(function: Any) -> Any:
    """`function`, or what is behind it where it is a replacement of ours that is off."""
    while isinstance(replaced := getattr(function, "replaced", None), Replaced) and not replaced._is_on:
        function = replaced._original
    return function
