"""gui.settings: damaged, foreign, huge and unwritable files do no harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gui.settings import MAX_FILE_BYTES, MAX_RECENT, Settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_missing_file_gives_defaults_without_a_notice(path: Path) -> None:
    settings = Settings(path)
    assert settings.values.theme is None
    assert settings.notices == []
    assert not path.exists()


def test_changes_survive_a_restart(path: Path) -> None:
    Settings(path).update(theme="dark", steps_per_second=8.0)
    values = Settings(path).values
    assert (values.theme, values.steps_per_second) == ("dark", 8.0)
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"version": 99}',
        b'{"theme": "purple"}',
        b'{"recent": 7}',
        b'{"steps_per_second": -1}',
        b'{"recent": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b" " * (MAX_FILE_BYTES + 1),
    ],
    ids=["empty", "cut", "binary", "list", "version", "theme", "type", "range", "deep", "huge"],
)
def test_unreadable_file_is_set_aside_and_said_once(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    settings = Settings(path)
    assert settings.values.theme is None
    assert len(settings.notices) == 1
    aside = [file for file in path.parent.iterdir() if "unreadable" in file.name]
    assert [file.read_bytes() for file in aside] == [content]
    settings.update(theme="light")
    assert Settings(path).values.theme == "light"


def test_folder_that_cannot_be_written_means_memory_and_one_notice(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    settings = Settings(blocker / "settings.json")
    settings.update(theme="dark")
    settings.update(theme="light")
    assert settings.values.theme == "light"
    assert len(settings.notices) == 1
    assert not settings.is_persistent


def test_failed_replacement_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Settings(path).update(theme="dark")
    before = path.read_bytes()

    def refuse(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    settings = Settings(path)
    monkeypatch.setattr(os, "replace", refuse)
    settings.update(theme="light")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]
    assert "disk is full" in settings.notices[0]


def test_unknown_setting_is_a_mistake_of_the_caller(path: Path) -> None:
    with pytest.raises(AttributeError, match="colour"):
        Settings(path).update(colour="red")


def test_recent_targets_are_unique_newest_first_and_bounded(path: Path) -> None:
    settings = Settings(path)
    for number in range(MAX_RECENT + 3):
        settings.add_recent(f"{number}.py")
    settings.add_recent("5.py")
    recent = settings.values.recent
    assert recent[0] == "5.py"
    assert len(recent) == len(set(recent)) == MAX_RECENT


def test_trust_is_for_one_file(path: Path, tmp_path: Path) -> None:
    settings = Settings(path)
    settings.trust(tmp_path / "a.py")
    assert Settings(path).is_trusted(tmp_path / "sub" / ".." / "a.py")
    assert not settings.is_trusted(tmp_path / "b.py")


# Two processes with the same file


def test_two_processes_keep_what_the_other_has_changed(path: Path, tmp_path: Path) -> None:
    ours, theirs = Settings(path), Settings(path)
    theirs.update(theme="dark")
    theirs.add_recent("theirs.py")
    theirs.trust(tmp_path / "theirs.py")
    ours.add_recent("ours.py")
    ours.trust(tmp_path / "ours.py")
    ours.update(overlay="time")
    theirs.add_recent("last.py")
    values = Settings(path).values
    assert (values.theme, values.overlay) == ("dark", "time")
    assert values.recent == ["last.py", "ours.py", "theirs.py"]
    assert len(values.trusted) == 2


def test_damage_by_another_process_does_not_reach_ours(path: Path) -> None:
    ours = Settings(path)
    ours.update(theme="dark")
    for damage in (b"{", b" " * (MAX_FILE_BYTES + 1), b"[" * 5000):
        path.write_bytes(damage)
        ours.add_recent(f"{len(damage)}.py")
        assert Settings(path).values.theme == "dark"
    assert ours.notices == []
    assert len(Settings(path).values.recent) == 3
