"""One recorded call of an operator as plain arrays, from which a rule computes the gradients of its inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Gradients = Mapping[str, Array | Sequence[Array | None] | None]

_ELEMENT = re.compile(r"\[(\d+)\]$")


class MissingValueError(LookupError):
    """A value that the rule needs was not kept."""


def list_name(arg: str) -> str:
    """The name of the list that an operand is part of: "tensors" for "tensors[1]"; other names are their own."""
    return _ELEMENT.sub("", arg)


def widen(array: Array) -> Array:
    """Floating point as float64; integers and booleans as they are."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class Arguments:
    """What a rule reads of a call, apart from its operands.

    Parameters
    ----------
    params : the operator's arguments by name that are no tensors.
    outputs : the values of the results, None where not kept.
    grad_outputs : the gradients of the results, None where no gradient flows.
    """

    def __init__(
        self, params: Mapping[str, Any], outputs: Sequence[Array | None], grad_outputs: Sequence[Array | None]
    ) -> None:
        self.params = params
        self.outputs = outputs
        self.grad_outputs = grad_outputs

    def number(self, name: str, default: float) -> float:
        """A numeric argument; `default` where the call left it out."""
        value = self.params.get(name)
        return default if value is None else float(value)

    def integers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """An argument that is a list of integers; a single one is a list of one."""
        value = self.params.get(name)
        if value is None:
            return list(default)
        return [int(value)] if isinstance(value, (bool, int, float)) else [int(v) for v in value]

    def integer(self, name: str, default: int = 0) -> int:
        """An integer argument."""
        return self.integers(name, (default,))[0]

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean argument."""
        value = self.params.get(name)
        return default if value is None else bool(value)

    def output(self, number: int = 0) -> Array:
        """A result's value."""
        value = self.outputs[number] if number < len(self.outputs) else None
        if value is None:
            raise MissingValueError(f"output {number}")
        return value

    def has_grad(self, number: int) -> bool:
        """Whether a gradient flows to a result."""
        return number < len(self.grad_outputs) and self.grad_outputs[number] is not None

    def grad(self, number: int = 0) -> Array:
        """The gradient of a result."""
        value = self.grad_outputs[number] if number < len(self.grad_outputs) else None
        if value is None:
            raise MissingValueError(f"gradient of output {number}")
        return value


class Call(Arguments):
    """The operands, results and gradients of one executed operator, all floating point values in float64.

    Parameters
    ----------
    inputs : (argument's name, value) of each tensor operand, in order; several elements of a list share a name.
    outputs : the values of the results, None where not kept.
    grad_outputs : the gradients of the results, None where no gradient flows.
    params : the operator's other arguments by name.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[str, Array | None]],
        outputs: Sequence[Array | None],
        grad_outputs: Sequence[Array | None],
        params: Mapping[str, Any],
    ) -> None:
        super().__init__(
            params,
            [None if value is None else widen(value) for value in outputs],
            [None if value is None else widen(value) for value in grad_outputs],
        )
        self.inputs = [(list_name(name), None if value is None else widen(value)) for name, value in inputs]
        self._places = [_ELEMENT.search(name) for name, _ in inputs]

    def tensor(self, name: str) -> Array:
        """An operand's value; a plain number in its place is as good."""
        for known, value in self.inputs:
            if known == name:
                if value is None:
                    raise MissingValueError(name)
                return value
        number = self.params.get(name)
        if isinstance(number, (bool, int, float)):
            return np.asarray(float(number))
        raise MissingValueError(name)

    def optional(self, name: str) -> Array | None:
        """An operand's value, or None where the call had none."""
        if any(known == name for known, _ in self.inputs):
            return self.tensor(name)
        return None

    def tensors(self, name: str) -> list[Array]:
        """The elements of a list of operands."""
        found = [value for known, value in self.inputs if known == name]
        if not found or any(value is None for value in found):
            raise MissingValueError(name)
        return [value for value in found if value is not None]

    def places(self, name: str) -> list[int] | None:
        """The places of a list's elements, of which some may have been left out; None where they are not known."""
        found = [place for (known, _), place in zip(self.inputs, self._places, strict=True) if known == name]
        return None if any(place is None for place in found) else [int(place[1]) for place in found if place]

    def grad_or_zero(self, number: int) -> Array:
        """The gradient of a result; zeros where none flows."""
        if self.has_grad(number):
            return self.grad(number)
        return np.zeros_like(self.output(number), dtype=np.float64)


Evaluator = Callable[[Call], Gradients]


def axes_of(dims: Sequence[int], ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers; an empty list means all of them, as in torch's reductions."""
    return tuple(range(ndim)) if not dims else tuple(d % ndim if ndim else 0 for d in dims)


def unreduce(reduced: Array, shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool) -> Array:
    """Spread a value per reduced group back over `shape`."""
    if not shape:
        return reduced.reshape(())
    if not keepdim:
        reduced = np.expand_dims(reduced, axes) if axes else reduced
    return np.broadcast_to(reduced, shape)


def unbroadcast(grad: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an operand of `shape` was broadcast."""
    if grad.shape == shape:
        return grad
    extra = grad.ndim - len(shape)
    if extra > 0:
        grad = grad.sum(axis=tuple(range(extra)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and grad.shape[axis] != 1)
    if stretched:
        grad = grad.sum(axis=stretched, keepdims=True)
    return np.broadcast_to(grad, shape)
