"""Labels elide instead of growing, keep the whole text at hand, and show markup and control characters as text."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.widgets.text import ElidedLabel, LinkButton, plain, tooltip


def test_what_does_not_fit_is_elided_and_found_in_the_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("a rather long name that does not fit")
    qtbot.addWidget(label)
    label.show()
    label.resize(60, 20)
    assert label.text().endswith("…")
    assert "does not fit" in label.toolTip()
    label.resize(600, 20)
    assert label.text() == label.whole_text
    assert label.toolTip() == ""


def test_copy_takes_the_whole_or_the_exact_text(qtbot: QtBot) -> None:
    label = ElidedLabel("a rather long name that does not fit")
    qtbot.addWidget(label)
    label.show()
    label.resize(60, 20)
    (copy,) = label.actions()
    copy.trigger()
    assert QApplication.clipboard().text() == "a rather long name that does not fit"
    label.set_text("0.0817", exact="0.08166026")
    copy.trigger()
    assert QApplication.clipboard().text() == "0.08166026"


def test_a_long_text_asks_for_no_room(qtbot: QtBot) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    layout = QVBoxLayout(box)
    layout.addWidget(ElidedLabel("x" * 5000))
    layout.addWidget(LinkButton("y" * 5000, QColor("blue")))
    assert box.minimumSizeHint().width() < 80


def test_a_link_keeps_its_hint_and_says_the_whole_where_it_is_cut(qtbot: QtBot) -> None:
    link = LinkButton("a <long> name of a variable", QColor("blue"))
    qtbot.addWidget(link)
    link.set_hint("Show where")
    link.show()
    link.resize(link.sizeHint())
    assert link.toolTip() == "<qt>Show where</qt>"
    link.resize(60, 20)
    assert link.toolTip() == "<qt>a &lt;long&gt; name of a variable<br>Show where</qt>"


def test_a_link_is_pressed_by_key_and_makes_no_shortcut_of_its_name(qtbot: QtBot) -> None:
    link = LinkButton("&quit", QColor("blue"))
    qtbot.addWidget(link)
    assert link.whole_text == "&quit"
    assert link.shortcut().isEmpty()
    with qtbot.waitSignal(link.clicked, timeout=1000):
        QTest.keyClick(link, Qt.Key.Key_Space)


@pytest.mark.parametrize(("text", "shown"), [("a\nb\tc", "a b c"), ("x\u202ey", "x y"), ("<b>", "<b>")])
def test_control_characters_become_spaces(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert len(plain("z" * 10**6)) <= 4000


def test_tooltips_are_escaped() -> None:
    assert tooltip("<img src='x'>&") == "<qt>&lt;img src='x'&gt;&amp;</qt>"
    assert tooltip("") == ""


def test_a_link_without_room_is_never_empty(qtbot: QtBot) -> None:
    link = LinkButton("…", QColor("black"))
    qtbot.addWidget(link)
    link.show()
    link.resize(max(link.sizeHint().width() - 4, 1), link.height())
    picture = link.grab().toImage()
    colors = {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}
    assert len(colors) > 1, "the dots are drawn"
