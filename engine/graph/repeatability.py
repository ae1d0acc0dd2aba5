"""Whether a program that ran again did the same where nothing was changed: by statistics of what no edit reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .edits import AnyEdit, SetConstant, SetRequiresGrad, SetSeed, SetValue
from .model import Node, TensorInfo
from .summary import Summary
from .trace import Trace

_TO_PYTHON = ("aten._local_scalar_dense", "aten.equal.", "aten.is_nonzero")
"""Operations that give a number to Python, on which anything may depend from then on."""
_UNWRITTEN = ("aten.empty", "aten.new_empty")
"""Operations whose result is whatever was in the memory before."""
_DRAWS = (
    "rand",
    "normal",
    "uniform",
    "bernoulli",
    "exponential",
    "geometric",
    "cauchy",
    "log_normal",
    "multinomial",
    "poisson",
    "native_dropout",
)
_COARSE = ("float16", "bfloat16", "float8")


def first_unlike(original: Trace, again: Trace, edits: Iterable[AnyEdit]) -> int | None:
    """The first node whose values are others in `again`, although none of the edits can be the reason.

    Values that an edit reaches (or may reach through Python) are not looked at, nor is anything after the operation
    where the two go different ways. With another seed, nothing is: None.
    """
    edits = tuple(edits)
    if any(isinstance(edit, SetSeed) for edit in edits):
        return None
    reached = _reached(original, edits)
    is_escaped = False
    for one, other in zip(original.graph.nodes, again.graph.nodes, strict=False):
        if one.op != other.op or _form(one) != _form(other):
            return None
        if one.id in reached:
            is_escaped = is_escaped or (one.op or "").startswith(_TO_PYTHON)
            continue
        if is_escaped or (one.op or "").startswith(_UNWRITTEN):
            continue
        if not all(_is_alike(a, b) for a, b in zip(one.outputs, other.outputs, strict=True)):
            return one.id
    return None


def first_unseeded(original: Trace, again: Trace) -> int | None:
    """The first node of `again`, run with another seed, that draws random numbers and drew the same ones."""
    for one, other in zip(original.graph.nodes, again.graph.nodes, strict=False):
        if one.op != other.op or _form(one) != _form(other):
            return None
        name = (one.op or "").removeprefix("aten.")
        if not name.startswith(_DRAWS):
            continue
        before, now = one.outputs[0].summary, other.outputs[0].summary
        if before is not None and now is not None and before.count > 1 and before.std > 0 and before == now:
            return one.id
    return None


def is_all_alike(original: Trace, again: Trace) -> bool:
    """Whether every value is the same in both: nothing that is shown has changed."""
    return len(original.graph.nodes) == len(again.graph.nodes) and first_unlike(original, again, ()) is None


def _reached(trace: Trace, edits: tuple[AnyEdit, ...]) -> set[int]:
    """The nodes that an edit of the forward pass may change, by the data that flows."""
    nodes = trace.graph.nodes
    pending = []
    for edit in edits:
        if isinstance(edit, SetValue | SetConstant | SetRequiresGrad):
            pending.append(edit.node)
            # What stands for the same memory under another name changes with it.
            pending.extend(node.id for node in nodes if node.kind != "op" and _is_twin(nodes[edit.node], node))
    reached = set(pending)
    while pending:
        for edge in trace.graph.outgoing(pending.pop()):
            if edge.target not in reached:
                reached.add(edge.target)
                pending.append(edge.target)
    return reached


def _is_twin(one: Node, other: Node) -> bool:
    return (
        bool(one.outputs and other.outputs)
        and one.outputs[0].numel > 1
        and one.outputs[0].summary is not None
        and one.outputs[0].summary == other.outputs[0].summary
    )


def _form(node: Node) -> list[tuple[object, ...]]:
    return [(tuple(info.shape), info.dtype) for info in node.outputs]


def _is_alike(one: TensorInfo, other: TensorInfo) -> bool:
    tolerance = 1e-2 if one.dtype.startswith(_COARSE) else 1e-4
    are_kept = one.array is not None and other.array is not None and one.array.dtype.kind in "biufc"
    if are_kept and np.array_equal(one.array, other.array):  # type: ignore[arg-type]  # both are there
        return True
    before, now = one.summary, other.summary
    if before is None or now is None or (before == now and not are_kept):
        return True
    if not _has_same_statistics(before, now, tolerance):
        return False
    if one.array is None or other.array is None or not are_kept:
        return True
    with np.errstate(all="ignore"):
        return np.allclose(one.array, other.array, rtol=0, atol=tolerance * _size(before), equal_nan=True)


def _has_same_statistics(one: Summary, other: Summary, tolerance: float) -> bool:
    if (one.count, one.nan, one.inf) != (other.count, other.nan, other.inf):
        return False
    if one.count == 0 or one.nan or one.inf:
        return True
    within = tolerance * _size(one)
    pairs = ((one.min, other.min), (one.max, other.max), (one.mean, other.mean), (one.std, other.std))
    return all(abs(a - b) <= within for a, b in pairs)


def _size(summary: Summary) -> float:
    size = max(abs(summary.min), abs(summary.max))
    return size if math.isfinite(size) else math.inf
