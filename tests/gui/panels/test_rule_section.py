"""For every rule the section is drawn whole: formulas, and a real step's numbers put in, which give its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

pytest.importorskip("torch")

from engine import Trace
from engine.graph.stepper import Stepper
from engine.rules import rules
from gui.panels.moment import Moment
from gui.panels.rule_section import RuleSection
from gui.panels.substitution import MOST_LINES
from gui.theme import LIGHT
from tests.engine.rules.cases import every_case
from tests.engine.rules.cells.recorded import accumulated, copy_slices, made_by_hand, recorded_call

CASES = every_case()
FIRST = {case[0]: case for case in reversed(CASES)}


def real_trace(name: str) -> Trace:
    if name == "AccumulateGrad":
        return accumulated()
    if name == "CopySlices":
        return copy_slices()
    if name in FIRST:
        return recorded_call(*FIRST[name][1:])
    return made_by_hand(name, FIRST["ScaledDotProductFlashAttentionForCpuBackward0"])


@pytest.fixture(scope="module")
def section(qapp: QCoreApplication) -> Iterator[RuleSection]:
    section = RuleSection()
    section.resize(320, 1600)
    section.show()
    yield section
    section.close()
    section.deleteLater()


@pytest.mark.parametrize("name", sorted(rules()))
def test_the_numbers_put_in_are_drawn_and_give_the_gradient(section: RuleSection, name: str) -> None:
    trace = real_trace(name)
    step = next(step for step in trace.backward if step.node.grad_fn == name)
    stepper = Stepper(trace)
    stepper.move_to(step.index + 1)
    section.show_moment(Moment(trace, stepper, step.node, 0, LIGHT, {}))
    for _ in range(3):  # heights follow from widths, one level of layouts after the other
        QCoreApplication.processEvents()
    assert section.forward.is_typeset
    assert section.vjp.is_typeset
    views = section.numbers.shown
    assert views, section.numbers.note.text()
    for view in views:
        assert "→" in view.lines.text()
        assert view.lines.height() >= view.lines.heightForWidth(view.lines.width()), "nothing is cut"
        assert not view.lines.stretches("bad"), "the recorded gradient is what is written"
        assert _ink(view.lines.grab().toImage()) > 20
        if not view.heat.isHidden():
            assert _ink(view.heat.grab().toImage()) > 20
            assert view.lines.text().count("→") == 1
        else:
            assert 1 <= view.lines.text().count("→") <= MOST_LINES


def _ink(image: QImage) -> int:
    """Pixels that differ from the first one."""
    first = image.pixel(0, 0)
    return sum(image.pixel(x, y) != first for y in range(0, image.height(), 2) for x in range(image.width()))


def test_pytorchs_own_formula_and_the_jacobian_are_shown_on_request(section: RuleSection, qtbot: QtBot) -> None:
    trace = real_trace("SigmoidBackward0")
    step = next(step for step in trace.backward if step.node.grad_fn == "SigmoidBackward0")
    stepper = Stepper(trace)
    stepper.move_to(step.index + 1)
    section.show_moment(Moment(trace, stepper, step.node, 0, LIGHT, {}))
    assert section.derivative.isHidden()
    section.derivative_link.click()
    assert section.derivative.text().startswith("sigmoid(Tensor self) -> Tensor")
    assert section.jacobian.isHidden()
    section.jacobian_link.click()
    assert len(section.jacobian.matrices) == 1
    section.derivative_link.click()
    section.jacobian_link.click()
    assert section.jacobian.isHidden()
    assert section.derivative.isHidden()
