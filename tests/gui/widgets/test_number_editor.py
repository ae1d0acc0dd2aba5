"""The spin box and the slider of one number."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
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


@pytest.mark.parametrize(
    ("value", "text"), [(1e-38, "1e−38"), (-1e38, "−1e+38"), (1.5e308, "1.5e+308"), (2e-300, "2e−300")]
)
def test_small_and_large_numbers_are_shown_as_what_they_are(editor: NumberEditor, value: float, text: str) -> None:
    told = _told(editor)
    editor.set_value(value, is_other=True)
    assert (editor.value, editor.spin.value()) == (value, value)
    assert editor.spin.text() == text
    assert told == []


@pytest.mark.parametrize("text", ["1e-38", "0.1", "16777217", "0.12345679", "-2.2", "3.4028235e+38", "1e-45"])
def test_a_float32_is_shown_by_the_shortest_decimal_that_gives_it(editor: NumberEditor, text: str) -> None:
    told = _told(editor)
    single = np.float32(text)
    editor.set_value(float(single), is_other=True)
    shown = editor.spin.text().replace("−", "-")
    assert np.float32(shown) == single
    assert len(shown) <= len(text)
    editor.spin.interpretText()  # as when the field is left
    assert told == []


def test_nine_digits_are_typed_and_kept(editor: NumberEditor, qtbot: QtBot) -> None:
    told = _told(editor)
    editor.spin.selectAll()
    qtbot.keyClicks(editor.spin, "1.00000012")
    qtbot.keyClick(editor.spin, Qt.Key.Key_Return)
    assert told == [(1.00000012, False)]


@pytest.mark.parametrize("value", [1e-38, -0.0023675441, -1.234567e-38, 9007199254740993.0])
def test_a_number_has_room_in_the_spin_box(editor: NumberEditor, value: float) -> None:
    editor.set_value(value, is_other=True)
    line = editor.spin.lineEdit()
    margins = line.textMargins()
    room = line.width() - margins.left() - margins.right() - 4  # a line edit keeps 2 pixels at each side
    assert QFontMetrics(line.font()).horizontalAdvance(line.text()) <= room


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "∞"), (float("-inf"), "−∞")])
def test_what_is_not_finite_is_named_and_can_be_made_a_number(
    editor: NumberEditor, qtbot: QtBot, value: float, word: str
) -> None:
    told = _told(editor)
    editor.set_value(value, is_other=True)
    assert editor.spin.text() == word
    assert told == []
    editor.spin.selectAll()
    qtbot.keyClicks(editor.spin, "0")
    qtbot.keyClick(editor.spin, Qt.Key.Key_Return)
    assert told == [(0.0, False)]
    assert editor.spin.text() == "0"


def test_a_step_away_from_infinity_begins_at_zero(editor: NumberEditor) -> None:
    editor.set_value(float("inf"), is_other=True)
    told = _told(editor)
    editor.spin.stepUp()
    assert told == [(0.0, False)]
    editor.spin.stepUp()
    assert told[-1][0] > 0


def test_infinity_is_not_typed(editor: NumberEditor, qtbot: QtBot) -> None:
    editor.set_value(1.0, is_other=True)
    told = _told(editor)
    editor.spin.selectAll()
    qtbot.keyClicks(editor.spin, "inf")
    qtbot.keyClick(editor.spin, Qt.Key.Key_Return)
    assert told == []
    assert editor.spin.text() == "1"
