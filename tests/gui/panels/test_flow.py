"""The gradient-flow chart: sizes against numpy, what is judged too small or too large, pointer and keys."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.graph.model import TensorInfo
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels import flow_reading
from gui.panels.flow import FlowPanel, _common_path
from gui.panels.flow_model import FlowPoint, flow_of, judgement, limits
from gui.theme import ThemeManager
from gui.training import TrainingModel
from tests.engine.graph.builder import GraphBuilder


def network(sizes: list[float | None]) -> Trace:
    """A chain of weights, whose gradients are matrices of these numbers; None for no gradient at all."""
    build = GraphBuilder()
    current = build.tensor("input", "x")
    weights = []
    for number in range(len(sizes)):
        build.enter(f"layer{number}")
        weights.append(build.tensor("leaf", f"layer{number}.weight"))
        current = build.op("matmul", current, weights[-1])
        build.leave()
    trace = build.trace(current)
    for weight, size in zip(weights, sizes, strict=True):
        trace.graph.nodes[weight].outputs[0].shape = (2, 3)
        step = trace.step_of(weight)
        assert step is not None
        array = np.full((2, 3), 0.0 if size is None else size, np.float32)
        step.grad_outputs = [TensorInfo(shape=(2, 3), dtype="float32", array=array)]
        if size is None:
            trace.backward.remove(step)
    trace._step_of_node = None  # the step was taken out after it was looked up
    return trace


@pytest.fixture
def training() -> TrainingModel:
    return TrainingModel()


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(document: Document, training: TrainingModel, qtbot: QtBot) -> FlowPanel:
    panel = FlowPanel(document, training, ThemeManager())
    qtbot.addWidget(panel)
    panel.resize(700, 240)
    panel.show()
    return panel


def test_sizes_are_root_mean_squares_in_the_order_of_depth() -> None:
    points = flow_of(network([0.5, -2.0, 0.0, math.nan, None]))
    assert [point.name for point in points] == [f"layer{k}.weight" for k in range(5)]
    assert [point.module for point in points] == [f"layer{k}" for k in range(5)]
    assert [point.size for point in points[:3]] == pytest.approx([0.5, 2.0, 0.0])
    assert math.isinf(points[3].size)
    assert math.isnan(points[4].size)
    assert points[2].zeros == 1


def test_what_is_too_small_or_too_large_is_said() -> None:
    points = flow_of(network([1e-7, 1e6, 0.0, math.nan, None, 0.01]))
    told = [judgement(point, *limits(points)) for point in points]
    words = ["vanishing", "exploding", "dead", "NaN", "None", ""]
    assert all(word in text for word, text in zip(words, told, strict=True))
    assert told[-1] == ""


def test_a_point_is_described_and_leads_to_its_node(panel: FlowPanel, document: Document, qtbot: QtBot) -> None:
    trace = network([0.5, 0.001, 2.0])
    document.set_trace(trace)
    assert len(panel.points) == 3
    assert panel.describe(1).startswith("layer1.weight: 0.001")
    place = QPoint(round(panel.x_of(1)), round(panel.y_of(panel.points[1].size)))
    with qtbot.waitSignal(panel.node_activated) as caught:
        qtbot.mouseClick(panel, Qt.MouseButton.LeftButton, pos=place)
    assert caught.args == [panel.points[1].node]
    qtbot.keyClick(panel, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.node_activated) as caught:
        qtbot.keyClick(panel, Qt.Key.Key_Return)
    assert caught.args is not None
    assert caught.args[0] in [point.node for point in panel.points]


def test_larger_gradients_stand_higher_and_those_without_a_size_on_rails(panel: FlowPanel, document: Document) -> None:
    document.set_trace(network([0.5, 1e-6, 2.0, 0.0, math.nan]))
    heights = [panel.y_of(point.size) for point in panel.points]
    assert heights[4] < heights[2] < heights[0] < heights[1] < heights[3]
    assert all(0 < height < panel.height() for height in heights)


def test_other_recorded_steps_are_drawn_beside(panel: FlowPanel, document: Document, training: TrainingModel) -> None:
    now, before = network([0.5, 1.0]), network([0.25, 2.0])
    training.add_recorded(0, before)
    training.add_recorded(10, now)
    training.add_recorded(20, "somewhere.retrograd")
    document.set_trace(now)
    assert panel.others == [(0, {"layer0.weight": 0.25, "layer1.weight": 2.0})]
    assert "step 0: 0.25" in panel.describe(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_is_painted(panel: FlowPanel, document: Document, theme: str) -> None:
    panel._themes.choose(theme)  # type: ignore[arg-type] # the parameters are the two names
    for trace in (None, network([0.5]), network([None]), network([1e-12, 1e9, math.inf, 0.0, None, 1.0])):
        document.set_trace(trace)
        assert not panel.grab().isNull()
    document.select(panel.points[0].node)
    assert "vanishing" in panel.accessibleDescription()


def test_a_hidden_panel_reads_nothing_until_it_is_shown(panel: FlowPanel, document: Document) -> None:
    panel.hide()
    document.set_trace(network([0.5]))
    assert panel.points == []
    panel.show()
    assert len(panel.points) == 1


def test_a_neurons_weight_is_a_weight_and_its_bias_a_bias() -> None:
    build = GraphBuilder()
    x, w, b = build.tensor("input", "x"), build.tensor("leaf", "w"), build.tensor("leaf", "b")
    trace = build.trace(build.op("add", build.op("mul", x, w), b))
    for leaf in trace.leaves():
        leaf.outputs[0].shape = ()
        step = trace.step_of(leaf.id)
        assert step is not None
        step.grad_outputs = [TensorInfo(shape=(), dtype="float32", array=np.full((), 0.5, np.float32))]
    assert {point.name: point.is_weight for point in flow_of(trace)} == {"w": True, "b": False}


def test_what_all_modules_share_is_not_written_below_each() -> None:
    assert _common_path(["model.fc1", "model.fc2"]) == "model."
    assert _common_path(["model.0", "model.2"]) == ""  # a number alone says nothing
    assert _common_path(["encoder.0", "decoder.0"]) == _common_path(["model", "model.fc"]) == _common_path([]) == ""


def test_a_large_trace_is_read_beside_the_windows_thread(
    panel: FlowPanel, document: Document, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    readers: list[int] = []

    def read(trace: Trace) -> list[FlowPoint]:
        readers.append(threading.get_ident())
        return flow_of(trace)

    monkeypatch.setattr(flow_reading, "flow_of", read)
    document.set_trace(network([0.5, 1.0]))
    assert readers == [threading.get_ident()]
    monkeypatch.setattr(flow_reading, "LARGE", 3)
    document.set_trace(network([2.0, 3.0, 4.0]))
    assert not panel.points  # the numbers of the trace before are those of no trace that is open
    assert not panel.grab().isNull()
    qtbot.waitUntil(lambda: len(panel.points) == 3)
    assert readers[1:] == [thread for thread in readers[1:] if thread != threading.get_ident()]
    assert len(readers) == 2
    document.set_trace(network([0.5] * 9))
    document.set_trace(None)
    panel.shut_down()
    qtbot.wait(20)
    assert not panel.points
