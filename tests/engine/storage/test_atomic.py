"""Files are replaced as a whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SaveError
from engine.storage.atomic import write_atomically


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, [b"one", memoryview(b" two")])
    assert path.read_bytes() == b"one two"
    path.chmod(0o640)
    write_atomically(path, [b"three"])
    assert path.read_bytes() == b"three"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a"]


def test_follows_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"old")
    link.symlink_to(path)
    write_atomically(link, [b"new"])
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EBADMSG, "Bad message")],
)
def test_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(SaveError, match=words) as caught:
        write_atomically(path, [b"new"])
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith("The file that was there before is unchanged.")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_failure_while_the_content_is_made(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"begin"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", chunks())
    assert os.listdir(tmp_path) == []


def test_devices_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SaveError, match="a device or a pipe"):
        write_atomically(tmp_path / "pipe", [b"x"])
    assert not (tmp_path / "pipe").is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere/a", "the folder does not exist"), ("file/a", "a part of the path is a file"), ("x" * 300, "too long"),
     ("folder", "a folder of that name"), ("a\0b", "Nothing was written")],
)  # fmt: skip
def test_places_where_nothing_can_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SaveError, match=words):
        write_atomically(tmp_path / name, [b"x"])
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
