"""Where in the user's program an operation comes from, and which variable its result is bound to."""

from __future__ import annotations

import dis
import os
import sys
import sysconfig
from bisect import bisect_right
from types import CodeType, FrameType
from typing import NamedTuple

import torch

from ..graph.model import Source

_ENGINE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_FOREIGN_FOLDERS = (
    os.path.dirname(os.path.abspath(torch.__file__)) + os.sep,
    _ENGINE_FOLDER,
)
_STDLIB_FOLDER = sysconfig.get_path("stdlib") + os.sep
_SITE_FOLDERS = tuple({sysconfig.get_path("purelib") + os.sep, sysconfig.get_path("platlib") + os.sep})
_DEMO_FOLDER = os.path.join(_ENGINE_FOLDER, "demos") + os.sep

_STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
_LOADS = {"LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST_BORROW"}

_is_user_code: dict[CodeType, bool] = {}
_targets_of_code: dict[CodeType, _Targets] = {}


class Binding(NamedTuple):
    """The variable(s) that the running statement will bind, and the frame that runs it."""

    frame: FrameType
    names: tuple[str | None, ...]
    """One name, or one per element where a sequence is unpacked."""


class _Targets:
    """For one code object: what the instruction after each call or operator does with the result."""

    def __init__(self, code: CodeType) -> None:
        instructions = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "NOP", "EXTENDED_ARG")]
        self._offsets = [instruction.offset for instruction in instructions]
        self._names: list[tuple[str | None, ...]] = []
        self._returns: list[bool] = []
        for index in range(len(instructions)):
            following = instructions[index + 1 : index + 40]
            self._names.append(_stored_names(following))
            self._returns.append(bool(following) and following[0].opname == "RETURN_VALUE")

    def at(self, last_instruction: int) -> tuple[tuple[str | None, ...], bool]:
        """Names bound to the result of the instruction at that offset, and whether the result is returned instead."""
        index = bisect_right(self._offsets, last_instruction) - 1
        return (self._names[index], self._returns[index]) if index >= 0 else ((), False)


def _stored_names(following: list[dis.Instruction]) -> tuple[str | None, ...]:
    while following and following[0].opname == "COPY":  # a = b = value
        following = following[1:]
    if not following:
        return ()
    first = following[0]
    if first.opname == "UNPACK_SEQUENCE":
        names: list[str | None] = []
        for instruction in following[1:]:
            if instruction.opname not in _STORES and not instruction.opname.startswith("STORE_FAST_STORE_FAST"):
                break
            names.extend(_variable_names(instruction))
            if len(names) >= (first.arg or 0):
                break
        return tuple(names[: first.arg])
    if first.opname in _STORES or first.opname.startswith("STORE_FAST"):
        return _variable_names(first)[:1]
    if len(following) > 1 and first.opname in _LOADS and following[1].opname == "STORE_ATTR":
        return (f"{first.argval}.{following[1].argval}",)
    return ()


def _variable_names(instruction: dis.Instruction) -> tuple[str, ...]:
    value = instruction.argval
    return tuple(str(part) for part in value) if isinstance(value, tuple) else (str(value),)


def is_user_code(code: CodeType) -> bool:
    """Whether code belongs to the program: not torch, not the standard library, nor the engine (its demos do)."""
    known = _is_user_code.get(code)
    if known is None:
        path = os.path.abspath(code.co_filename) if not code.co_filename.startswith("<") else code.co_filename
        if path.startswith("<frozen"):
            known = False
        elif path.startswith(_DEMO_FOLDER):
            known = True
        elif path.startswith(_FOREIGN_FOLDERS):
            known = False
        else:
            known = not path.startswith(_STDLIB_FOLDER) or path.startswith(_SITE_FOLDERS)
        _is_user_code[code] = known
    return known


def user_frame(start: FrameType | None) -> FrameType | None:
    """The innermost frame of the program at or above `start`."""
    while start is not None and not is_user_code(start.f_code):
        start = start.f_back
    return start


def is_engine_file(path: str) -> bool:
    """Whether a file is the engine's own and no demo."""
    return path.startswith(_ENGINE_FOLDER) and not path.startswith(_DEMO_FOLDER)


def source_of(frame: FrameType | None) -> Source | None:
    if frame is None:
        return None
    return Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def binding_of(frame: FrameType | None) -> Binding | None:
    """What the statement that `frame` is running binds its result to; a returned result is followed to the caller."""
    while frame is not None:
        code = frame.f_code
        targets = _targets_of_code.get(code)
        if targets is None:
            targets = _targets_of_code[code] = _Targets(code)
        names, is_returned = targets.at(frame.f_lasti)
        if names:
            return Binding(frame, names)
        if not is_returned:
            return None
        frame = _calling_user_frame(frame)
    return None


def _calling_user_frame(frame: FrameType) -> FrameType | None:
    """The user's frame that called `frame`; None where the engine itself did: whoever traces a program is not in it."""
    above = frame.f_back
    while above is not None and not is_user_code(above.f_code):
        if is_engine_file(above.f_code.co_filename):
            return None
        above = above.f_back
    return above


def bound_value(frame: FrameType, name: str) -> object:
    """The object that a variable (or an attribute of a local, "self.h") refers to now; None if there is none."""
    head, _, attribute = name.partition(".")
    local = frame.f_locals
    value = local[head] if head in local else frame.f_globals.get(head)
    return getattr(value, attribute, None) if attribute and value is not None else value


def variable_named(frame: FrameType | None, wanted: object, *, outermost: bool = False) -> str | None:
    """The name under which the program's running functions know an object: the innermost's, or the outermost's."""
    found = None
    while frame is not None:
        for scope in (frame.f_locals, frame.f_globals):
            name = next((key for key, value in list(scope.items()) if value is wanted and key[0] != "_"), None)
            if name is not None:
                found = str(name)
                break
        if found is not None and not outermost:
            return found
        frame = user_frame(frame.f_back)
    return found


def running_frame() -> FrameType:
    """The frame of the caller's caller."""
    return sys._getframe(2)
