"""gui.saving and gui.reloading: a trace file that another program wrote too; every answer, and nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from engine.storage.trace_file import dumps
from gui.reloading import KEY
from gui.widgets.questions import ConflictQuestion
from gui.window import MainWindow
from tests.engine.traces import small_trace

Choose = Callable[[Path], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Says which file the user chooses in the next dialogs."""

    def choose(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    return choose


def _shown(window: MainWindow) -> bytes:
    """What a file of the shown trace holds."""
    assert window.document.trace is not None
    return dumps(window.document.trace)


def _theirs() -> bytes:
    trace = small_trace()
    trace.notes.append("theirs")
    return dumps(trace)


def _replace(path: Path, data: bytes) -> None:
    new = path.with_name("new")
    new.write_bytes(data)
    os.replace(new, path)


def _question(window: MainWindow, qtbot: QtBot) -> ConflictQuestion:
    qtbot.waitUntil(lambda: window.findChild(ConflictQuestion) is not None)
    question = window.findChild(ConflictQuestion)
    assert isinstance(question, ConflictQuestion)
    return question


def _answer(window: MainWindow, qtbot: QtBot, which: str) -> None:
    question = _question(window, qtbot)
    button: QAbstractButton = getattr(question, which)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(ConflictQuestion) is None)


def _wait_for_message(window: MainWindow, qtbot: QtBot, words: str) -> None:
    qtbot.waitUntil(lambda: any(words in shown.message for shown in window.notifications.shown))


def _conflict(window: MainWindow, path: Path, choose: Choose) -> bytes:
    """Another program replaces the open file, and the user saves over it."""
    theirs = _theirs()
    _replace(path, theirs)
    choose(path)
    window.actions_["save_trace"].trigger()
    return theirs


def test_mine_is_kept_and_theirs_lies_beside_it(
    opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot
) -> None:
    mine = _shown(opened)
    theirs = _conflict(opened, trace_file, choose)
    assert trace_file.name in _question(opened, qtbot).text()
    assert trace_file.read_bytes() == theirs  # nothing is written before the answer
    _answer(opened, qtbot, "mine")
    _wait_for_message(opened, qtbot, "is kept as")
    assert trace_file.read_bytes() == mine
    (aside,) = trace_file.parent.glob("*theirs*")
    assert aside.read_bytes() == theirs
    assert aside.name in opened.notifications.shown[0].message
    # From now on it is ours again: no question, and no bar.
    opened.actions_["save_trace"].trigger()
    qtbot.waitUntil(lambda: "is kept as" not in opened.notifications.shown[0].message)
    opened.reloading.check()
    assert [shown.key for shown in opened.notifications.shown] == ["saved"]


def test_theirs_is_kept_and_can_be_opened(opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot) -> None:
    before = opened.document.trace
    theirs = _conflict(opened, trace_file, choose)
    _answer(opened, qtbot, "theirs")
    _wait_for_message(opened, qtbot, "is left as")
    assert trace_file.read_bytes() == theirs
    assert list(trace_file.parent.glob("*theirs*")) == []
    assert opened.document.trace is before  # mine is still there, to be saved elsewhere
    bar = next(bar for bar in opened.notifications.bars if "Open theirs" in bar.buttons)
    QTest.mouseClick(bar.buttons["Open theirs"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened.document.trace is not None and "theirs" in opened.document.trace.notes)


def test_mine_is_saved_elsewhere(opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot) -> None:
    mine = _shown(opened)
    theirs = _conflict(opened, trace_file, choose)
    question = _question(opened, qtbot)
    other = trace_file.with_name("other.retrograd")
    choose(other)
    assert question.defaultButton() is question.elsewhere
    _answer(opened, qtbot, "elsewhere")
    _wait_for_message(opened, qtbot, "saved as other.retrograd")
    assert (trace_file.read_bytes(), other.read_bytes()) == (theirs, mine)


def test_escape_writes_nothing(opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot) -> None:
    theirs = _conflict(opened, trace_file, choose)
    QTest.keyClick(_question(opened, qtbot), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: opened.findChild(ConflictQuestion) is None)
    assert trace_file.read_bytes() == theirs
    assert sorted(path.name for path in trace_file.parent.iterdir()) == [trace_file.name]


def test_a_file_that_changes_while_it_is_written_is_asked_about(
    opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other program is done while ours still writes: it is seen right before the renaming."""
    theirs = _theirs()
    flush = os.fsync

    def flush_slowly(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", flush)
        flush(descriptor)
        _replace(trace_file, theirs)

    monkeypatch.setattr(os, "fsync", flush_slowly)
    choose(trace_file)
    opened.actions_["save_trace"].trigger()
    _answer(opened, qtbot, "theirs")
    assert trace_file.read_bytes() == theirs
    assert sorted(path.name for path in trace_file.parent.iterdir()) == [trace_file.name]


def test_theirs_that_changes_during_the_question_is_asked_about_again(
    opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot
) -> None:
    _conflict(opened, trace_file, choose)
    first = _question(opened, qtbot)
    _replace(trace_file, _theirs() + b"")
    QTest.mouseClick(first.mine, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened.findChild(ConflictQuestion) not in (None, first))
    _answer(opened, qtbot, "theirs")


def test_a_file_that_nobody_touched_is_replaced_unasked(
    opened: MainWindow, trace_file: Path, tmp_path: Path, choose: Choose, qtbot: QtBot
) -> None:
    known, unknown, gone = trace_file, tmp_path / "unknown.retrograd", tmp_path / "gone.retrograd"
    unknown.write_bytes(b"what the user agreed to replace in the file dialog")
    for path in (known, unknown, gone):
        choose(path)
        opened.actions_["save_trace"].trigger()
        _wait_for_message(opened, qtbot, f"saved as {path.name}")
        assert Trace.load(path).graph.nodes
    gone.unlink()
    opened.actions_["save_trace"].trigger()
    qtbot.waitUntil(gone.exists)
    assert opened.findChild(ConflictQuestion) is None


def test_an_open_trace_that_another_program_changes_is_offered(
    opened: MainWindow, trace_file: Path, qtbot: QtBot
) -> None:
    before = opened.document.trace
    opened.document.move_to(2)
    _replace(trace_file, _theirs())
    _wait_for_message(opened, qtbot, "Another program has changed neuron.retrograd")
    assert opened.document.trace is before
    assert opened.document.cursor == 2
    bar = next(bar for bar in opened.notifications.bars if bar.notification.key == KEY)
    assert "Save what is shown…" in bar.buttons
    QTest.mouseClick(bar.buttons["Open the new one"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened.document.trace is not None and "theirs" in opened.document.trace.notes)
    opened.reloading.check()
    assert opened.notifications.shown == []


def test_an_open_trace_that_is_deleted_stays_shown_and_can_be_saved(
    opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot
) -> None:
    data = _shown(opened)
    trace_file.unlink()
    _wait_for_message(opened, qtbot, "no longer there")
    choose(trace_file)
    bar = next(bar for bar in opened.notifications.bars if bar.notification.key == KEY)
    QTest.mouseClick(bar.buttons["Save what is shown…"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(trace_file.exists)
    assert trace_file.read_bytes() == data
    _wait_for_message(opened, qtbot, "is saved as")
    assert [shown.key for shown in opened.notifications.shown] == ["saved"]


def test_a_disk_that_is_full_keeps_the_old_file_and_offers_another_place(
    opened: MainWindow, trace_file: Path, choose: Choose, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = trace_file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        choose(trace_file)
        opened.actions_["save_trace"].trigger()
        _wait_for_message(opened, qtbot, "neuron.retrograd' could not be saved: the disk is full")
    assert trace_file.read_bytes() == data
    other = trace_file.with_name("other.retrograd")
    choose(other)
    bar = next(bar for bar in opened.notifications.bars if bar.notification.key == "saved")
    QTest.mouseClick(bar.buttons["Save elsewhere…"], Qt.MouseButton.LeftButton)
    _wait_for_message(opened, qtbot, "saved as other.retrograd")
    assert other.read_bytes() == _shown(opened)
