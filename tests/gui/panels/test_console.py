"""Tests of the console: what is shown of any output, and that it stays bounded."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.session.events import Output
from gui.bridge import join_outputs
from gui.panels.console import MAX_LINES, MAX_WAITING, ConsolePanel
from gui.panels.console_text import MAX_LINE, ConsoleText
from gui.theme import DARK, LIGHT, ThemeManager


def shown(*chunks: str) -> list[str]:
    """Lines that a terminal would end up with."""
    text, lines = ConsoleText(), [""]
    for chunk in chunks:
        for piece in text.feed(chunk):
            lines[-1] = piece.text if piece.replaces else lines[-1] + piece.text
            if piece.ends:
                lines.append("")
    return lines


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        (["a\nb"], ["a", "b"]),
        (["a\r\nb\r\n"], ["a", "b", ""]),
        (["10%\r20%\r30%\n"], ["30%", ""]),
        (["10%\r", "20%\r", "30%"], ["30%"]),
        (["10%", "\r20%"], ["20%"]),
        (["10%\r", "\n"], ["10%", ""]),
        (["\x1b[31mred\x1b[0m"], ["red"]),
        (["\x1b[3", "1mred"], ["red"]),
        (["\x1b]0;title\x07x"], ["x"]),
        (["ab\b\bcd"], ["cd"]),
        (["a\x07b\x00"], ["a␇b␀"]),
        (["a\u202eb"], ["a\\u202eb"]),
    ],
)
def test_lines(chunks: list[str], lines: list[str]) -> None:
    assert shown(*chunks) == lines


@given(st.text(alphabet="ab\n\r\x1b[3m", max_size=40), st.integers(0, 40))
def test_nothing_depends_on_where_the_output_was_cut(text: str, cut: int) -> None:
    if "\r\n" in text or text[cut - 1 : cut] == "\r":
        text = text.replace("\r", "")
    assert shown(text[:cut], text[cut:]) == shown(text)


@given(st.text(max_size=200))
def test_no_control_character_is_left(text: str) -> None:
    assert not any(unicodedata.category(character) == "Cc" for character in "".join(shown(text)).replace("\t", ""))


def test_long_lines_are_broken() -> None:
    lines = shown("x" * (3 * MAX_LINE + 5))
    assert [len(line) for line in lines] == [MAX_LINE] * 3 + [5]


@pytest.fixture
def console(qtbot: QtBot) -> Iterator[ConsolePanel]:
    themes = ThemeManager()
    themes.choose("light")
    console = ConsolePanel(themes)
    themes.setParent(console)
    qtbot.addWidget(console)
    console.resize(500, 160)
    console.show()
    yield console
    console.clear()


def test_output_is_shown_within_a_frame_or_two(console: ConsolePanel, qtbot: QtBot) -> None:
    console.append("stdout", "one\n")
    console.append("stdout", "two\n")
    qtbot.waitUntil(lambda: console.text.toPlainText() == "one\ntwo")


def test_a_line_of_another_stream_begins_on_its_own_line(console: ConsolePanel) -> None:
    console.append("stdout", "half")
    console.append("stderr", "bad\n")
    console.append("stdout", "rest")
    console.show_now()
    assert console.text.toPlainText().split("\n") == ["half", "bad", "rest"]
    document = console.text.document()

    def color(number: int) -> str:
        return document.findBlockByNumber(number).begin().fragment().charFormat().foreground().color().name()

    assert [color(number) for number in range(3)] == [LIGHT.text.name(), LIGHT.accent_text.name(), LIGHT.text.name()]
    console._themes.choose("dark")
    assert [color(number) for number in range(3)] == [DARK.text.name(), DARK.accent_text.name(), DARK.text.name()]


def test_markup_stays_text(console: ConsolePanel) -> None:
    console.append("stdout", "<b>x</b><script>")
    console.show_now()
    assert console.text.toPlainText() == "<b>x</b><script>"


def test_a_flood_is_cut_in_the_middle_and_bounded(console: ConsolePanel) -> None:
    line = "x" * 79 + "\n"
    console.append("stdout", "first\n")
    console.show_now()
    for _ in range(20):
        console.append("stdout", line * 5000)
    console.append("stdout", "last\n")
    assert console._waiting_size <= MAX_WAITING
    console.show_now()
    text = console.text.toPlainText()
    assert text.startswith("first\n")
    assert text.endswith("last")
    assert "characters left out" in text
    for _ in range(5):
        console.append("stdout", "y\n" * 6000)
        console.show_now()
    assert console.text.blockCount() <= MAX_LINES


def test_it_follows_the_end_unless_scrolled_up(console: ConsolePanel) -> None:
    console.append("stdout", "".join(f"line {number}\n" for number in range(200)))
    console.show_now()
    bar = console.text.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(20)
    console.append("stdout", "more\n" * 50)
    console.show_now()
    assert bar.value() == 20


def test_find_copy_and_clear(console: ConsolePanel, qtbot: QtBot) -> None:
    console.append("stdout", "alpha\nbeta\nalpha\n")
    console.show_now()
    console.text.setFocus()
    QTest.keyClick(console.text, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    console.query.setText("alpha")
    first = console.text.textCursor().blockNumber()
    assert console.find_next()
    assert {first, console.text.textCursor().blockNumber()} == {0, 2}
    console.copy()
    assert QGuiApplication.clipboard().text() == "alpha"
    console.query.setText("gamma")
    assert not console.find_next()
    assert console._result.text() == "not found"
    console.clear()
    assert console.text.toPlainText() == ""


def test_ten_thousand_coloured_lines_at_once_are_all_there(console: ConsolePanel) -> None:
    lines = [f"\x1b[3{k % 8}mline {k}\x1b[0m of a long output, with numbers {k * 7}" for k in range(MAX_LINES - 1)]
    written = [Output(stream="stdout", text=f"{line}\n") for line in lines]
    bar = [Output(stream="stdout", text=f"\rprogress {k}%") for k in range(0, 101, 2)]
    for stream, text in join_outputs([*written, *bar]):
        console.append(stream, text)
    console.show_now()
    shown = console.text.toPlainText().splitlines()
    assert shown[0] == "line 0 of a long output, with numbers 0"
    assert shown[-2:] == ["line 9998 of a long output, with numbers 69986", "progress 100%"]
    assert len(shown) == MAX_LINES
