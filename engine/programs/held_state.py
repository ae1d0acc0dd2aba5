"""Everything that a built program holds, found by walking from it: remembered once, and put back before each run."""

from __future__ import annotations

import functools
import gc
import io
import random
import sys
import threading
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch

from .held_kinds import (
    CACHE_TYPE,
    is_library_function,
    is_pythons_own,
    is_stateless,
    is_users_class,
    is_users_module,
    slot_names,
)
from .held_tensors import HeldTensors, NotRestorableError

MOST_OBJECTS = 300_000
_CLASS_PARTS = ("__dict__", "__weakref__", "__abstractmethods__", "__doc__")
Undo = Callable[[], None]
Path = tuple[Any, ...]
"""The path of what holds it, and its name there; empty for the program itself."""
_GROWING = (OrderedDict, defaultdict, deque)


class HeldState:
    """The state of the objects that can be reached from some others.

    Parameters
    ----------
    roots : by name, what a run starts from.
    most_bytes : of tensors and arrays that may be copied.

    Raises
    ------
    NotRestorableError
        There is something whose state cannot be read or put back, such as a generator that goes on.
    """

    def __init__(self, roots: Iterable[tuple[str, Any]], most_bytes: int) -> None:
        self._tensors = HeldTensors(most_bytes)
        self._undos: list[Undo] = []
        self._alive: dict[int, Any] = {}
        self._pending: deque[tuple[Any, Path]] = deque((value, ((), name)) for name, value in roots)
        while self._pending:
            value, path = self._pending.pop()
            try:
                self._visit(value, path)
            except NotRestorableError as error:
                raise NotRestorableError(f"{words(path)} {error}" if error.is_about_place else str(error)) from None

    def restore(self) -> None:
        """Put everything back that has changed. Raises NotRestorableError where that cannot be done any more."""
        for undo in self._undos:
            undo()
        self._tensors.restore()

    # Walking

    def _later(self, value: Any, path: Path, name: str) -> None:
        if value is not None and type(value) not in (int, float, str, bool) and id(value) not in self._alive:
            self._pending.append((value, (path, name)))

    def _visit(self, value: Any, path: Path) -> None:
        if id(value) in self._alive or is_stateless(value):
            return
        if len(self._alive) >= MOST_OBJECTS:
            raise NotRestorableError(f"it holds more than {MOST_OBJECTS:,} objects", is_about_place=False)
        self._alive[id(value)] = value
        if isinstance(value, type):
            self._visit_class(value, path)
        elif isinstance(value, types.ModuleType):
            if is_users_module(value):
                self._visit_items(value.__dict__, path, is_namespace=True)
        elif isinstance(value, torch.Tensor):
            for name, held in self._tensors.add(value):
                self._later(held, path, name)
        elif isinstance(value, np.ndarray):
            self._tensors.add_array(value)
            if value.dtype.hasobject:
                raise NotRestorableError("is an array of objects")
        elif not (self._visit_function(value, path) or self._visit_generator(value)):
            self._visit_instance(value, path)

    def _visit_function(self, value: Any, path: Path) -> bool:
        if isinstance(value, types.FunctionType):
            if not is_library_function(value):
                self._visit_plain_function(value, path)
        elif isinstance(value, types.CellType):
            self._visit_cell(value, path)
        elif isinstance(value, types.MethodType | types.BuiltinFunctionType):
            self._later(value.__self__, path, "")
            self._later(getattr(value, "__func__", None), path, "")
        elif isinstance(value, types.MappingProxyType):
            self._later(gc.get_referents(value)[0], path, "")
        elif isinstance(value, staticmethod | classmethod):
            self._later(value.__func__, path, "")
        elif isinstance(value, property):
            for function in (value.fget, value.fset, value.fdel):
                self._later(function, path, "")
        elif isinstance(value, functools.partial):
            for number, held in enumerate((value.func, *value.args)):
                self._later(held, path, f"[{number}]")
            self._visit_items(value.keywords, path)
            self._visit_items(value.__dict__, path)
        elif isinstance(value, CACHE_TYPE):
            self._visit_cache(value, path)
        else:
            return False
        return True

    def _visit_plain_function(self, function: types.FunctionType, path: Path) -> None:
        self._remember_attributes(function, path, ("__defaults__", "__kwdefaults__", "__code__"))
        self._visit_items(function.__dict__, path)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._later(cell, path, name)
        module = sys.modules.get(function.__module__ or "")
        if is_users_module(module):
            self._later(module, (), "")
        if function.__globals__ is not getattr(module, "__dict__", None) and "__file__" in function.__globals__:
            self._later(function.__globals__, (), "")

    def _visit_cell(self, cell: types.CellType, path: Path) -> None:
        try:
            content = cell.cell_contents
        except ValueError:  # not filled yet
            return
        self._later(content, path, "")

        def undo() -> None:
            cell.cell_contents = content

        self._undos.append(undo)

    def _visit_cache(self, cache: Any, path: Path) -> None:
        if cache.cache_info().currsize:
            raise NotRestorableError("is a cache that was filled while the program was built")
        self._later(cache.__wrapped__, path, "")
        self._undos.append(cache.cache_clear)

    def _visit_generator(self, value: Any) -> bool:
        """Sources of random numbers."""
        if isinstance(value, torch.Generator):
            self._undos.append(partial(_restore_generator, value, value.get_state()))
        elif isinstance(value, random.Random):
            self._undos.append(partial(value.setstate, value.getstate()))
        elif isinstance(value, np.random.RandomState):
            self._undos.append(partial(value.set_state, value.get_state()))
        elif isinstance(value, np.random.Generator):
            self._undos.append(partial(setattr, value.bit_generator, "state", value.bit_generator.state))
        elif isinstance(value, np.random.BitGenerator):
            self._undos.append(partial(setattr, value, "state", value.state))
        else:
            return False
        return True

    def _visit_class(self, kind: type, path: Path) -> None:
        if not is_users_class(kind):
            return
        before = {name: value for name, value in vars(kind).items() if name not in _CLASS_PARTS}
        self._undos.append(partial(_restore_class, kind, before))
        for name, value in before.items():
            self._later(value, path, f".{name}")
        for base in kind.__bases__:
            self._later(base, path, "")

    def _visit_instance(self, value: Any, path: Path) -> None:
        kind = type(value)
        is_namespace = kind is types.SimpleNamespace
        is_plain = kind in _CONTAINERS
        if not (
            is_plain or is_namespace or is_pythons_own(kind) or issubclass(kind, OrderedDict | defaultdict | deque)
        ):
            raise NotRestorableError(_reason(value))
        if isinstance(value, threading.Thread) and value.is_alive():
            raise NotRestorableError("is a thread that runs")
        if isinstance(value, defaultdict):
            self._later(value.default_factory, path, "")
        if isinstance(value, dict):
            self._visit_items(value, path)
        elif isinstance(value, list | deque | set | bytearray):
            self._visit_sequence(value, path)
        elif isinstance(value, tuple | frozenset):
            for number, held in enumerate(value):
                self._later(held, path, f"[{number}]")
        if is_plain:
            return
        self._later(kind, path, "")
        names = [name for known in kind.__mro__ for name in slot_names(known)]
        self._remember_attributes(value, path, names)
        if hasattr(value, "__dict__"):
            self._visit_items(value.__dict__, path, is_namespace=True)
            if not is_namespace:
                self._undos.append(partial(_restore_class_of, value, kind))

    def _remember_attributes(self, value: Any, path: Path, names: Iterable[str]) -> None:
        for name in names:
            try:
                held = getattr(value, name)
            except AttributeError:
                self._undos.append(partial(_restore_absence, value, name))
                continue
            self._undos.append(partial(_restore_attribute, value, name, held))
            self._later(held, path, f".{name}")

    def _visit_items(self, items: dict[Any, Any], path: Path, *, is_namespace: bool = False) -> None:
        self._alive.setdefault(id(items), items)
        keys, values = list(items), list(items.values())
        self._undos.append(partial(_restore_items, items, keys, values))
        for key, value in zip(keys, values, strict=True):
            if type(key) is not str:
                self._later(key, path, "")
                self._later(value, path, f"[{key!r}]" if isinstance(key, int) else "[…]")
            elif key not in ("__builtins__", "__loader__", "__spec__"):
                self._later(value, path, f".{key}" if is_namespace else f"[{key!r}]")

    def _visit_sequence(self, items: Any, path: Path) -> None:
        before = list(items)
        self._undos.append(partial(_restore_sequence, items, before))
        if not isinstance(items, bytearray):
            for number, held in enumerate(before):
                self._later(held, path, f"[{number}]")


_CONTAINERS = (dict, list, set, frozenset, tuple, deque, OrderedDict, defaultdict, bytearray)


def words(path: Path) -> str:
    """ "batches", "model.layers[0]"."""
    parts: list[str] = []
    rest: Any = path
    while rest:
        rest, name = rest
        parts.append(name)
    return "".join(reversed(parts)).lstrip(".") or "the program"


def _reason(value: Any) -> str:
    kind = type(value)
    if isinstance(value, types.GeneratorType):
        return "is a generator, which cannot be wound back"
    if isinstance(value, io.IOBase):
        return "is an open file"
    if hasattr(kind, "__next__"):
        return f"is an iterator ({kind.__name__}), which cannot be wound back"
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"is a {module}{kind.__qualname__}, whose state cannot be read"


def _is_same(items: Iterable[Any], before: list[Any]) -> bool:
    now = list(items)
    return len(now) == len(before) and all(one is other for one, other in zip(now, before, strict=True))


def _restore_items(items: dict[Any, Any], keys: list[Any], values: list[Any]) -> None:
    if _is_same(dict.values(items), values) and _is_same(dict.keys(items), keys):
        return
    owner: Any = OrderedDict if isinstance(items, OrderedDict) else dict
    owner.clear(items)  # not the subclass's own: that may do more than it says
    for key, value in zip(keys, values, strict=True):
        owner.__setitem__(items, key, value)


def _restore_sequence(items: Any, before: list[Any]) -> None:
    if isinstance(items, set):
        if len(items) != len(before) or not all(item in items for item in before):
            set.clear(items)
            set.update(items, before)
    elif not _is_same(items, before):
        owner: Any = next(known for known in (list, deque, bytearray) if isinstance(items, known))
        owner.clear(items)
        owner.extend(items, before)


def _restore_attribute(owner: Any, name: str, value: Any) -> None:
    if getattr(owner, name, None) is not value:
        object.__setattr__(owner, name, value)


def _restore_absence(owner: Any, name: str) -> None:
    if hasattr(owner, name):
        object.__delattr__(owner, name)


def _restore_generator(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)


def _restore_class_of(value: Any, kind: type) -> None:
    if type(value) is not kind:
        object.__setattr__(value, "__class__", kind)


def _restore_class(kind: type, before: dict[str, Any]) -> None:
    now = vars(kind)
    for name in [name for name in now if name not in before and name not in _CLASS_PARTS]:
        type.__delattr__(kind, name)
    for name, value in before.items():
        if now.get(name) is not value:
            type.__setattr__(kind, name, value)
