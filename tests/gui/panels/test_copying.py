"""What panels show can be copied: from a menu, and with the usual key where the focus is."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.diagnose import Finding
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels import problems
from gui.panels.engine import EnginePanel
from gui.panels.problems import ProblemsPanel
from gui.panels.watch import WatchPanel
from gui.theme import LIGHT, ThemeManager
from gui.watching import Watch, WatchModel
from gui.widgets.expression_view import ExpressionView, Stretch
from gui.widgets.formula_view import FormulaView

from .programs import Neuron, matrices

Z = 4


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    document = Document()
    document.set_trace(Neuron().trace())
    QGuiApplication.clipboard().clear()
    return document


def _copied(widget: QWidget) -> str:
    """By the key; the menu offers the same."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    by_key = QGuiApplication.clipboard().text()
    QGuiApplication.clipboard().clear()
    assert widget.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    next(action for action in widget.actions() if action.text().startswith("Copy")).trigger()
    assert QGuiApplication.clipboard().text() == by_key
    return by_key


def _shown(qtbot: QtBot, panel: QWidget) -> None:
    qtbot.addWidget(panel)
    panel.resize(320, 500)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)


def test_a_formula_is_copied_as_latex(qtbot: QtBot, document: Document) -> None:
    view = FormulaView()
    qtbot.addWidget(view)
    view.set_latex(r"\bar{a} = g \odot b,\quad \bar{b} = g", QColor("black"))
    action = view.actions()[0]
    assert action.text() == "Copy as LaTeX"
    action.trigger()
    assert QGuiApplication.clipboard().text() == r"\bar{a} = g \odot b \quad \bar{b} = g"


def test_numbers_put_in_are_copied_with_all_digits(qtbot: QtBot, document: Document) -> None:
    view = ExpressionView()
    _shown(qtbot, view)
    view.show_lines([[Stretch("0.08", "gradient")]], LIGHT, "0.0816602604")
    assert _copied(view) == "0.0816602604"


def test_the_exact_number_of_a_watched_value(qtbot: QtBot, document: Document) -> None:
    model = WatchModel(document)
    panel = WatchPanel(document, model, ThemeManager(document))
    _shown(qtbot, panel)
    model.toggle(Watch(Z))
    panel.list.setCurrentIndex(panel.list.model().index(0, 0))
    value = document.trace.value(Z) if document.trace is not None else None
    assert value is not None
    assert np.float32(_copied(panel.list)) == np.float32(value)
    document.set_trace(matrices())
    model.toggle(Watch(0))
    panel.list.setCurrentIndex(panel.list.model().index(0, 0))
    assert _copied(panel.list) == panel.texts()[0]


def test_a_row_of_the_engine(qtbot: QtBot, document: Document) -> None:
    panel = EnginePanel(document, ThemeManager(document))
    _shown(qtbot, panel)
    panel.refresh()
    panel.list.setCurrentIndex(panel.model.index(0, 0, panel.model.index(0, 0)))
    row = panel.model.sections[0].rows[0]
    assert _copied(panel.list) == f"{row.text}, {row.detail}"


def test_a_finding_in_full_with_its_menu(qtbot: QtBot, document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding(
        kind="nan-forward", severity="error", node_id=Z, title="<b>First</b>", reason="Because.", cure="Do not."
    )

    def found(_trace: Trace) -> list[Finding]:
        return [finding]

    monkeypatch.setattr(problems, "diagnose", found)
    panel = ProblemsPanel(document, ThemeManager(document))
    _shown(qtbot, panel)
    copied = _copied(panel.list).split("\n")
    assert copied[0] == "<b>First</b>"
    assert copied[-2:] == ["Because.", "Do not."]
    tip = str(panel.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole))
    assert "&lt;b&gt;First" in tip
    action = next(action for action in panel.list.actions() if action.text() == "Show me")
    document.select(None)
    action.trigger()
    assert document.selection == Z
    panel.shut_down()


def test_buttons_of_a_finding_are_whole_in_a_narrow_panel(
    qtbot: QtBot, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding(kind="nan-forward", severity="error", node_id=Z, title="First", reason="Because.", cure="No.")

    def found(_trace: Trace) -> list[Finding]:
        return [finding]

    monkeypatch.setattr(problems, "diagnose", found)
    panel = ProblemsPanel(document, ThemeManager(document))
    _shown(qtbot, panel)
    panel.resize(170, 500)
    panel.trace_back.show()
    qtbot.waitUntil(lambda: panel.trace_back.y() > panel.show_me.y())
    for button in (panel.show_me, panel.trace_back):
        assert button.width() >= button.sizeHint().width()
    panel.shut_down()
