"""Lessons follow the cursor, take every number from the trace, and let the learner predict the next one."""

from __future__ import annotations

import re
from html import unescape

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.catalogue import DEMOS
from engine.graph.model import SavedTensor
from engine.graph.numbers import format_number
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.lesson import LessonPanel
from gui.panels.lesson_text import load_lesson, paragraph_html, parse_lesson
from gui.theme import LIGHT, ThemeManager

from .programs import Neuron, matrices


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    return Document()


@pytest.fixture
def panel(qtbot: QtBot, document: Document) -> LessonPanel:
    themes = ThemeManager(document)
    themes.choose("light")
    panel = LessonPanel(document, themes)
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def plain(panel: LessonPanel) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", panel.text.text().replace("</span>", "")))


def test_without_a_trace_it_says_what_to_do(panel: LessonPanel) -> None:
    assert "Open a demo" in plain(panel)
    assert not panel.predict.isVisible()


def test_each_step_of_the_neuron_has_its_own_text_with_the_traces_numbers(
    panel: LessonPanel, document: Document
) -> None:
    for neuron in (Neuron(), Neuron(x=-0.7, w=0.3, b=1.5)):
        document.set_trace(neuron.trace())
        panel.set_lesson("demo:neuron")
        numbers = [
            neuron.loss,
            neuron.grad_a,
            neuron.grad_z,
            neuron.grad_z,
            neuron.grad_z,
            neuron.grad_w,
            neuron.grad_w,
        ]
        texts = []
        for position, number in enumerate(numbers):
            document.move_to(position)
            texts.append(plain(panel))
            assert format_number(number) in texts[-1]
            assert panel.title.text() == "One neuron, step by step"
        assert len(set(texts)) == 7


def test_a_demos_trace_brings_its_lesson_along(panel: LessonPanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    assert panel.title.text() == "One neuron, step by step"
    document.set_trace(matrices())
    assert panel.title.text() == "Ready for the backward pass"


def test_values_are_blue_and_gradients_orange(panel: LessonPanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    panel.set_lesson("neuron")
    document.move_to(2)
    html = panel.text.text()
    for number, color in ((neuron.a, LIGHT.data_text), (neuron.grad_z, LIGHT.accent_text)):
        assert re.search(rf'<span style="color:{color.name()}[^>]*>{re.escape(format_number(number))}</span>', html)


def test_a_program_without_a_lesson_is_explained_by_its_rules(panel: LessonPanel, document: Document) -> None:
    trace = matrices()
    document.set_trace(trace)
    panel.set_lesson(None)
    assert panel.title.text() == "Ready for the backward pass"
    document.move_to(2)
    text = plain(panel)
    assert panel.title.text() == "square (mul)"
    assert "square = W * W" in text
    assert "Multiplication switches" in text
    assert "Next:  W (leaf)" in text
    document.move_to(3)
    assert "That was the last step" in plain(panel)


def test_a_failed_program_says_why_there_is_no_backward_pass(panel: LessonPanel, document: Document) -> None:
    document.set_trace(Trace(Neuron().trace().graph, error="ValueError at line 3: <no>"))
    assert panel.title.text() == "No backward pass"
    assert "ValueError at line 3: <no>" in plain(panel)


def test_a_number_is_and_several_have_a_norm(panel: LessonPanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(-1)
    assert "a is  0.9183" in plain(panel)
    document.set_trace(matrices())
    document.move_to(-1)
    assert "has  norm" in plain(panel), plain(panel)
    document.move_to_end()
    assert "now has  norm" in plain(panel)
    assert "is  norm" not in plain(panel)


def test_what_an_operation_keeps_is_called_as_in_the_program(panel: LessonPanel, document: Document) -> None:
    trace = Neuron().trace()
    x = next(node for node in trace.graph.nodes if node.name == "x")
    a = next(node for node in trace.graph.nodes if node.name == "a")
    mul = next(node for node in trace.graph.nodes if node.label == "mul")
    mul.saved = [SavedTensor(name="self", shape=(), dtype="float32", source=(x.id, 0))]
    a.saved = [SavedTensor(name="result", shape=(), dtype="float32", source=(a.id, 0))]
    document.set_trace(trace)
    document.move_to(-3)
    assert "For the way back it keeps  x ." in plain(panel).replace("  x.", "  x .")
    document.move_to(-1)
    assert "For the way back it keeps  its result a" in plain(panel)


def test_a_prediction_is_judged_and_gone_at_the_next_step(panel: LessonPanel, document: Document, qtbot: QtBot) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    document.move_to(3)
    box = panel.predict
    assert box.prompt.text() == "What will b.grad be?"
    for typed, answer in (
        ("12", "✗ No"),
        (format_number(-neuron.grad_z), "✗ Right size, wrong sign"),
        ("a - y", "✓ Right"),
    ):
        box.entry.clear()
        QTest.keyClicks(box.entry, typed)
        QTest.mouseClick(box.check, Qt.MouseButton.LeftButton)
        assert box.answer.text().startswith(answer)
    document.move_to(4)
    assert not box.answer.isVisible()
    assert box.entry.text() == ""
    document.move_to(6)
    assert not box.isVisible()


def test_enter_judges_and_enter_again_takes_the_step(panel: LessonPanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    box = panel.predict
    for position in range(document.length):
        assert document.cursor == position
        QTest.keyClick(box.entry, Qt.Key.Key_Return)  # nothing is typed yet
        QTest.keyClicks(box.entry, "-0.5")
        QTest.keyClick(box.entry, Qt.Key.Key_Return)
        assert document.cursor == position
        assert "Enter takes the step" in box.answer.text()
        QTest.keyClick(box.entry, Qt.Key.Key_4)  # another guess is judged first
        QTest.keyClick(box.entry, Qt.Key.Key_Return)
        assert document.cursor == position
        QTest.keyClick(box.entry, Qt.Key.Key_Return)
    assert document.cursor == document.length


def test_a_theme_change_keeps_what_was_typed(panel: LessonPanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    QTest.keyClicks(panel.predict.entry, "1.5")
    panel._themes.choose("dark")
    assert panel.predict.entry.text() == "1.5"


def test_names_of_the_program_are_never_markup(panel: LessonPanel, document: Document) -> None:
    trace = matrices()
    trace.graph.nodes[1].name = "<img src=x>"
    document.set_trace(trace)
    document.move_to(1)
    assert "<img" not in panel.text.text()
    assert "&lt;img src=x&gt;" in panel.text.text()


def test_every_demo_has_a_lesson_that_reads() -> None:
    for demo in DEMOS:
        lesson = load_lesson(demo.name)
        assert lesson is not None, demo.name
        kinds = [beat.kind for beat in lesson.beats]
        assert kinds[0] == "start"
        assert kinds[-1] == "end"
        assert all(beat.paragraphs for beat in lesson.beats)
    assert load_lesson("nothing-of-that-name") is None
    assert load_lesson("../../secrets") is None


@pytest.mark.parametrize("name", ["neuron", "simplenet"])
def test_a_lesson_has_a_text_and_every_number_for_each_step_of_the_real_program(name: str) -> None:
    pytest.importorskip("torch")
    from engine import trace
    from engine.demos import DEMOS as PROGRAMS
    from engine.demos import load_demo

    function, arguments, keywords = load_demo(PROGRAMS[name])
    recorded = trace(function, *arguments, **keywords)
    lesson = load_lesson(name)
    assert lesson is not None
    for position in range(len(recorded.backward) + 1):
        beat = lesson.beat(recorded, position)
        assert beat is not None, recorded.backward[position - 1].node
        for part in beat.paragraphs:
            assert ">?</span>" not in paragraph_html(part, recorded, LIGHT), part
    assert lesson.beat(recorded, len(recorded.backward)) != lesson.beats[-1], "the last step has a text of its own"


def test_a_lesson_that_is_not_one_is_refused() -> None:
    with pytest.raises(ValueError, match="title"):
        parse_lesson("## start\nhello")
    with pytest.raises(ValueError, match="Not a heading"):
        parse_lesson("# t\n## begin\nhello")


def test_what_the_trace_does_not_know_is_a_question_mark() -> None:
    html = paragraph_html("{value:nobody} {grad:x} {frob:z}", Neuron().trace(), LIGHT)
    assert html.count(">?</span>") == 3
