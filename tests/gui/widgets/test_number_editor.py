"""The spin box and the slider of one number."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.widgets.number_editor import NumberEditor


@pytest.fixture
def editor(qtbot: QtBot) -> NumberEditor:
    made = NumberEditor("w")
    qtbot.addWidget(made)
    made.show()
    return made


def _told(editor: NumberEditor) -> list[tuple[float, bool]]:
    told: list[tuple[float, bool]] = []

    def note(value: float, is_dragging: bool) -> None:
        told.append((value, is_dragging))

    editor.edited.connect(note)
    return told


def test_showing_a_number_tells_nothing(editor: NumberEditor) -> None:
    told = _told(editor)
    editor.set_value(2.2, is_other=True)
    assert (editor.value, editor.spin.text()) == (2.2, "2.2")
    assert told == []


def test_typing(editor: NumberEditor, qtbot: QtBot) -> None:
    told = _told(editor)
    editor.set_value(1.0, is_other=True)
    editor.spin.selectAll()
    qtbot.keyClicks(editor.spin, "-1e-3")
    assert told == []  # not while it is being typed
    qtbot.keyClick(editor.spin, Qt.Key.Key_Return)
    assert told == [(-0.001, False)]
    assert editor.spin.text() == "−0.001"


def test_the_slider_reaches_to_both_sides_and_does_not_change_its_range(editor: NumberEditor) -> None:
    editor.set_value(2.2, is_other=True)
    told = _told(editor)
    editor.slider.setValue(editor.slider.maximum())
    editor.slider.setValue(editor.slider.minimum())
    assert told == [(5.0, True), (-5.0, True)]
    editor.set_value(30.0)
    editor.slider.setValue(editor.slider.maximum())
    assert told[-1][0] >= 30


def test_whole_numbers(editor: NumberEditor) -> None:
    editor.set_value(3.0, is_whole=True, is_other=True)
    told = _told(editor)
    editor.slider.setValue(editor.slider.value() + 1)
    assert told == []  # still 3
    editor.spin.stepUp()
    assert told == [(4.0, False)]


def test_what_is_not_finite_is_shown_as_zero(editor: NumberEditor) -> None:
    editor.set_value(float("nan"), is_other=True)
    assert editor.value == 0.0
