"""Which variable, attribute or item of the user's program the result of a running call is bound to."""

from __future__ import annotations

import dis
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import CodeType, FrameType
from typing import NamedTuple

from .frames import APPLY_CODE, is_engine_file, is_user_code, locals_of

_MOST_ITEMS = 1000
_SILENT = {"CACHE", "NOP", "EXTENDED_ARG", "RESUME", "KW_NAMES", "NOT_TAKEN"}
_LOCAL_STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "STORE_FAST_MAYBE_NULL"}
_LOCAL_LOADS = {
    "LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_CLASSDEREF",
}  # fmt: skip
_GIVEN_FROM_OUTSIDE = {"FOR_ITER", "SEND", "YIELD_VALUE"}
_NEVER_FALL_THROUGH = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"}

_targets_of_code: dict[int, _Targets] = {}
"""By identity, which they keep: the hash of a code object is one of all its instructions, every time."""


class Binding(NamedTuple):
    """The variable(s) that the running statement will bind, and the frame that runs it."""

    frame: FrameType
    names: tuple[str | None, ...]
    """One name, or one per element where a sequence is unpacked."""


class _Item(NamedTuple):
    """A value on the interpreter's stack: which instructions may have made it, or how the program writes it."""

    producers: frozenset[int] = frozenset()
    text: str | None = None
    part: int | None = None
    """Position in the sequence that was unpacked, for its elements."""


_UNKNOWN = _Item()


class _Targets:
    """For one code object: what becomes of the result of each instruction.

    The stack of the interpreter is followed through the code once, without running it. Where that is not certain (after
    a jump backwards, an exception handler) the values count as unknown, and a result has no name then.
    """

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self._offsets: list[int] = []
        self._names: dict[int, tuple[str | None, ...]] = {}
        self._returned: set[int] = set()
        self._parts: dict[int, list[str | None]] = {}
        self._stack: list[_Item] = []
        self._known: dict[int, tuple[tuple[str | None, ...], bool]] = {}
        at_target: dict[int, list[_Item]] = {}
        for instruction in dis.get_instructions(code):
            if instruction.offset in at_target:
                self._stack = _merged(self._stack, at_target[instruction.offset])
            if instruction.opname in _SILENT:
                continue
            self._offsets.append(instruction.offset)
            is_jump = instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs
            if is_jump and isinstance(instruction.argval, int) and instruction.argval > instruction.offset:
                change = dis.stack_effect(instruction.opcode, instruction.arg, jump=True)
                kept = self._stack[: len(self._stack) + change] if change < 0 else list(self._stack)
                at_target.setdefault(instruction.argval, kept)
            self._follow(instruction)
            if instruction.opname in _NEVER_FALL_THROUGH or instruction.opname.startswith("JUMP"):
                self._stack = []
        for offset, parts in self._parts.items():
            self._names.setdefault(offset, tuple(parts))

    def at(self, last_instruction: int) -> tuple[tuple[str | None, ...], bool]:
        """Names bound to the result of the instruction at that offset, and whether the result is returned instead."""
        known = self._known.get(last_instruction)
        if known is None:
            # While a call runs, the offset may lie in the inline caches behind the instruction.
            index = bisect_right(self._offsets, last_instruction) - 1
            offset = self._offsets[index] if index >= 0 else -1
            known = self._known[last_instruction] = self._names.get(offset, ()), offset in self._returned
        return known

    def _pop(self) -> _Item:
        return self._stack.pop() if self._stack else _UNKNOWN

    def _follow(self, instruction: dis.Instruction) -> None:
        name = instruction.opname
        if name.startswith(("STORE_", "LOAD_FAST_LOAD", "LOAD_FAST_BORROW_LOAD")):
            self._follow_store(name, instruction)
        elif name in _LOCAL_LOADS:
            if dis.stack_effect(instruction.opcode, instruction.arg) == 2:
                self._stack.append(_UNKNOWN)  # the NULL below a global that is called
            self._stack.append(_Item(text=str(instruction.argval)))
        elif name in ("LOAD_CONST", "LOAD_SMALL_INT"):
            self._stack.append(_Item(text=repr(instruction.argval)))
        elif name in ("LOAD_ATTR", "BINARY_SUBSCR") and dis.stack_effect(instruction.opcode, instruction.arg) < 1:
            key = self._pop().text if name == "BINARY_SUBSCR" else None
            base = self._pop().text
            text = f"{base}[{key}]" if key is not None else f"{base}.{instruction.argval}"
            known = base is not None and (key is not None or name == "LOAD_ATTR")
            self._stack.append(_Item(frozenset({instruction.offset}), text if known else None))
        elif name in ("COPY", "SWAP"):
            depth = instruction.arg or 1
            self._stack[:0] = [_UNKNOWN] * (depth - len(self._stack))
            if name == "COPY":
                self._stack.append(self._stack[-depth])
            else:
                self._stack[-1], self._stack[-depth] = self._stack[-depth], self._stack[-1]
        elif name in ("UNPACK_SEQUENCE", "UNPACK_EX"):
            self._unpack(self._pop(), instruction)
        elif name == "RETURN_VALUE":
            self._returned.update(self._pop().producers)
        else:
            change = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
            pushed = max(change, 0) if change > 0 else _pushed_by(name)
            for _ in range(pushed - change):
                self._pop()
            # What an iterator gives is not what the operations that run inside it have computed.
            made = _UNKNOWN if name in _GIVEN_FROM_OUTSIDE else _Item(frozenset({instruction.offset}))
            self._stack.extend([made] * pushed)

    def _follow_store(self, name: str, instruction: dis.Instruction) -> None:
        argument = instruction.argval
        if name in _LOCAL_STORES:
            self._bind(self._pop(), str(argument))
        elif name == "STORE_ATTR":
            owner = self._pop().text
            self._bind(self._pop(), None if owner is None else f"{owner}.{argument}")
        elif name == "STORE_SUBSCR":
            key, owner = self._pop().text, self._pop().text
            self._bind(self._pop(), None if owner is None or key is None else f"{owner}[{key}]")
        elif isinstance(argument, tuple):  # two instructions in one
            for step, variable in zip(name.split("_FAST"), argument, strict=False):
                if step.endswith("STORE"):
                    self._bind(self._pop(), str(variable))
                else:
                    self._stack.append(_Item(text=str(variable)))
        else:
            for _ in range(-dis.stack_effect(instruction.opcode, instruction.arg)):
                self._pop()

    def _unpack(self, item: _Item, instruction: dis.Instruction) -> None:
        argument = instruction.arg or 0
        before, after = argument & 0xFF, argument >> 8
        count = argument if instruction.opname == "UNPACK_SEQUENCE" else before + 1 + after
        starred = count if instruction.opname == "UNPACK_SEQUENCE" else before
        for position in reversed(range(count)):
            # What follows a star has no certain position, so neither it nor the star's list is named.
            part = position if position < starred else None
            self._stack.append(_Item(item.producers if part is not None else frozenset(), part=part))
        for offset in item.producers:
            self._parts[offset] = [None] * starred

    def _bind(self, item: _Item, name: str | None) -> None:
        if name is None:
            return
        for offset in item.producers:
            if item.part is None:
                self._names.setdefault(offset, (name,))
            elif item.part < len(self._parts.get(offset, ())):
                self._parts[offset][item.part] = name


def _pushed_by(name: str) -> int:
    """How many values an instruction leaves, if it leaves no more than it takes: one, unless it only consumes."""
    return (
        0 if name.startswith(("POP_", "DELETE_", "JUMP", "LIST_APPEND", "LIST_EXTEND", "SET_", "DICT_", "MAP_")) else 1
    )


def _merged(here: list[_Item], there: list[_Item]) -> list[_Item]:
    """The stack where two ways meet: either value may lie at each place."""
    if not here:
        return list(there)
    joined = []
    for a, b in zip(reversed(here), reversed(there), strict=False):
        text = a.text if a.text == b.text else None
        joined.append(_Item(a.producers | b.producers, text, a.part if a.part == b.part else None))
    return joined[::-1]


def binding_of(frame: FrameType | None) -> Binding | None:
    """What the statement that `frame` is running binds its result to; a returned result is followed to the caller."""
    while frame is not None:
        code = frame.f_code
        targets = _targets_of_code.get(id(code))
        if targets is None:
            targets = _targets_of_code[id(code)] = _Targets(code)
        names, is_returned = targets.at(frame.f_lasti)
        if names:
            return Binding(frame, names)
        if not is_returned:
            return None
        frame = _calling_user_frame(frame)
    return None


def _calling_user_frame(frame: FrameType) -> FrameType | None:
    """The user's frame that called `frame`, if what `frame` returns comes back there unchanged.

    It does not from a custom Function, whose result belongs to the Function's own node; and whoever traces a program is
    not part of it.
    """
    above = frame.f_back
    while above is not None and not is_user_code(above.f_code):
        if above.f_code is APPLY_CODE or is_engine_file(above.f_code.co_filename):
            return None
        above = above.f_back
    return above


def holds(frame: FrameType, name: str, wanted: object) -> bool:
    """Whether a variable, an attribute ("self.h") or an item of a container ("states[i]") is `wanted` now."""
    path, bracket, _ = name.partition("[")
    head, *attributes = path.split(".")
    local = locals_of(frame)
    value = local[head] if head in local else frame.f_globals.get(head)
    for attribute in attributes:
        value = getattr(value, attribute, None)
    if not bracket:
        return value is wanted
    return any(item is wanted for item in _items(value))


def _items(container: object) -> Iterator[object]:
    if isinstance(container, Mapping):
        return islice(iter(container.values()), _MOST_ITEMS)
    if isinstance(container, Sequence) and not isinstance(container, str):
        return islice(reversed(container), _MOST_ITEMS)
    return iter(())
