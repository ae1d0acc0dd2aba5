"""engine.runs.journal_log: the journals of this program are logs as others are: growing, cut, damaged, gone."""

from __future__ import annotations

from pathlib import Path

from engine.runs import find_logs, open_log
from engine.session.folders import JOURNAL_NAME
from engine.session.journal import JournaledRun, LossJournal


def test_a_journal_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "run" / JOURNAL_NAME
    path.parent.mkdir()
    journal = LossJournal(path, JournaledRun("train.py"))
    (log,) = find_logs(tmp_path)
    assert log.poll() == {}
    for step in range(3):
        journal.append(step, step / 2)
        steps, losses = log.poll()["loss"]
        assert (steps.tolist(), losses.tolist()) == ([step], [step / 2])
        assert log.poll() == {}
    journal.close()
    assert log.problems == []


def test_a_journal_that_is_cut_replaced_and_gone(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    journal = LossJournal(path, JournaledRun("train.py"))
    for step in range(4):
        journal.append(step, 1.0)
    journal.close()
    log = open_log(path)
    assert log.poll()["loss"][0].tolist() == [0, 1, 2, 3]
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    assert log.poll() == {}  # what it repeats is not new
    path.unlink()
    assert log.poll() == {}
    path.write_bytes(data)
    assert log.poll() == {}  # nor is what comes back
    journal = LossJournal(path, JournaledRun("train.py"))
    journal.append(4, 1.0)
    journal.close()
    assert log.poll()["loss"][0].tolist() == [4]


def test_damage_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    journal = LossJournal(path, JournaledRun("train.py"))
    journal.append(0, 1.0)
    journal.append(1, 2.0)
    journal.close()
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(bytes(data))
    log = open_log(path)
    log.poll()
    assert log.problems
