"""A worker of one's own: made once, connected, ended in the background, and all are ended on shutting down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gui.background import Background
from gui.bridge import SessionBridge
from gui.own_worker import OwnWorker


class _FakeSupervisor:
    made: list[_FakeSupervisor]

    def __init__(self, *_arguments: object, **_options: object) -> None:
        self.closings = 0
        self.made.append(self)

    def close(self) -> None:
        self.closings += 1


@pytest.fixture
def background(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    _FakeSupervisor.made = []
    monkeypatch.setattr("gui.bridge.Supervisor", _FakeSupervisor)
    background = Background()
    yield background
    background.shut_down()


def test_is_made_when_asked_for_and_again_after_it_was_dropped(background: Background, qtbot: QtBot) -> None:
    connected: list[SessionBridge] = []
    owner = QObject()
    worker = OwnWorker(background, connected.append, owner)
    assert not worker.is_there
    worker.drop()
    first = worker.bridge()
    assert worker.bridge() is first
    assert connected == [first]
    worker.drop()
    assert not worker.is_there
    assert worker.bridge() is not first
    assert len(connected) == len(_FakeSupervisor.made) == 2
    qtbot.waitUntil(lambda: _FakeSupervisor.made[0].closings == 1)
    assert _FakeSupervisor.made[1].closings == 0
    worker.shut_down()
    assert not worker.is_there
    assert _FakeSupervisor.made[1].closings >= 1
    owner.deleteLater()
