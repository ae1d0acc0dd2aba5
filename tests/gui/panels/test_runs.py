"""Tests of the runs panel with real log files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.panels.runs import RunsPanel
from gui.theme import DARK, LIGHT, ThemeManager


def write(path: Path, steps: range, **tags: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        for step in steps:
            file.write(json.dumps({"step": step} | {tag: scale / (step + 1) for tag, scale in tags.items()}) + "\n")


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[RunsPanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = RunsPanel(themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(700, 200)
    yield panel
    panel.shut_down()


def open_in(panel: RunsPanel, path: Path, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.updated):
        panel.open_folder(path)


def test_empty_states(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    assert panel.message.startswith("Open a folder of training logs")
    open_in(panel, tmp_path, qtbot)
    assert panel.message == f"There are no logs of a training in {tmp_path.name!r} yet."
    open_in(panel, tmp_path / "nothing.csv", qtbot)
    assert "There is no file or folder" in panel.message
    assert panel.plot is None


def test_runs_and_tags_are_listed_and_losses_drawn(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    write(tmp_path / "a" / "log.jsonl", range(20), loss=1.0, accuracy=2.0)
    write(tmp_path / "b" / "log.jsonl", range(30), loss=3.0)
    open_in(panel, tmp_path, qtbot)
    names = sorted(panel.runs)
    assert [name.split("/")[0] for name in names] == ["a", "b"]
    assert sorted(panel.runs[names[0]]) == ["accuracy", "loss"]
    assert panel.checked() == [(names[0], "loss"), (names[1], "loss")]
    row = panel._items[names[1], "loss"]
    assert (row.text(1), row.text(2)) == ("0.1", "29"), "the last value, and its step"
    assert panel.tree.headerItem().text(2) == "step"
    assert panel.plot is not None
    assert panel.plot.keys == panel.checked()
    panel.plot.refresh()
    curve = panel.plot._curves[names[1], "loss"][2]
    assert curve.getData()[1].tolist() == [3.0 / (step + 1) for step in range(30)]
    panel.set_checked(names[0], "accuracy", True)
    panel.set_checked(names[0], "loss", False)
    assert set(panel.plot.keys) == {(names[0], "accuracy"), (names[1], "loss")}


def test_what_is_appended_and_new_runs_appear_while_it_is_seen(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    write(tmp_path / "a" / "log.jsonl", range(5), loss=1.0)
    panel._timer.setInterval(20)
    panel.show()
    open_in(panel, tmp_path, qtbot)
    run = next(iter(panel.runs))
    write(tmp_path / "a" / "log.jsonl", range(5, 9), loss=1.0)
    write(tmp_path / "b" / "log.jsonl", range(2), loss=1.0)
    qtbot.waitUntil(lambda: len(panel.runs) == 2)
    qtbot.waitUntil(lambda: len(panel.series(run, "loss")) == 9)
    assert panel.series(run, "loss").values.tolist() == [1.0 / (step + 1) for step in range(9)]
    panel.hide()
    assert not panel._timer.isActive()


def test_opening_another_folder_forgets_the_first(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    write(tmp_path / "one" / "a.jsonl", range(5), loss=1.0)
    write(tmp_path / "two" / "b.jsonl", range(5), val_loss=1.0)
    open_in(panel, tmp_path / "one", qtbot)
    open_in(panel, tmp_path / "two", qtbot)
    assert list(panel.runs.values()) == [["val_loss"]]
    assert panel.tree.topLevelItemCount() == 1
    open_in(panel, tmp_path / "one" / "a.jsonl", qtbot)
    assert list(panel.runs.values()) == [["loss"]]


def test_broken_lines_are_named(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "log.jsonl"
    write(path, range(3), loss=1.0)
    with open(path, "a", encoding="utf-8") as file:
        file.write("{broken\n")
    write(path, range(3, 6), loss=1.0)
    open_in(panel, tmp_path, qtbot)
    assert [len(panel.series(run, "loss")) for run in panel.runs] == [6]
    assert panel._note.text()
    assert panel._note.isVisibleTo(panel)


def test_colours_follow_the_theme(panel: RunsPanel, tmp_path: Path, qtbot: QtBot) -> None:
    write(tmp_path / "log.jsonl", range(3), loss=1.0)
    open_in(panel, tmp_path, qtbot)
    assert panel.plot is not None
    (curve,) = (entry[2] for entry in panel.plot._curves.values())
    assert curve.opts["pen"].color() == LIGHT.data
    panel._themes.choose("dark")
    assert curve.opts["pen"].color() == DARK.data
    item = panel.tree.topLevelItem(0)
    assert item is not None
    child = item.child(0)
    assert child is not None
    assert child.checkState(0) == Qt.CheckState.Checked
