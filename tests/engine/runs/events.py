"""Writing TensorBoard event files, after the public description of the format."""

from __future__ import annotations

import struct
from typing import Any

import google_crc32c


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def part(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def masked(data: bytes) -> bytes:
    crc: int = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def event(step: int, *values: bytes, wall_time: float = 1.7e9) -> bytes:
    data = b"\x09" + struct.pack("<d", wall_time) + b"\x10" + varint(step)
    return data + part(5, b"".join(part(1, value) for value in values))


def simple(tag: str, value: float) -> bytes:
    return part(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag: str, dtype: int, body: bytes, *, shape: bytes = b"", plugin: str = "scalars") -> bytes:
    """A summary value with a TensorProto; `body` are the fields that hold its content."""
    proto = b"\x08" + varint(dtype) + part(2, shape) + body
    return part(1, tag.encode()) + part(9, part(1, part(1, plugin.encode()))) + part(8, proto)


def version() -> bytes:
    """The event with which every file begins."""
    return record(b"\x09" + struct.pack("<d", 1.7e9) + part(3, b"brain.Event:2"))


def scalars(tag: str, points: list[tuple[int, float]]) -> bytes:
    return b"".join(record(event(step, simple(tag, value))) for step, value in points)


def as_list(points: Any) -> list[tuple[int, float]]:
    steps, values = points
    return list(zip(steps.tolist(), values.tolist(), strict=True))
