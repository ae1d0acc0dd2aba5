"""The journal: cut at every byte, every bit flipped, a full disk."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SaveError
from engine.storage.journal import GAP, MAGIC, JournalWriter, frame, read_journal

RECORDS = [(1, b"first"), (2, b""), (0, bytes(range(200))), (GAP - 1, b"RGJ1" * 3), (7, b"last")]


def _write(path: Path, records: list[tuple[int, bytes]]) -> bytes:
    with JournalWriter(path) as journal:
        assert all(journal.append(kind, payload) for kind, payload in records)
        journal.flush()
        assert journal.lost == 0
    return path.read_bytes()


def test_records_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    _write(path, RECORDS)
    _write(path, RECORDS[:2])
    reader = read_journal(path)
    assert list(reader) == [*RECORDS, *RECORDS[:2]]
    assert list(reader) == [*RECORDS, *RECORDS[:2]]
    assert reader.problems == []


def test_written_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with JournalWriter(path) as journal:
        journal.append(1, b"a")
        assert list(read_journal(path)) == [(1, b"a")]


def test_cut_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = _write(path, RECORDS)
    ends = [0]
    for kind, payload in RECORDS:
        ends.append(ends[-1] + len(frame(kind, payload)))
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends[1:])
        reader = read_journal(path)
        assert list(reader) == RECORDS[:whole]
        assert bool(reader.problems) == (length not in ends)


def test_continued_behind_a_torn_record(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = _write(path, RECORDS)
    path.write_bytes(data[:-2])
    _write(path, [(3, b"after the restart")])
    reader = read_journal(path)
    assert list(reader) == [*RECORDS[:-1], (3, b"after the restart")]
    assert "are damaged and were skipped" in reader.problems[0]


def test_every_flipped_bit_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = bytearray(_write(path, RECORDS))
    for place in range(len(data)):
        for bit in range(0, 8, 3):
            data[place] ^= 1 << bit
            path.write_bytes(data)
            reader = read_journal(path)
            found = list(reader)
            assert len(found) == len(RECORDS) - 1
            assert all(record in RECORDS for record in found)
            assert len(reader.problems) == 1
            data[place] ^= 1 << bit


def test_hostile_lengths_allocate_nothing_and_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    huge = bytearray(frame(1, b""))
    huge[8:12] = struct.pack("<I", 2**32 - 1)
    path.write_bytes(bytes(huge) * 3 + MAGIC * 50_000)
    reader = read_journal(path)
    assert list(reader) == []
    assert "are not a whole record" in reader.problems[0]


def test_full_disk_is_counted_and_stated(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = JournalWriter(path)
    journal.append(1, b"before")
    whole = journal._file

    class Full:
        """Takes half of what it is given, then the disk is full."""

        closed = False

        def write(self, data: Any) -> int:
            whole.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        def truncate(self, size: int) -> int:
            return whole.truncate(size)

    journal._file = Full()  # type: ignore[assignment]  # a file that fails, in place of a full disk
    assert not journal.append(2, b"lost")
    assert not journal.append(3, b"lost too")
    assert journal.lost == 2
    assert journal.error is not None
    assert "No space left on device" in journal.error
    journal._file = whole
    assert journal.append(4, b"after")
    assert journal.error is None
    journal.close()
    journal.close()
    reader = read_journal(path)
    assert list(reader) == [(1, b"before"), (4, b"after")]
    assert reader.problems == [f"2 records before byte {len(frame(1, b'before') + frame(GAP, bytes(8)))} could not be "
                               "written at the time."]  # fmt: skip


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="cannot be opened"):
        JournalWriter(tmp_path / "nowhere" / "journal")
    with JournalWriter(tmp_path / "journal") as journal, pytest.raises(ValueError, match="not a kind of record"):
        journal.append(GAP, b"")
