"""The derivative formulas of every autograd node of torch, as text: what is shown where no rule of our own exists."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

TABLE_NAME = "derivatives.json"


class Derivative(msgspec.Struct, frozen=True):
    """The operator behind one autograd node, and per differentiable argument the text of its gradient."""

    schema: str
    gradients: list[tuple[str, str]]


class DerivativeTable(msgspec.Struct, frozen=True):
    """Every node's derivative, by the node's name without a namespace, and the torch version they were read from."""

    torch: str
    nodes: dict[str, Derivative]


@cache
def load_table() -> DerivativeTable:
    """Read the table that ships with the package (a few milliseconds, once)."""
    data = files(__package__).joinpath(TABLE_NAME).read_bytes()
    return msgspec.json.decode(data, type=DerivativeTable)
