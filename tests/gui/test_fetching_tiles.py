"""Parts of large tensors without a worker: what is asked for and in which order, what is kept, what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from engine.graph.model import TensorInfo
from engine.graph.summary import summarize
from engine.session.events import Event, Exited
from engine.session.messages import FetchTile, FetchValues, TileReady, ValuesReady
from engine.session.outcome import Outcome
from engine.worker.tiles import blocks, cut, is_exact
from gui import fetching_tiles
from gui.background import Background
from gui.document import Document
from gui.fetching import ValueFetcher
from gui.fetching_tiles import LargeTensor, Tile, decode_tile
from gui.theme import LIGHT
from gui.widgets.large_view import LargeTensorView
from gui.widgets.vertical_area import VerticalArea
from gui.widgets.zoom_heat import ZoomHeat
from tests.engine.traces import W, X, small_trace

FINISHED = Outcome(kind="finished", message="The program finished.", exit_code=0)
CRASHED = Outcome(kind="crashed", message="The worker was killed.", exit_code=-9)
VALUES = np.random.default_rng(0).normal(size=(3, 700, 900)).astype(np.float32)
VALUES[1, 500, 600] = 77.0


class _Supervisor:
    """Notes what it is asked for, and answers from an array when it is told to."""

    made: list[_Supervisor]

    def __init__(self, on_event: Callable[[Event, bytes], None], **_options: object) -> None:
        self.on_event = on_event
        self.requests: list[FetchTile | FetchValues] = []
        self.is_busy = False
        self.made.append(self)

    def fetch(self, request: FetchTile | FetchValues) -> None:
        assert not self.is_busy, "a second request would end the worker"
        self.is_busy = True
        self.requests.append(request)

    def close(self) -> None:
        pass

    def answer(self, message: str = "", outcome: Outcome = FINISHED) -> None:
        request = self.requests[-1]
        place: dict[str, Any] = {"node": request.node, "output": request.output, "is_gradient": request.is_gradient}
        if outcome is FINISHED and isinstance(request, FetchValues):
            self.on_event(ValuesReady(**place, shape=VALUES.shape, dtype="<f4"), VALUES.tobytes())
        elif outcome is FINISHED and message:
            self.on_event(TileReady(**place, message=message), b"")
        elif outcome is FINISHED and isinstance(request, FetchTile):
            part = cut(VALUES, request)
            if is_exact(part, request):
                self.on_event(TileReady(**place, shape=part.shape, dtype="<f4"), part.tobytes())
            else:
                shape, body = blocks(part, request.most_rows, request.most_columns)
                self.on_event(TileReady(**place, shape=shape), body)
        self.is_busy = False
        self.on_event(Exited(outcome=outcome), b"")


@pytest.fixture
def document(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Document]:
    _Supervisor.made = []
    monkeypatch.setattr("gui.bridge.Supervisor", _Supervisor)
    document, background = Document(), Background()
    fetcher = ValueFetcher(document, background)
    trace = small_trace()
    for node in (W, X):
        trace.graph.nodes[node].outputs[0] = TensorInfo(
            shape=VALUES.shape, dtype="float32", recorded_summary=summarize(VALUES)
        )
    document.set_trace(trace, is_replayable=True)
    yield document
    fetcher.shut_down()
    background.shut_down()


def _tensor(document: Document, node: int = W) -> LargeTensor:
    tensor = document.large_tensor(node, 0, is_gradient=False)
    assert tensor is not None
    return tensor


def _worker() -> _Supervisor:
    return _Supervisor.made[-1]


def _tile(first: int = 0, size: int = 10, index: int = 1) -> Tile:
    return Tile((index,), (first, first + size), (5, 25), 168, 256)


def _answer(qtbot: QtBot, count: int, **answer: object) -> None:
    """Answer the request that is waited for, and wait until the worker is asked for `count` in all, or is idle."""
    worker = _worker()
    worker.answer(**answer)  # type: ignore[arg-type]  # as its parameters say
    if count > len(worker.requests):
        qtbot.waitUntil(lambda: len(worker.requests) == count)
    else:
        qtbot.wait(30)


def test_what_is_no_longer_wanted_is_never_asked_for(document: Document, qtbot: QtBot) -> None:
    tensor = _tensor(document)
    assert _tensor(document) is tensor
    for first in (0, 100, 200, 300):
        tensor.want(_tile(first))
    assert [request.rows for request in _worker().requests] == [(0, 10)]  # type: ignore[union-attr]  # tiles
    _answer(qtbot, 2)
    _answer(qtbot, 2)
    assert [request.rows for request in _worker().requests] == [(0, 10), (300, 310)]  # type: ignore[union-attr]
    values = tensor.part(_tile(300))
    assert values is not None
    assert values.entries is not None
    np.testing.assert_array_equal(values.entries, VALUES[1, 300:310, 5:25])
    tensor.want(_tile(300))
    assert len(_worker().requests) == 2, "it is here"
    tensor.want(_tile(400))
    tensor.want(_tile(500))
    tensor.forget_wish()
    _answer(qtbot, 3)
    assert len(_worker().requests) == 3


def test_a_whole_tensor_goes_first_and_two_tensors_take_turns(document: Document, qtbot: QtBot) -> None:
    one, other = _tensor(document), _tensor(document, X)
    one.want(_tile(0))
    one.want(_tile(50))
    other.want(_tile(60))
    document.request_values(X, 0, is_gradient=False)
    for count in (2, 3, 4, 4):
        _answer(qtbot, count)
    asked = _worker().requests
    assert [type(request) for request in asked] == [FetchTile, FetchValues, FetchTile, FetchTile]
    assert {request.node for request in asked[2:]} == {W, X}


def test_why_a_part_does_not_come(document: Document, qtbot: QtBot) -> None:
    tensor = _tensor(document)
    tensor.want(_tile())
    _answer(qtbot, 1, message="The program did something else.")
    assert tensor.message == "The program did something else."
    tensor.want(_tile())
    assert tensor.message == ""
    _answer(qtbot, 2, outcome=CRASHED)
    assert tensor.message == "The values could not be fetched: The worker was killed."
    document.set_trace(small_trace(), is_replayable=True)
    tensor.want(_tile(70))
    assert len(_worker().requests) == 2, "the trace is gone"


def test_parts_are_kept_under_a_bound(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = _tensor(document)
    whole = decode_tile(TileReady(node=0, shape=(10, 20), dtype="<f4"), bytes(800))
    assert whole is not None
    monkeypatch.setattr(fetching_tiles, "MOST_CACHED_BYTES", 3 * whole.nbytes)
    for first in range(5):
        tensor.receive(_tile(first), whole)
        assert tensor.part(_tile(0)) is not None, "looked at all the time"
    assert [tensor.part(_tile(first)) is not None for first in range(5)] == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("shape", "dtype", "body"),
    [((2, 2), "", b"1"), ((2, 2), "<f4", b"123"), ((0, 0), "", b""), ((2, 2), "nonsense", b"")],
)
def test_a_body_that_does_not_fit_is_refused(shape: tuple[int, int], dtype: str, body: bytes) -> None:
    assert decode_tile(TileReady(node=0, shape=shape, dtype=dtype), body) is None


def test_it_is_shown_from_afar_and_near(document: Document, qtbot: QtBot) -> None:
    view = LargeTensorView()
    qtbot.addWidget(view)
    view.set_tensor(_tensor(document), LIGHT, axes=("batch",))
    view.resize(260, 320)
    view.show()
    qtbot.waitExposed(view)
    assert view.status == "The program runs again…"
    _answer(qtbot, 1)
    assert view.status == "rows 0–699, columns 0–899: 5 × 4 in a cell, by the largest"
    assert not view.farther.isEnabled()
    view.set_index((1,))
    qtbot.waitUntil(lambda: len(_worker().requests) == 2)
    assert view.status == "Fetching this part…"
    _answer(qtbot, 2)
    heat = view.findChild(ZoomHeat)
    assert heat is not None
    heat.hovered.emit(120, 170)
    assert view.readout.startswith("[1, 500–503, 597–600] ")
    assert "to 77, mean" in view.readout
    # The wheel zooms with Ctrl only; what is pointed at stays.
    place = QPointF(600 / 900 * heat.width(), 500 / 700 * heat.height())
    for modifier, is_taken in ((Qt.KeyboardModifier.NoModifier, False), (Qt.KeyboardModifier.ControlModifier, True)):
        event = QWheelEvent(
            place, heat.mapToGlobal(place), QPoint(), QPoint(0, 360), Qt.MouseButton.NoButton, modifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(heat, event)
        assert (view.tile.rows != (0, 700)) == is_taken
    qtbot.waitUntil(lambda: len(_worker().requests) == 3)
    _answer(qtbot, 3)
    first, after = view.tile.rows
    assert (after - first, view.tile.columns[1] - view.tile.columns[0]) == (88, 113)
    assert view.status == f"rows {first}–{after - 1}, columns {view.tile.columns[0]}–{view.tile.columns[1] - 1}"
    heat.hovered.emit(500 - first, 600 - view.tile.columns[0])
    assert view.readout == "[1, 500, 600] 77.0"
    # Keys: a quarter to the right, back to the whole (which is here still), nearer.
    heat.setFocus()
    QTest.keyClick(heat, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.tile.rows == (first, after)
    QTest.keyClick(heat, Qt.Key.Key_0)
    assert view.status.endswith("by the largest")
    QTest.keyClick(heat, Qt.Key.Key_Plus)
    assert view.tile.rows == (175, 525)
    assert not view.grab().isNull()


@pytest.mark.parametrize("width", [190, 260, 448])
def test_what_is_said_of_a_large_tensor_is_not_cut(document: Document, qtbot: QtBot, width: int) -> None:
    area = VerticalArea()
    qtbot.addWidget(area)
    view = LargeTensorView()
    area.column.addWidget(view)
    area.column.addStretch(1)
    area.resize(width, 500)
    area.show()
    view.set_tensor(_tensor(document), LIGHT)
    _answer(qtbot, 1)
    label = next(label for label in view.findChildren(QLabel) if label.text() == view.status)
    assert view.status.endswith("by the largest")
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()) and label.width() <= width)
    assert label.geometry().bottom() <= view.height()


def test_a_failure_offers_another_try(document: Document, qtbot: QtBot) -> None:
    view = LargeTensorView()
    qtbot.addWidget(view)
    view.show()
    view.set_tensor(_tensor(document), LIGHT)
    _answer(qtbot, 1, message="No.")
    assert view.status == "No."
    assert view.again.isVisible()
    view.again.click()
    assert len(_worker().requests) == 2
    _answer(qtbot, 2)
    assert not view.again.isVisible()
    assert view.status.startswith("rows")


def test_dragging_moves_and_hiding_ends_the_wish(document: Document, qtbot: QtBot) -> None:
    view = LargeTensorView()
    qtbot.addWidget(view)
    view.resize(260, 320)
    view.show()
    qtbot.waitExposed(view)
    tensor = _tensor(document)
    view.set_tensor(tensor, LIGHT)
    view.zoom(2)
    heat = view.findChild(ZoomHeat)
    assert heat is not None
    before = view.tile
    QTest.mousePress(heat, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    QTest.mouseMove(heat, QPoint(60, 60))
    QTest.mouseRelease(heat, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert view.tile.columns[0] > before.columns[0]
    assert view.tile.rows == before.rows
    qtbot.waitUntil(lambda: tensor.wish == view.tile)
    view.hide()
    assert tensor.wish is None
