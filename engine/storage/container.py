"""The safetensors container: writing it, and reading it from input that nobody trusts.

A container is `u64 header length · JSON header · tensors`. Here the header's metadata hold one text, a JSON document
that begins with the format's version and a SHA-256 digest. The digest is taken over the whole file, with zeros in its
own place; it finds damage, not forgery.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import TraceFileError
from .values import JsonError, parse

KEY = "retrograd"
VERSION = 1
MAX_HEADER = 100_000_000
"""The limit of the safetensors library itself: what it cannot read is not written."""
MAX_DIMENSIONS = 32
"""What every NumPy can make; version 2 could make 64."""

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("<u1"),
    "I8": np.dtype("<i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "F16": np.dtype("<f2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

_BLANK = "0" * 64
_PREFIX = ('{"__metadata__":{"' + KEY + '":"{\\"version\\":' + str(VERSION) + ',\\"digest\\":\\"').encode()
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive (perhaps a torch.save checkpoint or a .pt2 program)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file"),
    (b"7z\xbc\xaf", "a 7z archive"),
)
_AGAIN = "Record the trace again, or take another copy of the file."


class Container(msgspec.Struct, kw_only=True):
    """The decoded document and the tensors, which are views into the file's bytes."""

    document: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]


def pack(document: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> list[bytes | memoryview[Any]]:
    """Make the file's content, in pieces; tensors are sorted by the size of their items so that all are aligned."""
    text = json.dumps({"version": VERSION, "digest": _BLANK, **document}, separators=(",", ":"), allow_nan=False)
    header: dict[str, Any] = {"__metadata__": {KEY: text}}
    pieces: list[bytes | memoryview[Any]] = []
    offset = 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        header[name] = {
            "dtype": NAMES[plain.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + plain.nbytes],
        }
        offset += plain.nbytes
        pieces.append(plain.reshape(-1).view(np.uint8).data)
    encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > MAX_HEADER:
        raise TraceFileError(
            f"The trace is too large for a file: its description takes {len(encoded):,} bytes, and {MAX_HEADER:,} are "
            "the limit of the safetensors format. Record fewer operations, or without values."
        )
    pieces.insert(0, struct.pack("<Q", len(encoded)) + encoded)
    return [_with_digest(bytes(pieces[0]), _digest(pieces)), *pieces[1:]]


def unpack(buffer: npt.NDArray[np.uint8], name: str) -> Container:
    """Check and take apart a file's bytes. Nothing is allocated by what the file claims; the tensors are views.

    Raises
    ------
    TraceFileError
        For anything that is not a complete, undamaged trace file of this version; `name` is what it is called there.
    """
    size = buffer.size
    begin = bytes(buffer[:8])
    is_container = bytes(buffer[8:9]) == b"{"  # a header's length may look like another format's first bytes
    for magic, what in _FOREIGN:
        if begin.startswith(magic) and not is_container:
            raise TraceFileError(f"{name!r} is {what}, not a trace; it was not opened. Open a .retrograd file.")
    if begin[:1] == b"\x80" and size > 1 and 2 <= begin[1] <= 5 and not is_container:
        raise TraceFileError(f"{name!r} is a Python pickle; it could run code and was not opened. Open a trace file.")
    if size < 8:
        raise TraceFileError(f"{name!r} ends at byte {size}, before its header begins. {_AGAIN}")
    (length,) = struct.unpack("<Q", begin)
    if size > 8 and not is_container:
        raise TraceFileError(f"{name!r} is not a trace file: no header begins at byte 8. Open a .retrograd file.")
    if length > MAX_HEADER:
        raise TraceFileError(
            f"{name!r} is damaged at byte 0: its header would have {length:,} bytes, more than the {MAX_HEADER:,} "
            f"allowed. {_AGAIN}"
        )
    if length > size - 8:
        raise TraceFileError(
            f"{name!r} is cut off: it ends at byte {size:,}, in its header, which goes to byte {length + 8:,}. {_AGAIN}"
        )
    end = 8 + int(length)
    header = _header(bytes(buffer[8:end]), name)
    document = _document(header.pop("__metadata__", None), name)
    tensors = _tensors(header, buffer[end:], end, name)
    _check_digest(buffer, document, name)
    return Container(document=document, tensors=tensors)


def _header(encoded: bytes, name: str) -> dict[str, Any]:
    try:
        header = parse(encoded.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TraceFileError(f"{name!r} is damaged at byte {8 + error.start}: not UTF-8. {_AGAIN}") from error
    except JsonError as error:
        raise TraceFileError(f"{name!r} is damaged in its header, which begins at byte 8: {error}. {_AGAIN}") from error
    if not isinstance(header, dict):
        raise TraceFileError(f"{name!r} is damaged at byte 8: its header is not a JSON object. {_AGAIN}")
    return header


def _document(metadata: Any, name: str) -> dict[str, Any]:
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise TraceFileError(
            f"{name!r} is a safetensors file, but not a trace: its metadata have no {KEY!r} entry. "
            "Perhaps it holds a model's weights; open a .retrograd file."
        )
    try:
        document = parse(text)
    except JsonError as error:
        raise TraceFileError(f"{name!r} is damaged in its metadata ({KEY}): {error}. {_AGAIN}") from error
    version = document.get("version") if isinstance(document, dict) else None
    if type(version) is not int:
        raise TraceFileError(f"{name!r} is damaged in its metadata ({KEY}): no format version. {_AGAIN}")
    if version > VERSION:
        raise TraceFileError(
            f"{name!r} has format version {version}; this Retrograd reads version {VERSION}. "
            "Install a newer Retrograd to open it; the file was not changed."
        )
    if version < VERSION:
        raise TraceFileError(
            f"{name!r} has format version {version}, which was never published; this Retrograd reads version "
            f"{VERSION}. Record the trace again; the file was not changed."
        )
    assert isinstance(document, dict)
    return document


def _tensors(header: dict[str, Any], data: npt.NDArray[np.uint8], base: int, name: str) -> dict[str, npt.NDArray[Any]]:
    entries = []
    for key, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise TraceFileError(f"{name!r} is damaged: tensor {key[:100]!r} is not described as one. {_AGAIN}")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            shown = f" {dtype[:40]!r}" if isinstance(dtype, str) else ""
            raise TraceFileError(f"{name!r}: tensor {key[:100]!r} has an unknown dtype{shown}. {_AGAIN}")
        if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2 or len(shape) > MAX_DIMENSIONS:
            raise TraceFileError(f"{name!r}: shape or offsets of tensor {key[:100]!r} are not sizes. {_AGAIN}")
        wanted = DTYPES[dtype].itemsize
        largest = wanted
        for dimension in shape:
            wanted *= dimension
            largest *= max(dimension, 1)
        if largest >= 2**63 or offsets[1] - offsets[0] != wanted:
            raise TraceFileError(
                f"{name!r}: tensor {key[:100]!r} of {dtype} and shape {str(shape)[:80]} does not fit its place, "
                f"bytes {base + offsets[0]:,} to {base + offsets[1]:,}. {_AGAIN}"
            )
        entries.append((offsets[0], offsets[1], key, DTYPES[dtype], shape))
    entries.sort(key=lambda entry: entry[:2])
    position = 0
    for start, stop, key, _, _ in entries:
        if start != position:
            what = "overlaps what is before it" if start < position else "leaves a hole before it"
            raise TraceFileError(f"{name!r}: tensor {key[:100]!r} at byte {base + start:,} {what}. {_AGAIN}")
        position = stop
    if position != data.size:
        what = "is cut off" if position > data.size else "has something behind its end"
        raise TraceFileError(
            f"{name!r} {what}: it has {base + data.size:,} bytes, and its tensors end at byte {base + position:,}. "
            f"{_AGAIN}"
        )
    return {key: data[start:stop].view(dtype).reshape(shape) for start, stop, key, dtype, shape in entries}


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value)


def _check_digest(buffer: npt.NDArray[np.uint8], document: dict[str, Any], name: str) -> None:
    place = 8 + len(_PREFIX)
    digest = document.get("digest")
    if bytes(buffer[8:place]) != _PREFIX or not isinstance(digest, str) or len(digest) != len(_BLANK):
        raise TraceFileError(
            f"{name!r} was rewritten by another program or is damaged: its digest is not at byte {place}. {_AGAIN}"
        )
    rest = place + len(_BLANK)
    found = hashlib.sha256(buffer[:place].data)
    found.update(_BLANK.encode())
    found.update(buffer[rest:].data)
    if bytes(buffer[place:rest]) != found.hexdigest().encode():
        raise TraceFileError(
            f"{name!r} is damaged: its content does not match its digest, at byte {place}. At least one byte of the "
            f"file has changed since it was written. {_AGAIN}"
        )


def _digest(pieces: list[bytes | memoryview[Any]]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode()


def _with_digest(head: bytes, digest: bytes) -> bytes:
    place = 8 + len(_PREFIX)
    assert head[8:place] == _PREFIX
    assert head[place : place + len(_BLANK)] == _BLANK.encode()
    return head[:place] + digest + head[place + len(_BLANK) :]
