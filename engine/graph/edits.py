"""What a user changes in a recorded program to see what would happen: plain records that name nodes of its trace."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .trace import Trace
from .values import Values

EDITED = "cut by an edit"
"""Why no gradient flows along an edge that the user cut."""


class Edit(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all edits. Node ids, outputs and input numbers are those of the unedited trace."""


class SetValue(Edit, frozen=True, tag=True, kw_only=True):
    """Give a leaf, an input, a buffer or a constant another value, before its first use. The shape may be another."""

    node: int
    values: Values


class SetConstant(Edit, frozen=True, tag=True, kw_only=True):
    """Call an operation with another number in the place of its argument `name` (one of `Node.params`)."""

    node: int
    name: str
    value: bool | int | float


class SetSeed(Edit, frozen=True, tag=True, kw_only=True):
    """Seed the random number generators with another number wherever the program (or Retrograd for it) does so."""

    seed: int


class SetRequiresGrad(Edit, frozen=True, tag=True, kw_only=True):
    """Switch the gradient of a leaf off, or that of an input, a buffer or a constant on."""

    node: int
    requires_grad: bool


class CutEdge(Edit, frozen=True, tag=True, kw_only=True):
    """Detach what flows along one edge: its consumer hands no gradient back along it."""

    source: int
    output_nr: int
    target: int
    input_nr: int


class ScaleGradient(Edit, frozen=True, tag=True, kw_only=True):
    """Multiply the gradient that arrives at an output before it goes on; by 0 to stop it with zeros."""

    node: int
    output: int = 0
    factor: float


class ClipGradient(Edit, frozen=True, tag=True, kw_only=True):
    """Limit each element of the gradient at an output to ±`limit`, or (`is_norm`) scale it down to that norm."""

    node: int
    output: int = 0
    limit: float
    is_norm: bool = False


class ReplaceGradient(Edit, frozen=True, tag=True, kw_only=True):
    """Go on with other values in the place of the gradient at an output; of one number, everywhere."""

    node: int
    output: int = 0
    values: Values


GradientEdit = ScaleGradient | ClipGradient | ReplaceGradient
AnyEdit = SetValue | SetConstant | SetSeed | SetRequiresGrad | CutEdge | ScaleGradient | ClipGradient | ReplaceGradient


def key_of(edit: AnyEdit) -> tuple[object, ...]:
    """Two edits with the same key say the same thing of the same place: the later one replaces the earlier.

    Several edits of one gradient add up, each of its kind.
    """
    places = {name: getattr(edit, name) for name in edit.__struct_fields__ if name not in _CONTENT}
    return type(edit).__name__, *places.items()


_CONTENT = ("values", "value", "factor", "limit", "is_norm", "requires_grad", "seed")


def combined(edits: Iterable[AnyEdit]) -> tuple[AnyEdit, ...]:
    """The edits without those that a later one replaces, in their order."""
    found: dict[tuple[object, ...], AnyEdit] = {}
    for edit in edits:
        found[key_of(edit)] = edit
    return tuple(found.values())


def has_same_shape(one: Trace, other: Trace) -> bool:
    """Whether one drawing fits both traces: the same nodes, and data along the same edges.

    Unlike `structure.fingerprint` this asks nothing of the backward pass, of which an edit may cut a part off.
    """
    nodes, others = one.graph.nodes, other.graph.nodes
    if len(nodes) != len(others) or len(one.graph.edges) != len(other.graph.edges):
        return False
    alike = all(
        a.op == b.op
        and (a.kind == "op") == (b.kind == "op")
        and a.scope == b.scope
        and len(a.outputs) == len(b.outputs)
        for a, b in zip(nodes, others, strict=True)
    )
    return alike and all(
        (a.source, a.output_nr, a.target, a.input_nr) == (b.source, b.output_nr, b.target, b.input_nr)
        for a, b in zip(one.graph.edges, other.graph.edges, strict=True)
    )
