"""Finds the tensors in whatever a program is given or returns."""

from __future__ import annotations

import dataclasses
from collections import UserList, deque
from collections.abc import Iterator, Mapping, ValuesView
from types import GeneratorType, SimpleNamespace
from typing import Any

import torch

MOST_PARTS = 100_000
"""Parts that are looked through at most, plain numbers and texts not counted."""

_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))
_ITERATORS = (GeneratorType, map, zip, filter, enumerate, reversed)


def named_tensors(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in a nest of mappings, sequences and dataclasses, named like the expression that reaches it."""
    pending: list[tuple[str, Any]] = [(name, value)]
    seen: set[int] = set()
    visited = 0
    while pending and visited < MOST_PARTS:
        path, part = pending.pop()
        visited += 1
        if isinstance(part, torch.Tensor):
            yield path, part
            continue
        children = _children(part, path)
        if children and id(part) not in seen:
            seen.add(id(part))
            pending.extend(reversed(children))


def _children(part: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(part, Mapping):
        return [
            (f"{path}.{key}" if path and isinstance(key, str) else f"{path}[{key!r}]", v) for key, v in part.items()
        ]
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return [(f"{path}.{field}", getattr(part, field)) for field in part._fields]
    if isinstance(part, (list, tuple, set, frozenset, deque, UserList, ValuesView)):
        return [(f"{path}[{index}]", child) for index, child in enumerate(part) if type(child) not in _PLAIN]
    if isinstance(part, SimpleNamespace):
        return [(f"{path}.{name}", child) for name, child in vars(part).items()]
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return [(f"{path}.{field.name}", getattr(part, field.name)) for field in dataclasses.fields(part)]
    return []


def drained(result: Any) -> Any:
    """A program's result; what computes its parts only when it is asked for them is asked for all of them now."""
    return list(result) if isinstance(result, _ITERATORS) else result
