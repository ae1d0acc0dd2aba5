"""Where in the user's program an operation comes from, and under which name it knows an object."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED
from types import CodeType, FrameType
from typing import Any

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
_RUNNER_FOLDER = os.path.join(_ENGINE_FOLDER, "programs") + os.sep
MOST_CALLS = 8
"""Calls that are kept of a stack, from the innermost outwards."""

APPLY_CODE: CodeType = torch.autograd.Function.apply.__func__.__code__  # type: ignore[attr-defined]  # a classmethod
"""The code of `torch.autograd.Function.apply`: a frame that runs it is one call of a custom Function."""

_RESUMED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
"""Such a frame may be called from somewhere else the next time it goes on."""
_is_user_code: dict[int, bool] = {}
"""By identity: the hash of a code object is one of all its instructions, every time."""
_is_runner: set[int] = set()
"""By identity: the engine's codes that run a program, below which nothing is the program's."""
_known_codes: list[CodeType] = []
"""Keeps the codes alive, and so their identities apart."""


def is_user_code(code: CodeType) -> bool:
    """Whether code belongs to the program: not torch, not the standard library, nor the engine (its demos do)."""
    known = _is_user_code.get(id(code))
    if known is None:
        path = os.path.abspath(code.co_filename) if not code.co_filename.startswith("<") else code.co_filename
        if path.startswith("<frozen"):
            known = False
        elif path.startswith(_DEMO_FOLDER):
            known = True
        elif path.startswith(_FOREIGN_FOLDERS):
            known = False
            if path.startswith(_RUNNER_FOLDER):
                _is_runner.add(id(code))
        else:
            known = not path.startswith(_STDLIB_FOLDER) or path.startswith(_SITE_FOLDERS)
        _is_user_code[id(code)] = known
        _known_codes.append(code)
    return known


def user_frame(start: FrameType | None) -> FrameType | None:
    """The innermost frame of the program at or above `start`."""
    known = _is_user_code
    while start is not None:
        code = start.f_code
        is_known = known.get(id(code))
        if is_known or (is_known is None and is_user_code(code)):
            return start
        start = start.f_back
    return None


def function_frames(frame: FrameType | None) -> list[FrameType]:
    """The calls of custom Functions that run at or above `frame`, outermost first."""
    found = []
    while frame is not None:
        if frame.f_code is APPLY_CODE:
            found.append(frame)
        frame = frame.f_back
    return found[::-1]


def is_engine_file(path: str) -> bool:
    """Whether a file is the engine's own and no demo."""
    return path.startswith(_ENGINE_FOLDER) and not path.startswith(_DEMO_FOLDER)


def source_of(frame: FrameType | None) -> Source | None:
    if frame is None:
        return None
    return Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


class Stacks:
    """The program's calls around an operation, each distinct stack one tuple, however many operations have it.

    A stack is looked up by the codes and the instructions that its frames are at: neither lines are worked out nor
    anything is made anew for one that is known.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[Source, ...]] = {}
        self._stacks: dict[tuple[Source, ...], tuple[Source, ...]] = {}
        self._sources: dict[Source, Source] = {}
        self._last: FrameType | None = None
        self._last_tail: tuple[int, ...] = ()
        """The frame at which a stack was asked for last, and the key of those above it, which wait for it."""

    def at(self, start: FrameType | None, outside: FrameType | None = None) -> tuple[Source, ...]:
        """The innermost `MOST_CALLS` of the program's calls at or above `start`, innermost first.

        What is above `outside`, the frame of whoever traces the program, is not the program's; nor is that frame
        itself, unless it is the innermost.
        """
        if start is not None and start is self._last:
            place = (id(start.f_code), start.f_lasti, *self._last_tail)
            known = self._known.get(place)
            return self._learn(place, start) if known is None else known
        is_user = _is_user_code
        key: list[int] = []
        frame = start
        while frame is not None:
            code = frame.f_code
            number = id(code)
            is_known = is_user.get(number)
            if is_known or (is_known is None and is_user_code(code)):
                if frame is outside and key:
                    break
                key.append(number)
                key.append(frame.f_lasti)
                if frame is outside or len(key) == 2 * MOST_CALLS:
                    break
            elif key and number in _is_runner:  # without a call so far, it stands for what the program has called
                break
            frame = frame.f_back
        place = tuple(key)
        is_innermost = start is not None and key and key[0] == id(start.f_code)
        if is_innermost and not start.f_code.co_flags & _RESUMED:  # type: ignore[union-attr]  # it is not None
            self._last, self._last_tail = start, place[2:]
        known = self._known.get(place)
        return self._learn(place, start) if known is None else known

    def forget(self) -> None:
        """Let go of the program's frames."""
        self._last = None

    def _learn(self, place: tuple[int, ...], start: FrameType | None) -> tuple[Source, ...]:
        """Work out the lines of a stack that is met for the first time."""
        found: list[Source] = []
        frame = user_frame(start)
        while frame is not None and len(found) < len(place) // 2:
            source = Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)
            found.append(self._sources.setdefault(source, source))
            frame = user_frame(frame.f_back)
        stack = tuple(found)
        self._known[place] = stack = self._stacks.setdefault(stack, stack)
        return stack


def locals_of(frame: FrameType) -> Mapping[str, Any]:
    """The variables of a running function as they are now.

    Up to Python 3.12 the interpreter keeps a snapshot of them with the frame, which would keep tensors alive that the
    function lets go of later. So it is emptied again, unless the program itself holds it (`locals()`).
    """
    found = frame.f_locals
    if type(found) is not dict or not frame.f_code.co_flags & CO_OPTIMIZED:
        return found
    copy = dict(found)
    if sys.getrefcount(found) <= 3:  # the frame, this variable, and the argument of getrefcount
        found.clear()
    return copy


def variable_named(frame: FrameType | None, wanted: object, *, outermost: bool = False) -> str | None:
    """The name under which the program's running functions know an object: the innermost's, or the outermost's."""
    found = None
    while frame is not None:
        for scope in (locals_of(frame), frame.f_globals):
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
