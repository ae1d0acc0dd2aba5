"""A check from the inspector's link over the worker's answer to the sentence below the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from engine.graph.structure import fingerprint
from engine.session.events import Event, Exited
from engine.session.messages import CheckNode, NodeChecked
from engine.session.outcome import Outcome
from gui.background import Background
from gui.checking import NO_PROGRAM, RUNNING, NodeChecker, sentence
from gui.document import Document
from gui.panels.inspector import InspectorPanel
from gui.theme import ThemeManager
from tests.engine.traces import small_trace

DIED = Outcome(kind="crashed", message="The program died of signal 11.", exit_code=None)


class _FakeSupervisor:
    """Notes what it is asked for; the test speaks for the worker."""

    made: list[_FakeSupervisor]

    def __init__(self, on_event: Callable[[Event, bytes], None], **_options: object) -> None:
        self.on_event = on_event
        self.requests: list[CheckNode] = []
        self.is_closed = False
        self.made.append(self)

    def check(self, request: CheckNode) -> None:
        self.requests.append(request)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def supervisors(monkeypatch: pytest.MonkeyPatch) -> list[_FakeSupervisor]:
    _FakeSupervisor.made = []
    monkeypatch.setattr("gui.bridge.Supervisor", _FakeSupervisor)
    return _FakeSupervisor.made


@pytest.fixture
def document(qapp: object) -> Document:
    document = Document()
    document.set_trace(small_trace(), is_replayable=True)
    document.move_to_end()
    document.select(next(step.node.id for step in small_trace().backward if step.node.kind == "op"))
    return document


@pytest.fixture
def checker(document: Document, supervisors: list[_FakeSupervisor]) -> Iterator[NodeChecker]:
    background = Background()
    checker = NodeChecker(document, background)
    checker.set_program("demo:neuron", ())
    yield checker
    checker.shut_down()
    background.shut_down()


@pytest.fixture
def panel(qtbot: QtBot, document: Document, checker: NodeChecker) -> InspectorPanel:
    themes = ThemeManager(document)
    panel = InspectorPanel(document, themes)
    panel.set_checker(checker)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_the_answer_is_said_below_the_rule(
    panel: InspectorPanel, document: Document, supervisors: list[_FakeSupervisor], qtbot: QtBot
) -> None:
    panel.rule.check_link.click()
    assert panel.rule.verdict.text() == RUNNING
    assert panel.rule.check_link.whole_text == "Stop the check"
    (request,) = supervisors[0].requests
    assert document.trace is not None
    assert (request.node, request.structure) == (document.selection, fingerprint(document.trace))
    answer = NodeChecked(node=request.node, rule_error=3e-8, difference_error=2e-9, verdict="ok")
    supervisors[0].on_event(answer, b"")
    qtbot.waitUntil(lambda: "finite differences to 2e" in panel.rule.verdict.text())
    assert panel.rule.check_link.whole_text == "Check"
    document.move_to(1)
    document.select(None)
    document.select(request.node)
    assert panel.rule.verdict.text() == sentence(answer), "it is remembered"


def test_a_check_can_be_stopped(panel: InspectorPanel, supervisors: list[_FakeSupervisor], qtbot: QtBot) -> None:
    panel.rule.check_link.click()
    panel.rule.check_link.click()
    assert panel.rule.verdict.text() == "The check was stopped."
    qtbot.waitUntil(lambda: supervisors[0].is_closed)


def test_a_worker_that_dies_is_told(panel: InspectorPanel, supervisors: list[_FakeSupervisor], qtbot: QtBot) -> None:
    panel.rule.check_link.click()
    supervisors[0].on_event(Exited(outcome=DIED), b"")
    qtbot.waitUntil(lambda: "signal 11" in panel.rule.verdict.text())


def test_without_a_program_it_says_so(
    panel: InspectorPanel, document: Document, supervisors: list[_FakeSupervisor]
) -> None:
    document.set_trace(small_trace())
    document.move_to(1)
    panel.rule.check_link.click()
    assert panel.rule.verdict.text() == NO_PROGRAM
    assert supervisors == []


def test_every_answer_is_a_sentence() -> None:
    wrong = NodeChecked(node=0, rule_error=0.5, difference_error=0.4, verdict="wrong")
    assert sentence(wrong).startswith("Differs: ")
    assert "cannot be checked" in sentence(NodeChecked(node=0))
    assert sentence(NodeChecked(node=0, message="No.")) == "No."
