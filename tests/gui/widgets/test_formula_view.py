"""Formulas are typeset and coloured, wrap to the width, and fall back to readable text."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from engine.rules import rules
from gui.widgets import formula_svg
from gui.widgets.formula_svg import SIZE_PX, formulas_of_rules, render_svg, split_formulas, typeset
from gui.widgets.formula_view import FormulaView, plain_formula, renderer_of

RED = QColor("#e4572e")


def ink(view: FormulaView) -> list[QColor]:
    """Colours of all pixels that differ from the background."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    background = image.pixelColor(image.width() - 1, image.height() - 1)
    pixels = (image.pixelColor(x, y) for y in range(image.height()) for x in range(image.width()))
    return [color for color in pixels if color != background]


def test_a_formula_is_drawn_in_its_colour(qtbot: QtBot) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    view.set_latex(r"\bar{a} = g", RED)
    view.resize(200, view.heightForWidth(200))
    assert view.is_typeset
    drawn = ink(view)
    assert drawn
    assert min(abs(c.red() - RED.red()) + abs(c.green() - RED.green()) + abs(c.blue() - RED.blue()) for c in drawn) < 12


def test_formulas_that_do_not_fit_side_by_side_go_below_each_other(qtbot: QtBot) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    view.set_latex(r"\bar{a} = g \odot b,\quad \bar{b} = g \odot a", RED)
    assert view.heightForWidth(90) > 1.5 * view.heightForWidth(400)


def test_what_cannot_be_typeset_is_shown_as_text(qtbot: QtBot) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    view.set_latex(r"\frac{a", RED)
    view.resize(200, max(view.heightForWidth(200), 20))
    assert not view.is_typeset
    assert ink(view)


def test_the_same_formula_is_typeset_once() -> None:
    render_svg.cache_clear()
    first = render_svg("x^2", 19.0, "#000000")
    assert first is render_svg("x^2", 19.0, "#000000")
    assert render_svg.cache_info().misses == 1


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\bar{a} = g,\quad \bar{b} = \alpha\, g", [r"\bar{a} = g", r"\bar{b} = \alpha\, g"]),
        (r"a\qquad b", ["a", "b"]),
        (r"\begin{cases} 1 \\ 2 \end{cases}", [r"\begin{cases} 1 \\ 2 \end{cases}"]),
        ("", []),
    ],
)
def test_lists_of_formulas_are_taken_apart(latex: str, parts: list[str]) -> None:
    assert split_formulas(latex) == parts


def test_a_formula_has_words_for_a_screen_reader() -> None:
    assert plain_formula(r"\bar{a} = \frac{g}{2} \cdot \sigma(x)") == "a\u0305 = (g)/(2) · σ(x)"


def test_every_rule_of_the_engine_can_be_typeset() -> None:
    failures = []
    for name, rule in rules().items():
        for latex in (rule.forward, rule.vjp):
            failures += [(name, part) for part in split_formulas(latex) if render_svg(part, 19.0, "#000000") is None]
    assert not failures


def test_no_formula_touches_the_border_of_its_picture() -> None:
    touching = []
    for latex in formulas_of_rules():
        renderer = renderer_of(latex, SIZE_PX, "#000000")
        assert renderer is not None, latex
        size = renderer.defaultSize() * 2
        image = QImage(size, QImage.Format.Format_Alpha8)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)[:, : image.width()]
        assert rows.any(), latex
        edges = (rows[0], rows[-1], rows[:, 0], rows[:, -1])
        touching += [latex] if any((edge > 48).any() for edge in edges) else []
    assert touching == []


def test_the_stored_formulas_are_those_of_the_rules() -> None:
    """What is stored is what the typesetter makes; `python -m gui.widgets.formula_svg` writes it anew."""
    wanted = formulas_of_rules()
    assert sorted(formula_svg._stored()) == wanted
    for latex in wanted[:: max(1, len(wanted) // 8)]:
        assert formula_svg._stored()[latex] == typeset(latex, SIZE_PX)


def test_no_rule_is_cut_whatever_the_width(qtbot: QtBot) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    for rule in rules().values():
        for latex in (rule.forward, rule.vjp) if not rule.is_text else ():
            view.set_latex(latex, RED)
            for width in (240, 288, 400):
                assert all(area.bottom() < view.heightForWidth(width) for area in view._areas(width)), latex


def _inked_rows(view: FormulaView, left: int, width: int) -> list[int]:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    background = image.pixelColor(image.width() - 1, image.height() - 1)
    columns = range(left, min(left + width, image.width()))
    return [y for y in range(image.height()) if any(image.pixelColor(x, y) != background for x in columns)]


@pytest.mark.parametrize("latex", [r"\bar{a} = n \quad \bar{b} = n", r"\bar{a} = n \quad \frac{a}{b} = n"])
def test_formulas_of_a_row_stand_on_one_baseline(qtbot: QtBot, latex: str) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    view.set_latex(latex, RED)
    view.resize(300, view.heightForWidth(300))
    first, second = view._areas(300)
    assert first.left() < second.left()
    # Both end with the same letter, whose feet stand on the baseline.
    feet = [_inked_rows(view, area.right() - 8, 8)[-1] for area in (first, second)]
    assert feet[0] == feet[1]
