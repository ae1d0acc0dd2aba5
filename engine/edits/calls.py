"""Sees every torch function that a program calls, above autograd: counts them, or changes what one is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode

from ..capture.schema import flat_tensors
from ..capture.tape import Tape
from .places import Call, origins_of_arguments

Change = Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]


class CallWatch(TorchFunctionMode):
    """Numbers the calls.

    Parameters
    ----------
    changes : by number of a call, what changes its arguments.
    is_learning : keep what every call was given.
    """

    def __init__(self, tape: Tape, changes: dict[int, list[Change]], *, is_learning: bool) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.made = 0
        self._tape = tape
        self._changes = changes
        self._is_learning = is_learning
        self._is_on = False

    def start(self) -> None:
        self.__enter__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self._is_on = True

    def stop(self) -> None:
        """Look no more. The mode itself stays until `leave`: torch may be inside one of its calls (`backward`)."""
        self._is_on = False

    def leave(self) -> None:
        """Take the mode off, once the program has ended; modes that it has entered since and left on stay."""
        if not any(mode is self for mode in _get_current_function_mode_stack()):
            return
        above = []
        while (mode := _pop_mode()) is not self:
            above.append(mode)
        for mode in reversed(above):
            _push_mode(mode)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self._is_on:
            return func(*args, **kwargs)
        number, self.made = self.made, self.made + 1
        for change in self._changes.get(number, ()):
            args, kwargs = change(args, kwargs)
        if not self._is_learning:
            return func(*args, **kwargs)
        begin = len(self._tape.nodes)
        try:
            return func(*args, **kwargs)
        finally:
            end = len(self._tape.nodes)
            self.calls.append(Call(begin, end, origins_of_arguments(self._tape, args, kwargs), _numbers(args, kwargs)))


def _numbers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[int | str, Any], ...]:
    """The Python numbers among the arguments; ints, floats and bools only."""
    named: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    return tuple((place, value) for place, value in named if isinstance(value, bool | int | float))


def with_number(place: int | str, value: bool | float) -> Change:
    """Gives a call another number."""

    def change(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if isinstance(place, str):
            return args, {**kwargs, place: value}
        return (*args[:place], value, *args[place + 1 :]), kwargs

    return change


def with_tensor(position: int, apply: Callable[[torch.Tensor], None]) -> Change:
    """Does something to one of the tensors that a call is given, before it begins."""

    def change(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        tensors = list(flat_tensors((args, tuple(kwargs.values()))))
        if position < len(tensors):
            apply(tensors[position])
        return args, kwargs

    return change
