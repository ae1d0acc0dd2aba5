"""The journal keeps every loss; cut anywhere, it gives back a prefix."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import LogError, SaveError
from engine.session.journal import JournaledRun, LossJournal, read_losses

RUN = JournaledRun("train.py", ("--lr", "0.1"), 12.5)


def write(path: Path, losses: list[float]) -> None:
    journal = LossJournal(path, RUN)
    for step, loss in enumerate(losses):
        journal.append(step, loss)
    journal.close()


def test_losses_come_back_exactly(tmp_path: Path) -> None:
    losses = [0.1, math.inf, math.nan, -0.0, 1e-300]
    write(tmp_path / "j", losses)
    found = read_losses(tmp_path / "j")
    assert found.run == RUN
    assert found.steps.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found.losses, np.array(losses))
    assert found.problems == []


def test_a_journal_cut_at_every_byte_gives_a_prefix(tmp_path: Path) -> None:
    write(tmp_path / "j", [1.0, 2.0, 3.0])
    whole = (tmp_path / "j").read_bytes()
    counts = []
    for length in range(len(whole) + 1):
        (tmp_path / "cut").write_bytes(whole[:length])
        steps = read_losses(tmp_path / "cut").steps.tolist()
        assert steps == list(range(len(steps)))
        counts.append(len(steps))
    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_points_survive_without_a_close(tmp_path: Path) -> None:
    journal = LossJournal(tmp_path / "j", RUN)
    journal.append(0, 4.0)
    assert read_losses(tmp_path / "j").losses.tolist() == [4.0]
    journal.close()


def test_a_missing_journal_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read"):
        read_losses(tmp_path / "nothing")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaveError):
        LossJournal(tmp_path / "no" / "j", RUN)
