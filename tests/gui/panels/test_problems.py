"""Tests of the problems panel, with real findings of traces made by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QSplitter
from pytestqt.qtbot import QtBot

from engine.diagnose import Finding, diagnose
from gui.document import Document
from gui.panels import problems
from gui.panels.problem_list import ROW_PX, WHERE_ROLE
from gui.panels.problems import ProblemsPanel
from gui.theme import ThemeManager
from tests.gui.panels.programs import Neuron, matrices


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(document: Document, qtbot: QtBot) -> Iterator[ProblemsPanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = ProblemsPanel(document, themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(320, 300)
    panel.show()
    yield panel
    panel.shut_down()


def test_empty_states(panel: ProblemsPanel, document: Document) -> None:
    assert panel.message.startswith("Open a program")
    trace = Neuron().trace()
    assert diagnose(trace) == []
    document.set_trace(trace)
    assert panel.message == "No problems found in this step."
    document.set_trace(None)
    assert panel.message.startswith("Open a program")


def test_findings_are_listed_and_counted(panel: ProblemsPanel, document: Document, qtbot: QtBot) -> None:
    trace = matrices(bad=True)
    expected = diagnose(trace)
    assert expected
    with qtbot.waitSignal(panel.count_changed) as signal:
        document.set_trace(trace)
    assert panel.message == ""
    assert panel.findings == expected
    assert panel.model.rowCount() == len(expected)
    assert signal.args == [sum(finding.severity != "note" for finding in expected)]
    assert panel.title.text() == expected[0].title
    assert panel.reason.text() == expected[0].reason
    assert panel.cure.text() == expected[0].cure
    assert not panel.grab().isNull()
    with qtbot.waitSignal(panel.count_changed) as signal:
        document.set_trace(None)
    assert signal.args == [0]


def test_show_me_selects_the_node_at_its_step(panel: ProblemsPanel, document: Document, qtbot: QtBot) -> None:
    trace = matrices(bad=True)
    document.set_trace(trace)
    node_id = panel.findings[0].node_id
    QTest.mouseClick(panel.show_me, Qt.MouseButton.LeftButton)
    step = trace.step_of(node_id)
    assert document.selection == node_id
    assert step is not None
    assert document.cursor == step.index + 1


def test_failure_comes_first_and_notes_last(panel: ProblemsPanel, document: Document) -> None:
    trace = matrices(bad=True)
    trace.error = "ValueError: <b>shapes</b> do not fit"
    trace.error_source = ("/home/user/square.py", 2)
    trace.notes = ["The values of 3 tensors were not kept."]
    document.set_trace(trace)
    titles = [finding.title for finding in panel.findings]
    assert titles[0] == "ValueError: <b>shapes</b> do not fit"
    assert titles[-1] == "The values of 3 tensors were not kept."
    assert "line 2 of square.py" in panel.reason.text()
    assert not panel.show_me.isVisible()
    assert panel.title.textFormat() == Qt.TextFormat.PlainText
    panel.list.setCurrentIndex(panel.model.index(1, 0))
    assert panel.show_me.isVisible()
    assert panel.model.index(1, 0).data(WHERE_ROLE).startswith("W (leaf)")


def test_large_traces_are_searched_in_the_background(
    panel: ProblemsPanel, document: Document, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "LARGE", 0)
    trace = matrices(bad=True)
    document.set_trace(trace)
    assert panel.message == "Looking for problems…"
    qtbot.waitUntil(lambda: panel.findings == diagnose(trace))
    document.set_trace(trace)
    document.set_trace(None)  # the search before is dropped
    qtbot.wait(30)
    assert panel.findings == []
    assert panel.message.startswith("Open a program")


def test_a_trail_is_walked_and_left(panel: ProblemsPanel, document: Document, qtbot: QtBot) -> None:
    trace = Neuron(w=float("nan")).trace()
    document.set_trace(trace)
    assert panel.findings
    assert panel.trace_back.text() == "Trace the NaN back"
    with qtbot.waitSignal(panel.node_shown) as shown:
        QTest.mouseClick(panel.trace_back, Qt.MouseButton.LeftButton)
    assert shown.args == [trace.roots[0][0]]
    steps = panel.trail.steps
    assert steps[0].role == "symptom"
    assert trace.graph.nodes[steps[-1].node_id].name == "w"
    for step in steps[1:]:
        QTest.mouseClick(panel.trail.next, Qt.MouseButton.LeftButton)
        assert document.selection == step.node_id
    assert not panel.trail.next.isEnabled()
    QTest.mouseClick(panel.trail.back, Qt.MouseButton.LeftButton)
    assert panel.list.isVisible()
    assert panel.message == ""


def test_a_node_is_explained_whether_or_not_anything_is_wrong(panel: ProblemsPanel, document: Document) -> None:
    trace = Neuron().trace()
    document.set_trace(trace)
    given = next(node for node in trace.graph.nodes if node.kind == "input")
    panel.explain(given.id)
    assert "does not require a gradient" in panel.trail.steps[-1].text
    leaf = trace.leaves()[0]
    panel.explain(leaf.id)
    assert "has the norm" in panel.trail.steps[0].text
    assert "SigmoidBackward0" in panel.trail.steps[0].text
    panel.trail.back.click()
    assert panel.message == "No problems found in this step."


def test_a_new_worst_problem_is_shown_and_a_known_one_leaves_the_choice(
    panel: ProblemsPanel, document: Document
) -> None:
    document.set_trace(matrices(bad=True))
    known = panel.findings[0]
    assert panel.title.text() == known.title
    worse = [matrices(bad=True), matrices(bad=True)]
    for trace in worse:
        trace.error = "ValueError at square.py, line 3: no"
    document.set_trace(worse[0])
    assert panel.title.text() == panel.findings[0].title == worse[0].error
    panel.list.setCurrentIndex(panel.model.index(panel.findings.index(known), 0))
    document.set_trace(worse[1])
    assert panel.title.text() == known.title


def _many(kind: str = "saturated", count: int = 16, node_id: int = 5) -> list[Finding]:
    reason = "A long reason that takes several lines in a narrow panel, and says so. " * 2
    return [
        Finding(kind=kind, severity="warning", node_id=node_id, title=f"Finding {k}", reason=reason, cure=reason)
        for k in range(count)
    ]


def test_the_explanation_has_room_beside_a_long_list_until_the_user_divides(
    panel: ProblemsPanel, document: Document, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _many()
    monkeypatch.setattr(problems, "diagnose", lambda _trace: found)
    panel.resize(320, 460)
    document.set_trace(Neuron().trace())
    qtbot.waitUntil(lambda: panel.show_me.isVisible())

    def is_whole() -> bool:
        bottom = panel.show_me.mapTo(panel.details.viewport(), panel.show_me.rect().bottomLeft()).y()
        return bottom < panel.details.viewport().height()

    qtbot.waitUntil(is_whole)
    assert panel.list.height() >= 2 * ROW_PX
    splitter = panel.list.parentWidget()
    assert isinstance(splitter, QSplitter)
    splitter.moveSplitter(300, 1)
    divided = splitter.sizes()
    panel.list.setCurrentIndex(panel.model.index(1, 0))
    assert splitter.sizes() == divided


def test_the_same_operation_of_a_loop_is_told_apart_by_its_run(
    panel: ProblemsPanel, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Neuron().trace()
    nodes = [node for node in trace.graph.nodes if node.kind == "op"][:3]
    for node in nodes:
        node.name, node.op, node.source = "x", nodes[0].op, nodes[0].source
    found = [finding for node in nodes for finding in _many(count=1, node_id=node.id)]
    monkeypatch.setattr(problems, "diagnose", lambda _trace: found)
    document.set_trace(trace)
    places = [str(panel.model.item(row).data(WHERE_ROLE)) for row in range(3)]
    assert [place.rpartition(" · ")[2] for place in places] == ["run 1 of 3", "run 2 of 3", "run 3 of 3"]


def test_the_heading_of_the_cure_stands_in_line(
    panel: ProblemsPanel, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "diagnose", lambda _trace: _many(count=1))
    document.set_trace(Neuron().trace())
    lefts = set()
    for text in ("Finding 0", "What to do"):
        label = next(label for label in panel.details.findChildren(QLabel) if label.text() == text)
        image = label.grab().toImage()
        background = image.pixelColor(image.width() - 1, image.height() - 1)
        inked = [x for x in range(40) if any(image.pixelColor(x, y) != background for y in range(image.height()))]
        lefts.add(inked[0] > 2)
    assert lefts == {False}


def test_a_trace_without_values_is_not_called_healthy_without_reserve(panel: ProblemsPanel, document: Document) -> None:
    trace = Neuron().trace()
    trace.values = "none"
    document.set_trace(trace)
    assert "recorded without values" in panel.message


def test_what_could_not_be_read_is_not_told_again_beside_the_failure_that_it_led_to(
    panel: ProblemsPanel, document: Document
) -> None:
    trace = Neuron().trace()
    trace.notes = ["MulBackward0 cannot show what it saved as 'self': modified by an inplace operation", "Cut short."]
    document.set_trace(trace)
    assert [finding.title for finding in panel.findings] == trace.notes
    failed = Neuron().trace()
    failed.notes, failed.error = trace.notes, "RuntimeError at a.py, line 8: modified by an inplace operation"
    document.set_trace(failed)
    titles = [finding.title for finding in panel.findings]
    assert titles[0] == failed.error
    assert "Cut short." in titles
    assert not any("cannot show" in title for title in titles)
