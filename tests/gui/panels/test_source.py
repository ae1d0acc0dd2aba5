"""The code panel marks the step's line, prints gradients at the margin, and ties lines to nodes in both directions."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QTextDocument, QTextOption
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.numbers import format_number
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.code_lines import CodeLines, LineFact
from gui.panels.highlight import line_spans
from gui.panels.hover_card import card
from gui.panels.source import SourcePanel
from gui.theme import DARK, LIGHT, Theme, ThemeManager

from .programs import NEURON_CODE, NEURON_FILE, Neuron, matrices

W, MUL, B, Z, A, LOSS = 1, 2, 3, 4, 5, 7


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    return Document()


@pytest.fixture
def panel(qtbot: QtBot, document: Document) -> SourcePanel:
    themes = ThemeManager(document)
    themes.choose("light")
    panel = SourcePanel(document, themes)
    qtbot.addWidget(panel)
    panel.resize(320, 300)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def click_line(panel: SourcePanel, qtbot: QtBot, line: int) -> None:
    view = panel.view
    block = view.document().findBlockByNumber(line - 1)
    top = view.blockBoundingGeometry(block).translated(view.contentOffset()).top()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, int(top) + 4))


def test_without_code_it_says_so(panel: SourcePanel) -> None:
    assert not panel.view.isVisible()
    assert panel.file is None


def test_the_line_of_the_step_is_marked(panel: SourcePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    assert panel.view.marks == (None, None, None)
    found: list[int | None] = []
    for position in range(1, 7):
        document.move_to(position)
        found.append(panel.view.marks[0])
    assert found == [10, 9, 8, 8, 8, 8]
    assert panel.view.toPlainText() == NEURON_CODE.removesuffix("\n")


def test_gradients_appear_at_the_margin_as_they_are_reached(panel: SourcePanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    assert panel.view.margin_texts == {10: "1"}
    document.move_to(1)
    assert panel.view.margin_texts == {10: "1", 9: format_number(neuron.grad_a)}
    document.move_to_end()
    assert panel.view.margin_texts == {
        10: "1",
        9: format_number(neuron.grad_a),
        8: format_number(neuron.grad_z),
    }
    document.move_to_start()
    assert panel.view.margin_texts == {10: "1"}


def test_a_click_selects_the_result_of_the_line_and_again_the_next(
    panel: SourcePanel, document: Document, qtbot: QtBot
) -> None:
    document.set_trace(Neuron().trace())
    chosen = []
    for _ in range(3):
        click_line(panel, qtbot, 8)
        chosen.append(document.selection)
    assert chosen == [Z, MUL, Z]
    click_line(panel, qtbot, 3)
    assert document.selection == Z


def test_the_selection_marks_its_line_and_brings_it_into_view(
    panel: SourcePanel, document: Document, qtbot: QtBot
) -> None:
    trace = Neuron().trace()
    code = NEURON_CODE + "\n" * 200
    trace.sources = {NEURON_FILE: code}
    document.set_trace(trace)
    panel.view.verticalScrollBar().setValue(150)
    document.select(A)
    assert panel.view.marks == (None, 9, None)
    qtbot.waitUntil(lambda: panel.view.verticalScrollBar().value() < 9)


def test_a_line_in_view_stays_in_view_when_the_panel_becomes_small(
    panel: SourcePanel, document: Document, qtbot: QtBot
) -> None:
    trace = Neuron().trace()
    trace.sources = {NEURON_FILE: NEURON_CODE + "\n" * 200}
    document.set_trace(trace)
    panel.resize(320, 600)
    document.select(A)
    bar = panel.view.verticalScrollBar()
    assert bar.value() == 0
    panel.resize(320, 140)
    assert bar.value() < 9 <= bar.value() + panel.view.viewport().height() // 18, "the line is still seen"
    bar.setValue(150)
    panel.resize(320, 120)
    assert bar.value() == 150, "somewhere else the user has looked"


def test_the_file_with_most_nodes_is_shown_first_and_others_can_be_chosen(
    panel: SourcePanel, document: Document
) -> None:
    trace = matrices()
    trace.sources = {"/home/user/other.py": "pass\n", **trace.sources}
    document.set_trace(trace)
    assert panel.file == "/home/user/square.py"
    assert panel.files.isVisible()
    panel.files.setCurrentIndex(panel.files.findText("other.py"))
    assert panel.view.toPlainText() == "pass"
    assert panel.view.marks == (None, None, None)
    document.move_to(1)
    assert panel.file == "/home/user/square.py"


def test_sources_are_shown_before_there_is_a_trace(panel: SourcePanel, document: Document) -> None:
    document.set_sources({"/tmp/a.py": "x = 1\n"})
    assert panel.view.isVisible()
    assert not panel.files.isVisible()
    assert panel.view.toPlainText() == "x = 1"
    document.set_sources({})
    assert not panel.view.isVisible()


def test_a_line_that_python_cannot_read_is_marked_though_nothing_ran(panel: SourcePanel, document: Document) -> None:
    document.set_sources({"/tmp/a.py": "x = 1\ny = (\n"}, ("/tmp/a.py", 2))
    assert panel.view.marks == (None, None, 2)
    document.set_sources({"/tmp/a.py": "x = 1\ny = (\n"})
    assert not any(panel.view.marks)


def test_the_line_at_which_a_later_step_failed_is_marked(panel: SourcePanel, document: Document) -> None:
    trace, path = matrices(), "/home/user/square.py"
    document.set_sources(trace.sources)
    document.set_trace(trace)
    assert panel.view.marks[2] is None
    document.set_sources(trace.sources, (path, 2))
    assert panel.view.marks[2] == 2
    document.move_to(1)
    assert panel.view.marks[2] == 2, "wherever one is in the step that was recorded"
    document.set_sources(trace.sources)
    assert panel.view.marks[2] is None


def test_the_line_that_failed_is_marked(panel: SourcePanel, document: Document) -> None:
    whole = Neuron().trace()
    partial = Trace(
        whole.graph, sources=whole.sources, error="ValueError: no", error_source=(NEURON_FILE, 10), target="neuron.py"
    )
    document.set_trace(partial)
    assert panel.view.marks == (None, None, 10)
    image = panel.view.viewport().grab().toImage()
    block = panel.view.document().findBlockByNumber(9)
    y = int(panel.view.blockBoundingGeometry(block).translated(panel.view.contentOffset()).top()) + 2
    tint = image.pixelColor(image.width() - 3, y)
    assert tint.red() > tint.green() + 10


def test_hovering_tells_values_and_gradients(panel: SourcePanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    describe = panel.view.describe
    assert describe is not None
    assert format_number(neuron.a) in describe(9, "a")
    assert "gradient" not in describe(9, "a")
    document.move_to(1)
    assert format_number(neuron.grad_a) in describe(9, "a")
    assert "gradient" in describe(9, "a")
    line = describe(8, "")
    assert "mul" in line
    assert "z&nbsp;(add)" in line
    assert describe(2, "") == ""


def test_a_theme_change_recolours_it(panel: SourcePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(3)

    def colors() -> set[str]:
        image = panel.view.grab().toImage()
        return {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(0, image.height(), 3)}

    light = colors()
    assert {LIGHT.surface.name(), LIGHT.current_line.name(), LIGHT.accent.name()} <= light
    panel._themes.choose("dark")
    dark = colors()
    assert {DARK.surface.name(), DARK.current_line.name(), DARK.accent.name()} <= dark
    assert LIGHT.surface.name() not in dark


def test_lines_are_counted_as_python_counts_them(panel: SourcePanel, document: Document) -> None:
    document.set_sources({"/tmp/a.py": "a = 1\r\nb = '\u2028 \u2029'\rc = 3\x0c\nd = 4"})
    assert panel.view.blockCount() == 4


@pytest.mark.parametrize("code", ["def f(:\n  '", "é = '𝒳'  # 🙂\nx", "", "\t\x00\x01"])
def test_code_that_does_not_parse_is_still_coloured_line_by_line(code: str) -> None:
    spans = line_spans(code)
    lines = code.split("\n")
    assert len(spans) == len(lines)
    for line, found in zip(lines, spans, strict=True):
        assert all(start + length <= len(line.encode("utf-16-le")) // 2 for start, length, _ in found)


def test_a_leaf_made_elsewhere_stands_at_its_first_use() -> None:
    lines = CodeLines(Neuron().trace())
    assert lines.place(W) == (NEURON_FILE, 8)
    assert lines.result(NEURON_FILE, 8) == Z
    assert lines.result(NEURON_FILE, 3) is None
    node = lines.variable("w", NEURON_FILE, 8)
    assert node is not None
    assert node.id == W


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_card_of_a_line_breaks_no_cell_and_has_the_colours_of_values_and_gradients(
    qtbot: QtBot, theme: Theme
) -> None:
    facts = [LineFact("second.weight (leaf)", "norm 1.186", "norm 0.5327"), LineFact("t <b>", "-1.00e-38", "")]
    text = card(facts, 3, theme)
    document = QTextDocument()
    document.setHtml(text)
    document.setDefaultTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))  # breaks at spaces alone
    document.setTextWidth(200)  # less than the table takes
    document.documentLayout().documentSize()  # lays it out
    blocks = [document.findBlockByNumber(number) for number in range(document.blockCount())]
    texts = {block.text().strip().replace("\xa0", " ") for block in blocks}
    assert {"second.weight (leaf)", "norm 0.5327", "t <b>", "value", "gradient", "and 3 more"} <= texts
    for block in blocks:
        if "more" not in block.text():
            assert block.layout().lineCount() <= 1, block.text()
    colors = {
        block.text().strip().replace("\xa0", " "): block.begin().fragment().charFormat().foreground().color().name()
        for block in blocks
        if block.text().strip()
    }
    inverted = DARK if theme is LIGHT else LIGHT
    assert colors["norm 1.186"] == inverted.data_text.name()
    assert colors["norm 0.5327"] == inverted.accent_text.name()


def test_there_is_no_card_without_facts() -> None:
    assert card([], 0, LIGHT) == ""


def test_code_fades_out_below_a_gradient(panel: SourcePanel, document: Document) -> None:
    view = panel.view
    document.set_sources({"/a.py": "\u2588" * 200})
    view.set_margin({1: "1"}, {1})
    view.repaint()
    image = view.grab().toImage()
    line = view.blockBoundingGeometry(view.firstVisibleBlock()).translated(view.contentOffset())
    y = round(line.center().y()) + view.viewport().y()
    row = [image.pixelColor(x, y).lightness() for x in range(view.width() - 60, view.width())]
    levels = sorted(set(row))
    assert len(levels) > 8, "from the code's colour to the surface's by and by"
    assert levels[-1] > 240


def test_a_line_that_begins_with_a_name_written_from_right_to_left_is_still_code(
    panel: SourcePanel, document: Document
) -> None:
    document.set_sources({"/tmp/a.py": "    \u05de\u05e6\u05d1 = torch.tanh(x)\nloss = x\n"})
    block = panel.view.document().firstBlock()
    panel.view.grab()
    line = block.layout().lineAt(0)
    ends = [line.cursorToX(place)[0] for place in (4, block.length() - 1)]  # type: ignore[index]
    assert ends[0] < ends[1], "what is written first stands at the left"
    assert line.cursorToX(0)[0] == 0.0  # type: ignore[index]
