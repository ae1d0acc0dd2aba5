"""Which objects of a program hold no state of their own, which are Python's alone, and which files are the user's."""

from __future__ import annotations

import _thread
import ast
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import operator
import os
import pathlib
import re
import sys
import sysconfig
import types
import typing
import weakref
from collections import namedtuple
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

import numpy as np
import torch

_ENGINE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_DEMO_FOLDER = os.path.join(_ENGINE_FOLDER, "demos") + os.sep
_LIBRARY_FOLDERS = (
    sysconfig.get_path("stdlib") + os.sep,
    sysconfig.get_path("platstdlib") + os.sep,
    os.path.dirname(os.path.dirname(os.path.abspath(torch.__file__))) + os.sep,
)
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_Pair = namedtuple("_Pair", "one other")
"""Only to have what the attributes of such a class are made of."""

_STATELESS: tuple[type, ...] = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(Ellipsis),
    type(NotImplemented),
    range,
    slice,
    enum.Enum,
    types.CodeType,
    types.GenericAlias,
    types.UnionType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    weakref.ReferenceType,
    re.Pattern,
    pathlib.PurePath,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    type(_Pair.one),
    operator.itemgetter,
    operator.attrgetter,
    operator.methodcaller,
    np.generic,
    np.dtype,
    np.ufunc,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
    torch.finfo,
    torch.iinfo,
    ModuleSpec,
    SourceFileLoader,
    BuiltinImporter,
    FrozenImporter,
    ast.AST,
    logging.Logger,
    logging.Handler,
    _thread.LockType,
    type(_thread.RLock()),
    typing.TypeVar,
    typing.ParamSpec,
    torch.fx.Graph,
    torch._ops.OpOverload,
    torch._ops.OpOverloadPacket,
    torch._ops._OpNamespace,
)
"""Immutable, or shared by everybody and not the program's business (logging), or locked by nobody while it rests."""
_STATELESS_MODULES = ("typing", "_abc", "importlib", "_frozen_importlib", "_frozen_importlib_external")
_C_BASES: tuple[type, ...] = (object, dict, list, set, tuple, frozenset)


def is_users_file(path: str | None) -> bool:
    """Whether a Python file belongs to a program: no library's, nor the engine's (the demos are programs)."""
    if not path or path.startswith("<"):
        return False
    path = os.path.abspath(path)
    if path.startswith(_DEMO_FOLDER):
        return True
    is_library = path.startswith((*_LIBRARY_FOLDERS, _ENGINE_FOLDER)) or any(part in path for part in _PACKAGES)
    return not is_library


def is_users_module(module: Any) -> bool:
    """Whether a module is a program's own."""
    return isinstance(module, ModuleType) and is_users_file(getattr(module, "__file__", None))


def is_users_class(kind: type) -> bool:
    """Whether a class is defined by the program: its attributes may change with a run."""
    return is_users_module(sys.modules.get(getattr(kind, "__module__", "") or ""))


def is_stateless(value: Any) -> bool:
    """Whether nothing that a run does changes an object of this kind."""
    if isinstance(value, io.IOBase):
        return value.closed or value in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(value, _STATELESS) or type(value).__module__ in _STATELESS_MODULES


def is_library_function(function: types.FunctionType) -> bool:
    """Whether a function is a plain one of a library's module, which holds nothing of the program."""
    return "<locals>" not in function.__qualname__ and not is_users_file(function.__code__.co_filename)


def is_pythons_own(kind: type) -> bool:
    """Whether `__dict__`, slots and the items of a base container are all that an instance holds.

    A class written in C may hide more; its instances are larger than what Python itself puts into them.
    """
    base = next((known for known in kind.__mro__ if known in _C_BASES), object)
    slots = sum(len(slot_names(known)) for known in kind.__mro__)
    expected = base.__basicsize__ + 8 * slots
    if kind.__dictoffset__ > 0:
        expected += 8
    if kind.__weakrefoffset__ > 0:
        expected += 8
    return kind.__basicsize__ <= expected and bool(kind.__flags__ & (1 << 9))  # a heap type: made by `class`


def slot_names(kind: type) -> list[str]:
    """Names of the slots that one class adds, as they are stored."""
    names = kind.__dict__.get("__slots__", ())
    names = (names,) if isinstance(names, str) else tuple(names)
    plain = [name for name in names if name not in ("__dict__", "__weakref__")]
    return [
        f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
        for name in plain
    ]


CACHE_TYPE: type = type(functools.lru_cache(maxsize=1)(lambda: None))
"""Of what `functools.lru_cache` makes."""
