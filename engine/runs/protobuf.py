"""As much of the protocol buffers' wire format as TensorBoard's scalars need, safe against hostile bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_BFLOAT16, _HALF = 14, 19
_WIDTHS = {1: "<f", 2: "<d", 3: "<i", 9: "<q", _HALF: "<e"}
"""Types of a TensorProto (float, double, int32, int64, half) as `struct` writes them."""


class WireError(ValueError):
    """The bytes are not a protocol buffer."""


def varint(data: bytes, place: int) -> tuple[int, int]:
    """An unsigned integer at `place`, at most ten bytes long, and where it ends."""
    result = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise WireError("it ends within a number")
        byte = data[place]
        place += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result & (2**64 - 1), place
    raise WireError("a number has more than ten bytes")


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """The fields of a message: number, wire type, and value (an integer for type 0, else the bytes)."""
    place, size = 0, len(data)
    while place < size:
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = varint(data, place)
            yield number, kind, value
            continue
        if kind == 2:
            length, place = varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise WireError(f"field {number} has the unknown wire type {kind}")
        if length > size - place:
            raise WireError(f"field {number} ends behind the message")
        yield number, kind, data[place : place + length]
        place += length


def event_scalars(data: bytes) -> tuple[int, list[tuple[str, float]]]:
    """Step and scalars (tag, value) of a TensorBoard `Event`; other events have none."""
    step = 0
    scalars: list[tuple[str, float]] = []
    for number, _, value in fields(data):
        if number == 2 and isinstance(value, int):
            step = value - 2**64 if value >= 2**63 else value
        elif number == 5 and isinstance(value, bytes):
            for inner, _, content in fields(value):
                if inner == 1 and isinstance(content, bytes):
                    scalar = _summary_value(content)
                    if scalar is not None:
                        scalars.append(scalar)
    return step, scalars


def _summary_value(data: bytes) -> tuple[str, float] | None:
    tag = ""
    found: float | None = None
    for number, kind, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and kind == 5 and isinstance(value, bytes):
            (found,) = _FLOAT.unpack(value)
        elif number == 8 and isinstance(value, bytes):
            found = _tensor_scalar(value)
        elif number == 9 and isinstance(value, bytes) and _plugin(value) not in ("", "scalars"):
            return None
    return None if found is None else (tag, found)


def _plugin(data: bytes) -> str:
    """Name of the plugin that a summary's metadata name."""
    for number, _, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            for inner, _, content in fields(value):
                if inner == 1 and isinstance(content, bytes):
                    return content.decode("utf-8", "replace")
    return ""


def _tensor_scalar(data: bytes) -> float | None:
    """The number in a TensorProto of one element; None for any other tensor."""
    dtype = 0
    content: bytes | None = None
    typed: int | bytes | None = None
    for number, _, value in fields(data):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 2 and isinstance(value, bytes) and not _is_single(value):
            return None
        elif number == 4 and isinstance(value, bytes) and value:
            content = value
        elif number in (5, 6, 7, 10, 13):
            typed = value
    width = _WIDTHS.get(dtype)
    if content is not None:
        if dtype == _BFLOAT16 and len(content) == 2:
            return float(_FLOAT.unpack(b"\0\0" + content)[0])
        if width is None or struct.calcsize(width) != len(content):
            return None
        return float(struct.unpack(width, content)[0])
    if width is None and dtype != _BFLOAT16:
        return None
    return 0.0 if typed is None else _typed(dtype, typed)


def _is_single(shape: bytes) -> bool:
    """Whether every dimension of a TensorShapeProto is 1."""
    for number, _, dimension in fields(shape):
        if number == 2 and isinstance(dimension, bytes):
            sizes = [size for inner, _, size in fields(dimension) if inner == 1]
            if sizes != [1]:
                return False
    return True


def _typed(dtype: int, value: int | bytes) -> float | None:
    """The number in float_val, double_val, int_val, int64_val or half_val, packed or not."""
    if dtype in (1, 2):
        form = _FLOAT if dtype == 1 else _DOUBLE
        return float(form.unpack(value)[0]) if isinstance(value, bytes) and len(value) == form.size else None
    if isinstance(value, bytes):
        number, end = varint(value, 0)
        if end != len(value):
            return None
    else:
        number = value
    if dtype == _HALF:
        return float(struct.unpack("<e", struct.pack("<H", number & 0xFFFF))[0])
    if dtype == _BFLOAT16:
        return float(_FLOAT.unpack(struct.pack("<I", (number & 0xFFFF) << 16))[0])
    return float(number - 2**64 if number >= 2**63 else number)
