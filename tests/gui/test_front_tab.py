"""A demo is opened with its lesson in front; what the user chooses beside it is remembered, for demos and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.opening import classify
from gui.window import MainWindow

Opens = Callable[[str], None]


@pytest.fixture
def opens(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Opens:
    """Opens a program that is not run, and waits for the panels."""
    monkeypatch.setattr(window.workspace.bridge.supervisor, "run", lambda *_, **__: None)

    def open_(target: str) -> None:
        with qtbot.waitSignal(window.docks.settled, timeout=2000, raising=False):
            window.workspace.run(classify(target))

    return open_


def front(window: MainWindow) -> str:
    return window.docks.front_beside("code")


def click_tab(window: MainWindow, name: str) -> None:
    bar = next(bar for bar in window.docks.tab_bars() if name in window.docks.names_in(bar))
    place = bar.tabRect(window.docks.names_in(bar).index(name)).center()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)


def test_the_lesson_of_a_demo_is_in_front_and_the_code_of_a_program(
    window: MainWindow, opens: Opens, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text("import torch")
    focus = window.focusWidget()
    opens("demo:neuron")
    assert front(window) == "lesson"
    assert window.focusWidget() is focus
    opens(str(script))
    assert front(window) == "code"
    opens("demo:loop")
    assert front(window) == "lesson"


def test_what_is_chosen_is_remembered(window: MainWindow, opens: Opens, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import torch")
    opens(str(script))
    click_tab(window, "tree")
    opens("demo:neuron")
    assert front(window) == "lesson"
    click_tab(window, "code")
    opens("demo:neuron")
    opens("demo:simplenet")
    assert front(window) == "code"
    assert window.settings.values.demo_tab == "code"
    opens(str(script))
    assert front(window) == "tree"


def test_a_lesson_that_was_closed_stays_closed(window: MainWindow, opens: Opens) -> None:
    opens("demo:neuron")
    window.docks.docks["lesson"].close()
    opens("demo:loop")
    assert window.docks.docks["lesson"].isHidden()
