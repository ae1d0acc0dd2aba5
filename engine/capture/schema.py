"""What an operator's schema says: names of its arguments, and which of them it changes in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch

_VIEWED_ONLY = {"aten::detach"}
_QUERIES = {f"aten::{name}" for name in ("size", "stride", "dim", "numel", "storage_offset", "is_contiguous", "layout")}
_QUERIES |= {f"aten::sym_{name}" for name in ("size", "stride", "numel", "storage_offset", "is_contiguous")}
# In training mode they update these, though their schemas do not say so.
_UPDATING = ("aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::miopen_batch_norm")
_RUNNING = dict.fromkeys(_UPDATING, frozenset({"running_mean", "running_var"}))


class Signature(NamedTuple):
    """The parts of an operator's schema that recording needs."""

    name: str
    """As users of torch write it: "aten.addmm.default"."""
    arguments: tuple[str, ...]
    mutated: frozenset[str]
    is_detach: bool
    is_query: bool
    """It computes nothing: a mark for the profiler, or a question for a form, as fake tensors make torch ask."""
    updated: frozenset[str] = frozenset()
    """What it changes too where its argument `training` is true."""

    def changed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[str]:
        """Names of the arguments that a call changes in place."""
        if not self.updated:
            return self.mutated
        place = self.arguments.index("training")
        is_training = args[place] if place < len(args) else kwargs.get("training")
        return self.updated if is_training else self.mutated


_signatures: dict[int, tuple[Signature, Any]] = {}
"""By identity, which the operator beside it keeps: its hash is worked out in Python, every time."""


def signature_of(function: Any) -> Signature:
    found = _signatures.get(id(function))
    if found is None:
        found = _signatures[id(function)] = _read_signature(function), function
    return found[0]


def _read_signature(function: Any) -> Signature:
    schema = getattr(function, "_schema", None)
    if schema is None:  # a higher-order operator
        return Signature(str(function), (), frozenset(), False, False)
    mutated = frozenset(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    names = tuple(a.name for a in schema.arguments)
    is_query = schema.name.startswith(("prim::", "profiler::")) or schema.name in _QUERIES
    updated = _RUNNING.get(schema.name, frozenset())
    return Signature(str(function), names, mutated, schema.name in _VIEWED_ONLY, is_query, updated)


def named_arguments(signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every argument that was passed, under its schema name."""
    names = signature.arguments
    yield from zip(names, args, strict=False)
    for index in range(len(names), len(args)):  # a higher-order operator has no schema
        yield f"argument {index}", args[index]
    yield from kwargs.items()


def tensors_of(result: Any) -> Iterable[torch.Tensor]:
    """The tensors in an operator's result, most often a single one."""
    return (result,) if type(result) is torch.Tensor else flat_tensors(result)


def flat_tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an operator's argument or result: itself, or the members of a list or tuple."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from flat_tensors(part)


LONGEST_LIST = 64
"""Elements of a list that are kept; of a longer one, their number."""
PLAIN_TYPES = frozenset({type(None), bool, int, float, str})


def plain_parameter(value: Any) -> Any:
    """A non-tensor argument as plain data: numbers, strings and lists stay, everything else becomes its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        if len(value) > LONGEST_LIST:
            return f"{len(value)} values"
        if PLAIN_TYPES.issuperset(map(type, value)):
            return list(value)
        return [plain_parameter(part) for part in value]
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, (torch.device, torch.layout, torch.memory_format)):
        return str(value).removeprefix("torch.")
    return type(value).__name__
