"""Runs get folders of their own, the oldest are forgotten, and nowhere to write is no obstacle."""

from __future__ import annotations

import os
from pathlib import Path

from engine.session.folders import KEPT_RUNS, default_base, new_run_folder, run_folders


def test_every_run_has_its_own_folder(tmp_path: Path) -> None:
    first, second = new_run_folder(tmp_path / "runs"), new_run_folder(tmp_path / "runs")
    assert first is not None
    assert second is not None
    assert first != second
    assert first.is_dir()
    assert first.stat().st_mode & 0o077 == 0


def test_the_oldest_runs_are_forgotten(tmp_path: Path) -> None:
    for number in range(KEPT_RUNS + 3):
        old = tmp_path / f"old-{number:02d}"
        old.mkdir()
        os.utime(old, (number, number))
    new = new_run_folder(tmp_path)
    kept = run_folders(tmp_path)
    assert len(kept) == KEPT_RUNS
    assert kept[-1] == new
    assert "old-00" not in [folder.name for folder in kept]


def test_where_nothing_can_be_written_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert new_run_folder(tmp_path / "file" / "runs") is None
    assert run_folders(tmp_path / "file" / "runs") == []


def test_the_default_is_the_users_state_folder() -> None:
    assert "retrograd" in default_base().parts
