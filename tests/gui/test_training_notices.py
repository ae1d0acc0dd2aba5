"""A training is not ended by opening or closing something without being asked for; its first NaN is told; arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.opening import classify
from gui.widgets.questions import ArgumentsQuestion
from gui.window import MainWindow

from .conftest import Runs


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text("import torch\n")
    return path


def click(window: MainWindow, title: str) -> None:
    QTest.mouseClick(window.notifications.bars[0].buttons[title], Qt.MouseButton.LeftButton)


def test_opening_something_asks_before_it_ends_a_training(
    window: MainWindow, runs: Runs, script: Path, trace_file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.workspace.run(classify(str(script)))
    with monkeypatch.context() as patched:
        patched.setattr(type(window.workspace), "is_training", property(lambda _: True))
        window.open_target("demo:neuron")
        assert runs == [(str(script), (), None)]
        assert window.workspace.title == "train.py"
        (shown,) = window.notifications.shown
        assert shown.message == "train.py is still training. Opening The single neuron here ends it."
        with qtbot.waitSignal(window.open_elsewhere_requested) as asked:
            click(window, "Open in a new window")
        assert asked.args == ["demo:neuron", ()]
        window.actions_["close_target"].trigger()
        assert window.workspace.title == "train.py"
        assert "Closing it ends the training" in window.notifications.shown[0].message
        window.open_target(str(trace_file))
        click(window, "End it and open")
    qtbot.waitUntil(lambda: window.document.trace is not None)
    assert window.workspace.title == trace_file.name
    assert not window.notifications.shown


def test_a_demo_makes_way_unasked(window: MainWindow, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    window.open_target("demo:loop")
    monkeypatch.setattr(type(window.workspace), "is_training", property(lambda self: self.title != "The single neuron"))
    window.open_target("demo:neuron")
    assert [target for target, _, _ in runs] == ["demo:loop", "demo:neuron"]


def test_the_first_nan_of_a_loss_leads_to_its_step(window: MainWindow, runs: Runs, script: Path) -> None:
    assert window.panels is not None
    training = window.panels.training
    window.workspace.run(classify(str(script)))
    training.add_points([0, 1], [1.0, 0.5])
    assert not window.notifications.shown
    training.add_points([2, 3, 4], [float("inf"), float("nan"), float("nan")])
    training.add_points([5], [float("nan")])
    (shown,) = window.notifications.shown
    assert shown.message == "The loss is infinite for the first time at step 2."
    click(window, "Step through step 2")
    assert runs[-1] == (str(script), (), 2)
    training.add_points([0, 1, 2], [1.0, 0.5, float("nan")])
    assert "NaN for the first time at step 2" in window.notifications.shown[0].message
    training.add_recorded(2, "x")
    assert not window.notifications.shown


def test_a_script_is_run_with_arguments(window: MainWindow, runs: Runs, script: Path, qtbot: QtBot) -> None:
    action = window.actions_["run_with_arguments"]
    assert not action.isEnabled()
    window.workspace.run(classify(str(script)), ("--lr", "0.1"))
    action.trigger()
    question = window.findChild(ArgumentsQuestion)
    assert question is not None
    assert question.field.text() == "--lr 0.1"
    QTest.keyClicks(question.field, "--name 'a b")
    QTest.keyClick(question.field, Qt.Key.Key_Return)
    assert question.isVisible()
    assert "no closing quotation" in question.fault.text()
    QTest.keyClicks(question.field, "'")
    QTest.keyClick(question.field, Qt.Key.Key_Return)
    assert not question.isVisible()
    assert runs[-1] == (str(script), ("--name", "a b"), None)
    window.workspace.run_again()
    assert runs[-1] == (str(script), ("--name", "a b"), None)
    window.open_target("demo:neuron")
    assert not action.isEnabled()
