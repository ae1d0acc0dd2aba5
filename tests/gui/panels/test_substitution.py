"""Numbers put into a rule keep their meaning by colour, and an element of a large gradient can be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.model import TensorInfo
from engine.graph.numbers import format_number
from engine.graph.trace import Trace
from gui.panels.substitution import SubstitutionView
from gui.style import TEXT_SMALL_PT
from gui.theme import LIGHT, mono_font
from gui.widgets.expression_view import ExpressionView, Stretch

from .programs import Neuron, matrices


@pytest.fixture
def view(qtbot: QtBot) -> SubstitutionView:
    view = SubstitutionView()
    qtbot.addWidget(view)
    view.resize(300, 400)
    view.show()
    return view


def test_gradients_are_orange_and_values_blue(view: SubstitutionView) -> None:
    neuron = Neuron()
    trace = neuron.trace()
    view.show_step(trace, trace.backward[4], LIGHT)
    lines = view.shown[0].lines
    assert lines.stretches("gradient") == [format_number(neuron.grad_z), format_number(neuron.grad_w)]
    assert lines.stretches("value") == [format_number(neuron.x)]
    assert lines.stretches("muted") == [" → w"]
    assert view.note.isHidden()


def test_constants_of_the_rule_have_no_colour(view: SubstitutionView) -> None:
    neuron = Neuron()
    trace = neuron.trace()
    view.show_step(trace, trace.backward[1], LIGHT)
    assert view.shown[0].lines.stretches("value") == [format_number(neuron.a)] * 2
    assert "(1 − " in view.text()


def test_names_are_never_markup(view: SubstitutionView) -> None:
    trace = Neuron().trace()
    trace.graph.nodes[1].name = "<i>w</i>\u202e"
    view.show_step(trace, trace.backward[4], LIGHT)
    assert view.text().endswith("→ <i>w</i> ")


def test_the_element_that_is_clicked_is_written_out(view: SubstitutionView, qtbot: QtBot) -> None:
    trace = matrices(6, 9)
    step = trace.backward[1]
    view.show_step(trace, step, LIGHT)
    target = view.shown[0]
    weight = trace.value(0)
    assert weight is not None
    assert target.index == np.unravel_index(int(np.abs(weight).argmax()), weight.shape), "the largest comes first"
    qtbot.wait(1)
    QTest.mouseClick(target.heat, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    row, column = target.index
    assert (row, column) == (0, 0)
    assert f"× {format_number(float(weight[0, 0]))}".replace("× −", "× (−") in target.lines.text()
    assert target.lines.text().endswith("→ W[0, 0]")
    target.choose((5, 8))
    assert format_number(float(weight[5, 8])) in target.lines.text()


def test_a_recorded_gradient_that_differs_is_told(view: SubstitutionView) -> None:
    trace = Neuron().trace()
    info = trace.backward[4].grad_inputs[1]
    assert info is not None
    assert info.array is not None
    info.array = info.array * 2
    view.show_step(trace, trace.backward[4], LIGHT)
    (told,) = view.shown[0].lines.stretches("bad")
    assert told == f" (recorded: {format_number(float(info.array))})"


def test_values_that_were_not_kept_are_offered(view: SubstitutionView, qtbot: QtBot) -> None:
    trace = _without_values(matrices(6, 9))
    view.show_step(trace, trace.backward[1], LIGHT)
    assert "not all kept" in view.note.text()
    assert view.fetch_link.isHidden(), "a trace from a file has no program to run again"
    view.show_step(trace, trace.backward[1], LIGHT, is_fetchable=True)
    with qtbot.waitSignal(view.fetch_requested):
        QTest.mouseClick(view.fetch_link, Qt.MouseButton.LeftButton)


def _without_values(trace: Trace) -> Trace:
    infos = [info for node in trace.graph.nodes for info in node.outputs]
    infos += [info for step in trace.backward for info in (*step.grad_outputs, *step.grad_inputs) if info is not None]
    for info in infos:
        info.recorded_summary, info.array = info.summary, None
    return trace


def test_a_complex_gradient_is_not_said_to_be_too_large(view: SubstitutionView) -> None:
    trace = Neuron().trace()
    step = trace.backward[-1]
    leaf = TensorInfo(shape=(2, 2), dtype="complex64", array=np.ones((2, 2), dtype=np.complex64))
    step.grad_outputs, step.grad_after = [leaf], leaf
    view.show_step(trace, step, LIGHT, is_fetchable=True)
    assert view.note.text() == "These gradients are complex; numbers are put in where they are real."
    assert view.fetch_link.isHidden()


def test_an_empty_gradient_says_that_it_has_no_elements(view: SubstitutionView) -> None:
    trace = Neuron().trace()
    step = trace.backward[-1]
    leaf = TensorInfo(shape=(0, 3), dtype="float32", array=np.ones((0, 3), dtype=np.float32))
    step.grad_outputs, step.grad_after = [leaf], leaf
    view.show_step(trace, step, LIGHT, is_fetchable=True)
    assert view.note.text() == "There are no numbers to put in: what is handed on has no elements."
    assert view.fetch_link.isHidden()


@pytest.mark.parametrize("width", [120, 288])
def test_a_long_name_is_broken_and_not_cut(qtbot: QtBot, width: int) -> None:
    lines = ExpressionView()
    qtbot.addWidget(lines)
    name = "donaudampfschifffahrtsgesellschaftskapitaenskajuetenfenster[0]"
    lines.show_lines([[Stretch("1", "gradient"), Stretch(f" → {name}", "muted")]], LIGHT)
    lines.resize(width, lines.heightForWidth(width))
    pieces = lines.pieces()
    assert "".join(text for text, _, _ in pieces) == f"1 → {name}"
    metrics = QFontMetricsF(mono_font(TEXT_SMALL_PT))
    for text, x, bottom in pieces:
        assert x + metrics.horizontalAdvance(text.rstrip()) <= width + 1
        assert bottom <= lines.height() + 1
