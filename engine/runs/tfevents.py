"""TensorBoard's event files: a folder of them is one run."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import google_crc32c

from .log import Collected, RunLog
from .protobuf import WireError, event_scalars
from .tail import Tail

MARK = ".tfevents."
MAX_RECORD = 1 << 30
_MAX_SEARCH = 1 << 20
_HEAD = struct.Struct("<QI")
_CRC = struct.Struct("<I")


def match(path: Path, head: bytes) -> bool:
    """An event file, by its name or by the checksum of its first record's length."""
    return MARK in path.name or (len(head) >= 12 and _is_head(head, 0))


def open_run(path: Path, name: str | None = None) -> RunLog:
    """The run in an event file, or in a folder of event files."""
    return EventLog(path, name)


class EventLog(RunLog):
    """Scalars of one run; files that appear later in its folder are read as well, in the order of their names."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, name)
        self._files: dict[str, _EventFile] = {}

    def _read(self) -> Iterator[tuple[str, Collected]]:
        for path in self._paths():
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _EventFile(path)
            collected = Collected()
            file.read(collected, self)
            yield path, collected

    def _paths(self) -> list[str]:
        if not self.path.is_dir():
            return [str(self.path)]
        try:
            with os.scandir(self.path) as entries:
                found = [entry.path for entry in entries if MARK in entry.name and entry.is_file()]
        except OSError as error:
            self.note_problem(
                f"The folder {str(self.path)!r} cannot be listed: {error.strerror}. Check its permissions."
            )
            return list(self._files)
        return sorted(found)


class _EventFile:
    """One event file: `length u64 · masked crc32c of it · data · masked crc32c of the data`, again and again."""

    def __init__(self, path: str) -> None:
        self._tail = Tail(path)
        self._rest = b""
        self._start = 0
        """Offset in the file of the first byte of `_rest`."""
        self._lost_at: int | None = None
        """Where the sequence of records broke; the next one is being searched for."""
        self._is_given_up = False

    def read(self, into: Collected, log: EventLog) -> None:
        """Take in what is new."""
        for chunk, is_new in self._tail.chunks():
            if is_new:
                self._rest, self._start, self._lost_at, self._is_given_up = b"", 0, None, False
                log.note_restart(self._tail.path)
            if not self._is_given_up:
                self._take(self._rest + chunk, into, log)
        if self._tail.error:
            log.note_problem(self._tail.error)

    def _take(self, data: bytes, into: Collected, log: EventLog) -> None:
        place, size = 0, len(data)
        while not self._is_given_up and size - place >= 12:
            length, _ = _HEAD.unpack_from(data, place)
            if not _is_head(data, place):
                place = self._search(data, place, log)
                continue
            if self._lost_at is not None:
                at = self._start + place
                log.note_problem(
                    f"{self._tail.path!r}: bytes {self._lost_at:,} to {at:,} are damaged and were skipped."
                )
                self._lost_at = None
            end = place + 16 + length
            if end > size:
                break
            self._record(data[place + 12 : end - 4], _CRC.unpack_from(data, end - 4)[0], place, into, log)
            place = end
        self._rest = data[place:]
        self._start += place

    def _record(self, record: bytes, crc: int, place: int, into: Collected, log: EventLog) -> None:
        at = self._start + place
        if _masked(record) != crc:
            log.note_problem(f"{self._tail.path!r}: the record at byte {at:,} has a wrong checksum and was skipped.")
            return
        try:
            step, scalars = event_scalars(record)
        except WireError as error:
            log.note_problem(
                f"{self._tail.path!r}: the record at byte {at:,} is not an event: {error}. It was skipped."
            )
            return
        for tag, value in scalars:
            into.add(tag, step, value)

    def _search(self, data: bytes, place: int, log: EventLog) -> int:
        """Look for the next byte at which a record may begin; its length's checksum gives it away."""
        if self._lost_at is None:
            self._lost_at = self._start + place
        last = len(data) - 12
        while place <= last:
            if self._start + place - self._lost_at > _MAX_SEARCH:
                self._is_given_up = True
                log.note_problem(
                    f"{self._tail.path!r} is damaged from byte {self._lost_at:,} on; what follows was not read. "
                    "Delete the file, or restore it from a copy."
                )
                return place
            if _is_head(data, place):
                return place
            place += 1
        return place


def _masked(data: bytes) -> int:
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _is_head(data: bytes, place: int) -> bool:
    """Whether a record's length stands here, and a sensible one."""
    length, crc = _HEAD.unpack_from(data, place)
    return bool(length <= MAX_RECORD and _masked(data[place : place + 8]) == crc)
