"""Panels follow one change at once, of many in a row only the last, and do nothing while they are behind a tab."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.document import Document
from gui.panels.following import IN_A_ROW_MS, Following
from gui.panels.inspector import InspectorPanel
from gui.panels.watch import WatchPanel
from gui.theme import ThemeManager
from gui.watching import Watch, WatchModel

from .programs import Neuron


def test_one_change_is_followed_at_once_and_many_by_the_last(qtbot: QtBot) -> None:
    owner = QObject()
    following = Following(owner)
    told: list[int] = []
    count = 0
    following.due.connect(lambda: told.append(count))

    following.note()
    qtbot.waitUntil(lambda: told == [0])
    for count in range(1, 6):  # noqa: B007 - read by the slot
        following.note()
        qtbot.wait(2)
    qtbot.waitUntil(lambda: len(told) > 1)
    qtbot.wait(2 * IN_A_ROW_MS)
    assert told[-1] == 5
    assert len(told) == 2
    following.note()
    following.stop()
    qtbot.wait(2 * IN_A_ROW_MS)
    assert len(told) == 2
    owner.deleteLater()


@pytest.fixture
def document(qapp: object) -> Document:
    document = Document()
    document.set_trace(Neuron().trace())
    return document


def test_the_inspector_behind_a_tab_is_described_when_it_comes_in_front(qtbot: QtBot, document: Document) -> None:
    panel = InspectorPanel(document, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.show()
    document.move_to(1)
    seen = panel.header.title.whole_text
    panel.catch_up(False)
    document.move_to(3)
    assert panel.header.title.whole_text == seen, "nobody sees it"
    panel.catch_up(True)
    assert panel.header.title.whole_text != seen


def test_the_watch_list_behind_a_tab_reads_nothing(qtbot: QtBot, document: Document) -> None:
    model = WatchModel(document, document)
    trace = document.trace
    assert trace is not None
    model.toggle(Watch(trace.backward[1].node.id, is_gradient=True))
    panel = WatchPanel(document, model, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitExposed(panel)
    with qtbot.waitSignal(panel._rows.dataChanged):
        document.move_to(1)
    panel.catch_up(False)
    with qtbot.assertNotEmitted(panel._rows.dataChanged, wait=3 * IN_A_ROW_MS):
        document.move_to(document.length)
    with qtbot.waitSignal(panel._rows.dataChanged):
        panel.catch_up(True)
