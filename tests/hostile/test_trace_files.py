"""Trace files made to harm: every lie about sizes, types and references is found before it can do anything."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import TraceFileError
from engine.storage.container import KEY
from engine.storage.trace_file import dumps, loads
from tests.engine.traces import small_trace

Header = dict[str, Any]
Document = dict[str, Any]


def _sealed(encoded: bytes, data: bytes) -> bytes:
    """A file with a right digest, so that only the checks behind it can refuse it."""
    encoded += b" " * (-len(encoded) % 8)
    blob = bytearray(struct.pack("<Q", len(encoded)) + encoded + data)
    mark = b'{\\"version\\":1,\\"digest\\":\\"'
    place = blob.find(mark)
    if place >= 0:
        place += len(mark)
        blob[place : place + 64] = b"0" * 64
        blob[place : place + 64] = hashlib.sha256(blob).hexdigest().encode()
    return bytes(blob)


def _taken() -> tuple[Header, Document, bytes]:
    blob = dumps(small_trace())
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + length])
    return header, json.loads(header["__metadata__"][KEY]), blob[8 + length :]


def _changed(change: Callable[[Header, Document, bytearray], None]) -> bytes:
    header, document, data = _taken()
    tensors = bytearray(data)
    change(header, document, tensors)
    if KEY in header.get("__metadata__", {}):
        header["__metadata__"][KEY] = json.dumps(document, separators=(",", ":"))
    return _sealed(json.dumps(header, separators=(",", ":")).encode(), bytes(tensors))


def _column(header: Header, data: bytearray, name: str, value: int, row: int = 0) -> None:
    """Overwrite one row of a column."""
    kinds = {"U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U64": "<u8", "BOOL": "u1"}
    start, stop = header[name]["data_offsets"]
    array = np.frombuffer(data, dtype=np.uint8)[start:stop].view(kinds[header[name]["dtype"]])
    array[row] = value


def test_the_tool_of_these_tests_makes_valid_files() -> None:
    loads(_changed(lambda header, document, data: None))


def _huge(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["shape"] = [2**62]


def _overflowing(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["shape"] = [2**32, 2**32, 2**32]


def _overflowing_empty(header: Header, document: Document, data: bytearray) -> None:
    entry = header["node.0.output.0"]
    start = entry["data_offsets"][0]
    entry.update(shape=[2**62, 2**62, 0], data_offsets=[start, start])


def _negative(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["shape"] = [-1, -1]


def _many_dimensions(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["shape"] = [1] * 100_000


def _true_dimension(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["shape"] = [True]


def _overlap(header: Header, document: Document, data: bytearray) -> None:
    header["node.1.output.0"]["data_offsets"] = header["node.0.output.0"]["data_offsets"]


def _hole(header: Header, document: Document, data: bytearray) -> None:
    del header["node.0.output.0"]


def _behind_the_end(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["data_offsets"] = [2**60, 2**60 + 4]


def _trailing(header: Header, document: Document, data: bytearray) -> None:
    data += bytes(16)


def _missing_bytes(header: Header, document: Document, data: bytearray) -> None:
    del data[-4:]


def _other_dtype(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["dtype"] = "F64"


def _unknown_dtype(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"]["dtype"] = ["F32"]


def _no_entry(header: Header, document: Document, data: bytearray) -> None:
    header["node.0.output.0"] = None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_huge, "does not fit its place"),
        (_overflowing, "does not fit its place"),
        (_overflowing_empty, "does not fit its place"),
        (_negative, "are not sizes"),
        (_many_dimensions, "are not sizes"),
        (_true_dimension, "are not sizes"),
        (_overlap, "overlaps what is before it"),
        (_hole, "leaves a hole before it"),
        (_behind_the_end, "leaves a hole before it"),
        (_trailing, "has something behind its end"),
        (_missing_bytes, "is cut off"),
        (_other_dtype, "does not fit its place"),
        (_unknown_dtype, "unknown dtype"),
        (_no_entry, "is not described as one"),
    ],
)
def test_lies_about_tensors(change: Callable[[Header, Document, bytearray], None], words: str) -> None:
    blob = _changed(change)
    tracemalloc.start()
    try:
        with pytest.raises(TraceFileError, match=words):
            loads(blob)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("edges.source", 200, "row 0: 200 is outside what there is"),
        ("edges.target", 8, "row 0: 8 is outside what there is"),
        ("edges.target", 0, "the edges form a circle"),
        ("nodes.kind", 9, "outside"),
        ("nodes.op", 255, "outside"),
        ("nodes.scope", 1, "outside"),
        ("nodes.source", 99, "outside"),
        ("nodes.outputs", 0, "outside"),
        ("nodes.outputs", 200, "outside"),
        ("nodes.outputs.length", 2, "rows instead of"),
        ("nodes.saved", 7, "rows instead of"),
        ("nodes.sequenced", 7, "neither 0 nor 1"),
        ("nodes.params", 9, "outside"),
        ("saved.node", 9, "outside"),
        ("steps.node", 8, "outside"),
        ("steps.grad_inputs", 250, "outside"),
        ("tensors.array", 250, "outside"),
        ("tensors.dtype", 0, "outside"),
        ("tensors.shape", 1, "outside"),
        ("tensors.summary", 1, "outside"),
        ("sources.file", 0, "outside"),
    ],
)
def test_references_to_nowhere(column: str, value: int, words: str) -> None:
    with pytest.raises(TraceFileError, match=words):
        loads(_changed(lambda header, document, data: _column(header, data, column, value)))


@pytest.mark.parametrize("name", sorted(_taken()[0].keys() - {"__metadata__"}))
def test_every_tensor_under_another_name(name: str) -> None:
    def rename(header: Header, document: Document, data: bytearray) -> None:
        header["other"] = header.pop(name)

    with pytest.raises(TraceFileError, match="tensor"):
        loads(_changed(rename))


@pytest.mark.parametrize("name", sorted(_taken()[0].keys() - {"__metadata__"}))
def test_every_tensor_with_another_form(name: str) -> None:
    def reshape(header: Header, document: Document, data: bytearray) -> None:
        header[name]["shape"] = [*header[name]["shape"], 1]

    try:
        loads(_changed(reshape))
    except TraceFileError:
        return
    assert name.startswith(("node.", "step."))  # an array that was kept may have any form


@pytest.mark.parametrize("field", sorted(_taken()[1].keys() - {"digest"}))
@pytest.mark.parametrize(
    "value", [None, 5, 1.5, True, "text", [], {}, [[]], [None], {"a": 1}, [[2**70, 0]], ["a", 1, 2]]
)
def test_every_field_with_another_kind_of_value(field: str, value: Any) -> None:
    """Either the field may have that value, or it is named."""

    def replace(header: Header, document: Document, data: bytearray) -> None:
        document[field] = value

    message = "damaged"
    try:
        loads(_changed(replace))
    except TraceFileError as error:
        message = str(error)
    assert "damaged" in message or "version" in message or "rewritten" in message


def test_other_versions() -> None:
    for version, words in ((2, "Install a newer Retrograd"), (0, "never published"), (-1, "never published")):
        with pytest.raises(TraceFileError, match=words):
            loads(_changed(lambda header, document, data, v=version: document.update(version=v)))  # type: ignore[misc]


def _with_text(text: str) -> bytes:
    header = json.dumps({"__metadata__": {KEY: text}}, separators=(",", ":"))
    return _sealed(header.encode(), b"")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested too deeply"),
        ('{"version":1,"version":1}', "stands twice"),
        ('{"version":1,"a":NaN}', "NaN is not a number in JSON"),
        ('{"version":1,"a":-Infinity}', "-Infinity is not a number in JSON"),
        ('{"version":1,"a":1e999}', "too large"),
        ('{"version":1,"a":' + "9" * 100_000 + "}", "digits"),
        ('{"version":1,', "at character 13"),
        ("[1]", "no format version"),
        ('{"version":true}', "no format version"),
        ('{"version":1e0}', "no format version"),
        ("", "at character 0"),
    ],
)
def test_json_made_to_harm(text: str, words: str) -> None:
    with pytest.raises(TraceFileError, match=words):
        loads(_with_text(text))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b'{"a":' * 50_000, "nested too deeply"),
        (b'{"a":{},"a":{}}', "stands twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"\xff":1}', "not UTF-8"),
        (b"{", "at character"),
        (b"{}", "have no 'retrograd' entry"),
        (b'{"__metadata__":[]}', "have no 'retrograd' entry"),
    ],
)
def test_headers_made_to_harm(header: bytes, words: str) -> None:
    with pytest.raises(TraceFileError, match=words):
        loads(_sealed(header, b""))


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**63, 2**64 - 1, 100_000_001, 99_999_999])
def test_header_lengths(length: int) -> None:
    with pytest.raises(TraceFileError, match="byte"):
        loads(struct.pack("<Q", length) + b'{"__metadata__":{}}')


def test_arguments_nested_too_deeply() -> None:
    def nest(header: Header, document: Document, data: bytearray) -> None:
        value: Any = 1
        for _ in range(200):
            value = [value]
        document["params"] = [{"dict": {"a": value}}]

    with pytest.raises(TraceFileError, match="nested more than 64 deep"):
        loads(_changed(nest))


def test_zip_bomb_is_refused_unopened() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../data.pkl", bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TraceFileError, match="is a zip archive"):
            loads(buffer.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "begin", [b"\x1f\x8b\x08\0\0\0\0\0\0", b"BZh91AY&SY", b"\xfd7zXZ\0\0\0\0", b"\x28\xb5\x2f\xfd" + bytes(9)]
)
def test_other_archives(begin: bytes) -> None:
    with pytest.raises(TraceFileError, match="was not opened"):
        loads(begin)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x80", bytes(8), bytes(9), bytes(5000), b"\xff" * 5000])
def test_other_bytes(data: bytes) -> None:
    with pytest.raises(TraceFileError):
        loads(data)
