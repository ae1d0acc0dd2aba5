"""gui.recovery: what a training had recorded when its window was killed is offered at the next start, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.session.folders import JOURNAL_NAME, default_base, interrupted_runs, new_run_folder, note_end
from engine.session.journal import JournaledRun, LossJournal
from gui.recovery import find_interrupted, offer_recovery
from gui.window import MainWindow

ROOT = Path(__file__).resolve().parent.parent.parent

_KILLED = """
import os
from engine.session.folders import JOURNAL_NAME, default_base, new_run_folder
from engine.session.journal import JournaledRun, LossJournal
folder = new_run_folder(default_base())
journal = LossJournal(folder / JOURNAL_NAME, JournaledRun("/home/somebody/train.py"))
for k in range({count}): journal.append(k, 1.0 / (k + 1))
os.kill(os.getpid(), 9)
"""


def _be_killed(count: int = 5) -> None:
    """Another window, killed in mid-training."""
    done = subprocess.run([sys.executable, "-c", _KILLED.format(count=count)], cwd=ROOT, check=False)
    assert done.returncode == -9


def test_the_next_start_offers_what_was_recorded(window: MainWindow, qtbot: QtBot) -> None:
    _be_killed()
    offer_recovery(window)
    qtbot.waitUntil(lambda: bool(window.notifications.shown))
    (shown,) = window.notifications.shown
    assert "train.py was training when its window ended. Its 5 losses are kept." in shown.message
    assert "up to step 4" in shown.where
    QTest.mouseClick(window.notifications.bars[0].buttons["Show the losses"], Qt.MouseButton.LeftButton)
    assert window.panels is not None
    runs = window.panels.runs
    qtbot.waitUntil(lambda: bool(runs.checked()))
    assert [tag for _, tag in runs.checked()] == ["loss"]
    assert find_interrupted(default_base()) == []  # it is said once


def test_several_are_counted(window: MainWindow, qtbot: QtBot) -> None:
    for count in (2, 3):
        _be_killed(count)
    offer_recovery(window)
    qtbot.waitUntil(lambda: bool(window.notifications.shown))
    assert "2 trainings" in window.notifications.shown[0].message
    assert "3 losses" in window.notifications.shown[0].message


def test_what_ended_or_still_runs_or_recorded_nothing_is_not_offered() -> None:
    base = default_base()
    running, ended = new_run_folder(base), new_run_folder(base)
    assert running is not None
    assert ended is not None
    for folder in (running, ended):
        journal = LossJournal(folder / JOURNAL_NAME, JournaledRun("train.py"))
        journal.append(0, 1.0)
        journal.close()
    note_end(ended)
    _be_killed(0)
    assert len(interrupted_runs(base)) == 1
    assert find_interrupted(base) == []
    assert interrupted_runs(base) == []


def test_a_process_with_the_same_number_is_another_one() -> None:
    base = default_base()
    folder = new_run_folder(base)
    assert folder is not None
    mark = folder / "running"
    pid, created_s = mark.read_text().split()
    assert int(pid) == os.getpid()
    mark.write_text(f"{pid} {float(created_s) - 100}")
    assert interrupted_runs(base) == [folder]
    for noise in ("", "x y", "1", "9" * 90 + " 0", "\0"):
        mark.write_text(noise)
        assert interrupted_runs(base) in ([], [folder])
