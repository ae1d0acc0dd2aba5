"""Hostile disks: full while a training writes its journal, and a death between the writing and the renaming."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.graph.trace import Trace
from engine.session.journal import read_losses
from tests.engine.session.watch import Watch
from tests.engine.traces import small_trace

from .scripts import TRAIN, Script, _nothing_left_behind, script, watch

__all__ = ["_nothing_left_behind", "script", "watch"]

ROOT = Path(__file__).resolve().parent.parent.parent

# 34: the journal


def test_a_training_goes_on_when_its_journal_cannot_be_written_and_the_gap_is_stated(
    watch: Watch, script: Script
) -> None:
    path = script(
        TRAIN
        + "import resource\n"
        + "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        + "for k in range(10): step(k)\n"
        + "resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))\n"  # as a full disk: no file may grow beyond
        + "for k in range(10, 40): step(k)\n"
        + "resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
        + "for k in range(40, 50): step(k)\n"
    )
    outcome = watch.run(path)
    assert outcome.kind == "finished"
    assert watch.steps == list(range(50))  # nothing is missing in the window
    assert watch.output.count("cannot be written") == 1  # said once, where the program's own complaints are
    assert "The run goes on" in watch.output
    assert outcome.journal is not None
    found = read_losses(outcome.journal)
    kept = found.steps.tolist()
    assert kept[:10] == list(range(10))
    assert kept[-10:] == list(range(40, 50))
    assert len(kept) < 50
    assert found.losses.tolist() == [3.0 * step for step in kept]
    assert found.problems[0].startswith(f"{50 - len(kept)} records before")


# 35: replacing a file

_DEATH = """
import os, sys
from pathlib import Path
from engine.storage import atomic
from engine.storage.trace_file import save
from tests.engine.traces import small_trace
trace = small_trace()
trace.notes.append("the new one")
replace = os.replace
def die(): os.kill(os.getpid(), 9)
def replace_and_die(source, target):
    replace(source, target)
    die()
if sys.argv[2] == "before":
    save(trace, sys.argv[1], die)
else:
    os.replace = replace_and_die
    save(trace, sys.argv[1])
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_death_around_the_renaming_leaves_the_old_or_the_new_file(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.retrograd"
    small_trace().save(path)
    done = subprocess.run([sys.executable, "-c", _DEATH, str(path), moment], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert ("the new one" in Trace.load(path).notes) == (moment == "after")
    small_trace().save(path)  # what the dead one left is in nobody's way
    assert "the new one" not in Trace.load(path).notes
