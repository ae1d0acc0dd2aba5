"""A run's journal: records appended one by one, readable up to the last whole one after any crash.

A record is `"RGJ1" · kind u32 · length u32 · crc32 of the payload · crc32 of these 16 bytes · payload`, little-endian.
Where bytes are damaged, reading goes on at the next record that is whole.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO

from ..errors import SaveError

MAGIC = b"RGJ1"
MAX_PAYLOAD = 2**31 - 1
GAP = 0xFFFFFFFF
"""Kind of the writer's own record: a u64 that says how many records before it could not be written."""

_HEAD = struct.Struct("<4sIII")
_HEAD_SIZE = _HEAD.size + 4
_CHUNK = 1 << 20
_MAX_FALSE_STARTS = 1000


def frame(kind: int, payload: bytes) -> bytes:
    """One record as bytes."""
    head = _HEAD.pack(MAGIC, kind, len(payload), zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload


class JournalWriter:
    """Appends records to a file; one that exists is continued.

    A record has left the process when `append` returns: killing it loses nothing. `flush` also survives a power cut.
    When the disk is full the program goes on: the record is counted in `lost`, `error` says why in a sentence, and the
    gap is noted in the journal as soon as it can be written again.

    Raises
    ------
    SaveError
        When the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.lost = 0
        self.error: str | None = None
        self._unstated = 0
        try:
            self._file: BinaryIO = open(path, "ab", buffering=0)  # noqa: SIM115  # closed by close()
        except (OSError, ValueError) as error:
            raise SaveError(
                f"The journal {self.path!r} cannot be opened: {error}. The run is kept in memory alone.", path=self.path
            ) from error
        self._end = self._file.seek(0, os.SEEK_END)

    def append(self, kind: int, payload: bytes) -> bool:
        """Write a record; False if it was lost. `kind` is from 0 to 2**32 - 2."""
        if not 0 <= kind < GAP:
            raise ValueError(f"{kind} is not a kind of record")
        if len(payload) > MAX_PAYLOAD:
            self._lose(f"a record of {len(payload):,} bytes is too large for the journal")
            return False
        if self._unstated and self._write(frame(GAP, struct.pack("<Q", self._unstated))):
            self._unstated = 0
        if self._unstated == 0 and self._write(frame(kind, payload)):
            self.error = None
            return True
        self._lose(self.error or "the disk is full")
        return False

    def flush(self) -> None:
        """Make what was written survive a power cut; an error is noted in `error`."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self.error = f"the journal {self.path!r} could not be flushed to the disk: {error}"

    def close(self) -> None:
        """Note a gap that is still open, and close the file. May be called twice."""
        if self._file.closed:
            return
        if self._unstated and self._write(frame(GAP, struct.pack("<Q", self._unstated))):
            self._unstated = 0
        self._file.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lose(self, reason: str) -> None:
        self.lost += 1
        self._unstated += 1
        self.error = reason

    def _write(self, record: bytes) -> bool:
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self.error = f"the journal {self.path!r} cannot be written: {error}. The run goes on; make room on the disk"
            with contextlib.suppress(OSError):  # else the reader skips what was written of the record
                self._file.truncate(self._end)
            return False
        self._end += len(record)
        return True


class JournalReader:
    """The whole records of a journal, as (kind, payload), read anew by each iteration.

    Attributes
    ----------
    problems : what the last iteration found damaged or missing; sentences with byte offsets.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Read the records; raises `OSError` when the file cannot be opened or read."""
        self.problems = []
        with open(self.path, "rb") as file:
            yield from self._records(file)

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        offset = 0
        false_starts = 0
        while True:
            record = _read_record(file, offset)
            if record is not None:
                kind, payload = record
                offset += _HEAD_SIZE + len(payload)
                if kind == GAP and len(payload) == 8:
                    (count,) = struct.unpack("<Q", payload)
                    self.problems.append(f"{count:,} records before byte {offset:,} could not be written at the time.")
                else:
                    yield kind, payload
                continue
            damaged = offset
            while True:
                found = _find(file, offset + 1)
                if found is None or false_starts > _MAX_FALSE_STARTS:
                    self._state_end(file, damaged)
                    return
                offset = found
                if _read_record(file, offset) is not None:
                    break
                false_starts += 1
            self.problems.append(f"Bytes {damaged:,} to {offset:,} of {self.path!r} are damaged and were skipped.")

    def _state_end(self, file: BinaryIO, offset: int) -> None:
        size = file.seek(0, os.SEEK_END)
        if size > offset:
            self.problems.append(f"The last {size - offset:,} bytes of {self.path!r} are not a whole record.")


def read_journal(path: str | os.PathLike[str]) -> JournalReader:
    """The records of the journal at `path`, to be iterated over."""
    return JournalReader(path)


def _read_record(file: BinaryIO, offset: int) -> tuple[int, bytes] | None:
    """The record that begins at `offset`, or None if none does, or not a whole one."""
    file.seek(offset)
    head = file.read(_HEAD_SIZE)
    if len(head) < _HEAD_SIZE or head[-4:] != struct.pack("<I", zlib.crc32(head[:-4])):
        return None
    magic, kind, length, crc = _HEAD.unpack(head[:-4])
    if magic != MAGIC or length > os.fstat(file.fileno()).st_size - offset - _HEAD_SIZE:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != crc:
        return None
    return kind, payload


def _find(file: BinaryIO, offset: int) -> int | None:
    """Where the next record may begin, at `offset` or behind it."""
    file.seek(offset)
    while True:
        chunk = file.read(_CHUNK)
        place = chunk.find(MAGIC)
        if place >= 0:
            return offset + place
        if len(chunk) < _CHUNK:
            return None
        offset += _CHUNK - len(MAGIC) + 1
        file.seek(offset)
