"""Where a chosen element of an operand stands in a call, and which elements of the other tensors meet it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..call import Arguments, Array, MissingValueError
from .expression import Expr, constant, gradient, of_value

Place = tuple[Array, ...]


class Site(Arguments):
    """One element of one operand's gradient.

    Parameters
    ----------
    name : the operand's name in the operator's schema.
    index : of the element in the operand.
    operands : values by name; None where not kept. The chosen operand's own value is among them.
    outputs, grad_outputs : of the node; None where not kept, or where no gradient flows.
    params : the operator's other arguments.
    shape : of the gradient in which `index` points; autograd may hand on one that is not summed over the broadcast
        axes yet.
    """

    def __init__(
        self,
        name: str,
        index: tuple[int, ...],
        operands: Mapping[str, Array | None],
        outputs: Sequence[Array | None],
        grad_outputs: Sequence[Array | None],
        params: Mapping[str, Any],
        shape: tuple[int, ...],
    ) -> None:
        super().__init__(params, outputs, grad_outputs)
        self.name = name
        self._shape = shape
        self.index = index
        self._operands = operands
        self._where: Place | None = None

    # --- whole tensors ---

    @property
    def own(self) -> Array:
        """The value of the operand itself."""
        return self.tensor(self.name)

    def has(self, name: str) -> bool:
        return name in self._operands

    def tensor(self, name: str) -> Array:
        """An operand; a plain number in its place is as good."""
        value = self._operands.get(name)
        if value is not None:
            return value
        number = self.params.get(name)
        if name not in self._operands and isinstance(number, (bool, int, float)):
            return np.asarray(float(number))
        raise MissingValueError(name)

    # --- the elements that meet the chosen one where the operator works element by element ---

    @property
    def where(self) -> Place:
        """Indices of the result's elements into which the chosen one was broadcast, each of shape (terms,)."""
        if self._where is None:
            self._where = spread(self.index, self._shape, self.grad().shape)
        return self._where

    def _picked(self, array: Array) -> Array:
        found = np.broadcast_to(array, self.grad().shape)[self.where].astype(np.float64)
        # A scalar is one number, not a list of one.
        return found.reshape(()) if found.size == 1 else found

    @property
    def g(self) -> Expr:
        """The result's gradient there."""
        return gradient(self._picked(self.grad()))

    @property
    def y(self) -> Expr:
        """The result there."""
        return of_value(self._picked(self.output()))

    def at(self, name: str) -> Expr:
        """Another operand there; a plain argument is a constant."""
        if name not in self._operands:
            return constant(float(self.tensor(name)))
        return of_value(self._picked(self.tensor(name)))

    def picked(self, array: Array) -> Expr:
        """Any array of (or broadcast to) the result's shape there."""
        return of_value(self._picked(array))


def spread(index: tuple[int, ...], shape: tuple[int, ...], whole: tuple[int, ...]) -> Place:
    """Indices of the elements of `whole` into which element `index` of `shape` is broadcast."""
    lead = len(whole) - len(shape)
    axes = [
        np.arange(size) if axis < lead or shape[axis - lead] != size else np.array([index[axis - lead]])
        for axis, size in enumerate(whole)
    ]
    if not axes:
        return ()
    return tuple(grid.reshape(-1) for grid in np.meshgrid(*axes, indexing="ij"))
