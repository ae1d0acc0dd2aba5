"""gui.file_watch: writing, replacing, deleting and bringing back are noticed, again and again, and a storm once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.file_state import FileState
from gui.file_watch import FileWatch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text("a = 1\n")
    return path


@pytest.fixture
def watch(qapp: object, path: Path) -> Iterator[FileWatch]:
    watch = FileWatch()
    watch.set_paths([path])
    yield watch
    watch.set_paths([])
    watch.deleteLater()


def _write(path: Path) -> None:
    path.write_text(path.read_text() + "b = 2\n")


def _replace(path: Path) -> None:
    """As editors save: a new file under the old name."""
    new = path.with_name(f".{path.name}.swp")
    new.write_text("c = 3\n")
    os.replace(new, path)


def _move_away_and_write(path: Path) -> None:
    """As others do: the old file becomes a backup."""
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text("d = 4\n")


@pytest.mark.parametrize("save", [_write, _replace, _move_away_and_write])
def test_every_way_of_saving_is_noticed_every_time(watch: FileWatch, path: Path, qtbot: QtBot, save: object) -> None:
    assert callable(save)
    for _ in range(3):
        with qtbot.waitSignal(watch.stirred):
            save(path)


def test_a_file_that_goes_and_comes_back_is_noticed(watch: FileWatch, path: Path, qtbot: QtBot) -> None:
    for _ in range(2):
        with qtbot.waitSignal(watch.stirred):
            path.unlink()
        with qtbot.waitSignal(watch.stirred):
            path.write_text("back = 1\n")
        with qtbot.waitSignal(watch.stirred), path.open("a") as file:  # and it is watched again, itself
            file.write("more = 1\n")


def test_a_storm_is_told_once(watch: FileWatch, path: Path, qtbot: QtBot) -> None:
    told: list[None] = []
    watch.stirred.connect(lambda: told.append(None))
    with qtbot.waitSignal(watch.stirred):
        for number in range(200):
            (_write, _replace)[number % 2](path)
    qtbot.wait(500)
    assert len(told) == 1


def test_other_files_are_watched_in_its_place(watch: FileWatch, path: Path, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "other.py"
    other.write_text("")
    _write(path)
    watch.set_paths([other])
    told: list[None] = []
    watch.stirred.connect(lambda: told.append(None))
    _write(path)
    qtbot.wait(500)
    assert told == []
    with qtbot.waitSignal(watch.stirred):
        _write(other)


def test_a_file_whose_folder_is_gone_is_no_error(watch: FileWatch, tmp_path: Path) -> None:
    watch.set_paths([tmp_path / "none" / "x.py"])
    assert watch.paths == {tmp_path / "none" / "x.py"}


def test_states_tell_contents_apart(path: Path) -> None:
    before = FileState.of(path)
    assert before == FileState.of(path)
    _replace(path)
    assert FileState.of(path) != before
    path.unlink()
    assert FileState.of(path) is None
    assert FileState.of(Path("\0")) is None
