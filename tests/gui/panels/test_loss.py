"""Tests of the loss panel: what is drawn, what the crosshair says, what is announced."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.panels.loss import LossPanel, status_text
from gui.panels.loss_plot import LossPlot
from gui.theme import DARK, ThemeManager
from gui.training import TrainingModel
from tests.engine.traces import small_trace


@pytest.fixture
def training() -> TrainingModel:
    return TrainingModel()


@pytest.fixture
def panel(training: TrainingModel, qtbot: QtBot) -> Iterator[LossPanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = LossPanel(training, themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(800, 200)
    panel.show()
    yield panel
    panel.shut_down()


def plot_of(panel: LossPanel) -> LossPlot:
    assert panel.plot is not None
    panel.plot.refresh()
    return panel.plot


def fill(training: TrainingModel, count: int = 213) -> None:
    steps = np.arange(count)
    training.add_points(steps, 0.7 * np.exp(-steps / 70) + 0.05)


def point_at(panel: LossPanel, step: int) -> QPoint:
    """Where to point, in the coordinates of the plot's viewport."""
    plot = plot_of(panel)
    place = plot.column_of(step, 0.3).toPoint()
    return QPoint(plot._view.viewport().mapFrom(plot, place))


def test_the_window_comes_up_without_pyqtgraph() -> None:
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "from gui.theme import ThemeManager; from gui.training import TrainingModel\n"
        "from gui.panels.loss import LossPanel; from gui.panels.runs import RunsPanel\n"
        "themes = ThemeManager(); panels = LossPanel(TrainingModel(), themes), RunsPanel(themes)\n"
        "assert 'pyqtgraph' not in sys.modules and 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_without_points_there_is_a_sentence_and_no_plot(panel: LossPanel, training: TrainingModel) -> None:
    assert panel.plot is None
    assert "No training yet" in panel._empty.text()
    fill(training)
    assert panel._stack.currentWidget() is panel.plot
    training.reset()
    assert panel._stack.currentWidget() is panel._empty


def test_the_curve_is_the_series(panel: LossPanel, training: TrainingModel) -> None:
    fill(training)
    plot = plot_of(panel)
    x, y = plot._raw.getData()
    assert np.array_equal(x, training.series.steps)
    assert np.array_equal(y, training.series.values)
    _, smooth = plot._smooth.getData()
    assert np.allclose(smooth, training.series.smoothed(panel.smoothing.value() / 100))
    panel.smoothing.setValue(0)
    plot.refresh()
    assert np.array_equal(plot._smooth.getData()[1], training.series.values)
    assert not plot._raw.isVisible()


def test_the_lines_of_the_grid_lie_below_the_curve(panel: LossPanel, training: TrainingModel) -> None:
    fill(training)
    plot = plot_of(panel)
    assert plot._left.grid, "the left axis draws them, over the whole plot"
    order = plot._left.scene().items(Qt.SortOrder.AscendingOrder)
    curve = next(item for item in order if isinstance(item, plot._pg.PlotCurveItem))
    assert order.index(plot._left) < order.index(curve)


def test_many_points_are_decimated_and_peaks_kept(panel: LossPanel, training: TrainingModel) -> None:
    values = np.zeros(300_000)
    values[123_456] = 5.0
    training.add_points(np.arange(300_000), values)
    plot = plot_of(panel)
    x, y = plot._raw.getData()
    assert len(x) <= 2 * plot.columns + 10
    assert y.max() == 5.0
    assert x[y.argmax()] == 123_456


def test_nan_is_a_gap_and_a_cross(panel: LossPanel, training: TrainingModel) -> None:
    training.add_points([0, 1, 2, 3], [1.0, float("nan"), float("inf"), 0.5])
    plot = plot_of(panel)
    assert np.isnan(plot._raw.getData()[1]).tolist() == [False, True, True, False]
    assert plot._gaps.getData()[0].tolist() == [1, 2]
    assert "2 NaN or ∞" in panel.status.whole_text


def test_nothing_but_nan_can_be_drawn(panel: LossPanel, training: TrainingModel) -> None:
    training.add_points([0, 1], [float("nan")] * 2)
    panel.log.setChecked(True)
    plot_of(panel)
    assert not panel.grab().isNull()


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm(panel: LossPanel, training: TrainingModel) -> None:
    training.add_points([0, 1, 2], [100.0, -1.0, 0.01])
    panel.log.setChecked(True)
    panel.smoothing.setValue(0)
    plot = plot_of(panel)
    y = plot._smooth.getData()[1]
    assert y[[0, 2]].tolist() == [2.0, -2.0]
    assert np.isnan(y[1])
    assert plot._value_texts([-2.0, 0.0, 3.0], 1.0, 1.0) == ["0.01", "1", "1000"]


def test_it_follows_until_the_user_zooms(panel: LossPanel, training: TrainingModel, qtbot: QtBot) -> None:
    fill(training, 100)
    plot = plot_of(panel)
    assert plot.visible_steps()[1] >= 99
    plot._box.setXRange(10, 20, padding=0)
    plot._box.sigRangeChangedManually.emit([True, True])
    assert not panel.follow.isChecked()
    training.add_points(np.arange(100, 500), np.ones(400))
    plot.refresh()
    assert plot.visible_steps() == pytest.approx((10, 20))
    QTest.mouseClick(panel.follow, Qt.MouseButton.LeftButton)
    plot.refresh()
    assert panel.follow.isChecked()
    assert plot.visible_steps()[1] >= 499


def test_drawings_are_coalesced(panel: LossPanel, training: TrainingModel, qtbot: QtBot) -> None:
    fill(training, 10)
    plot = plot_of(panel)
    qtbot.waitUntil(lambda: not plot._timer.isActive())
    drawn: list[int] = []
    plot._timer.timeout.connect(lambda: drawn.append(1))
    for step in range(10, 60):
        training.add_points(step, 0.5)
    qtbot.waitUntil(lambda: bool(drawn))
    assert len(drawn) == 1
    assert len(plot._raw.getData()[0]) == 60


def test_crosshair_card_and_click(panel: LossPanel, training: TrainingModel, qtbot: QtBot) -> None:
    fill(training)
    training.add_recorded(140, "step140.retrograd")
    qtbot.waitExposed(panel)
    plot = plot_of(panel)
    assert plot._dots.getData()[0].tolist() == [140]
    viewport = plot._view.viewport()
    QTest.mouseMove(viewport, point_at(panel, 141))
    assert plot.hovered is not None
    assert plot.hovered[0] == 140
    assert plot.card.title.startswith("step 140 · loss 0.1447")
    assert plot.card.hint == "click: step through this backward"
    assert plot.rect().contains(plot.card.geometry())
    with qtbot.waitSignal(panel.step_through_requested) as signal:
        QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point_at(panel, 141))
    assert signal.args == [140]
    QTest.mouseMove(viewport, point_at(panel, 200))
    assert plot.card.hint == "not recorded · click to record it: runs the program again to step 200"
    assert plot.rect().contains(plot.card.geometry())
    with qtbot.waitSignal(panel.step_through_requested) as signal:
        QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point_at(panel, 200))
    assert signal.args == [200]


def test_buttons_fit_the_state_and_announce(panel: LossPanel, training: TrainingModel, qtbot: QtBot) -> None:
    def enabled() -> list[bool]:
        buttons = (panel.play, panel.pause, panel.step, panel.stop, panel.through)
        return [button.isEnabled() for button in buttons]

    assert not any(enabled()), "nothing is open"
    panel.set_program(is_rerunnable=True, is_running=True)
    assert enabled() == [False, False, False, True, False]
    panel.set_program(is_rerunnable=True, is_running=False)
    assert enabled() == [True, False, False, False, False]
    assert panel.play.text() == "Run again"
    training.set_state("running", 0)
    assert enabled() == [False, True, False, True, False]
    with qtbot.waitSignal(panel.pause_requested):
        QTest.mouseClick(panel.pause, Qt.MouseButton.LeftButton)
    training.set_state("paused", 7)
    training.add_recorded(7, "x")
    assert enabled() == [True, False, True, True, True]
    assert panel.play.text() == "Resume"
    for button, signal in (
        (panel.play, panel.play_requested),
        (panel.step, panel.step_requested),
        (panel.stop, panel.stop_requested),
        (panel.through, panel.step_through_requested),
    ):
        with qtbot.waitSignal(signal):
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    training.set_state("finished")
    assert enabled() == [True, False, False, False, True]
    panel.set_program(is_rerunnable=False, is_running=False)  # a trace is open now
    assert enabled() == [False, False, False, False, True]


def test_status(training: TrainingModel) -> None:
    assert status_text(training) == ""
    training.add_points(212, 0.1)
    training.set_rate(1240.4, 0.1)
    training.set_state("running")
    assert status_text(training) == "step 212 · 1\u202f240 it/s · lr 0.1 · running"
    training.set_state("paused")
    assert status_text(training) == "step 212 · lr 0.1 · paused"
    training.set_state("finished")
    assert status_text(training).endswith("finished")
    for ending in ("stopped", "failed"):
        training.end(ending)
        assert status_text(training).endswith(ending)


@pytest.mark.parametrize("size", [(240, 100), (1280, 120), (2560, 300)])
def test_every_size_and_theme_can_be_painted(panel: LossPanel, training: TrainingModel, size: tuple[int, int]) -> None:
    fill(training)
    panel.resize(*size)
    panel._themes.choose("dark")
    plot = plot_of(panel)
    assert plot._smooth.opts["pen"].color() == DARK.data
    assert not panel.grab().isNull()


def test_nothing_of_the_plot_outlives_the_panel(qtbot: QtBot) -> None:
    training = TrainingModel()
    themes = ThemeManager()
    panel = LossPanel(training, themes)
    fill(training)
    plot = plot_of(panel)
    gone = [weakref.ref(item) for item in plot._items]
    assert gone
    panel.shut_down()
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    del plot, panel
    gc.collect()
    alive = [reference() for reference in gone if reference() is not None]
    assert [item for item in alive if item is not None and item.scene() is not None] == []
    fill(training)


def right_click(panel: LossPanel, step: int) -> list[str]:
    """A click with the right button over a step; what the menu offers."""
    plot = plot_of(panel)
    middle = sum(plot._box.viewRange()[1]) / 2
    place = plot._view.viewport().mapFrom(plot, plot.column_of(step, middle).toPoint())
    QTest.mouseClick(plot._view.viewport(), Qt.MouseButton.RightButton, pos=place)
    return [action.text() for action in panel.menu.actions() if action.text() and action.isEnabled()]


def test_the_curve_offers_to_hold_at_a_step_still_to_come(
    training: TrainingModel, panel: LossPanel, qtbot: QtBot
) -> None:
    fill(training, 50)
    training.set_state("running")
    training.add_recorded(10, small_trace())
    plot = plot_of(panel)
    plot.show_range((0, 120), None)
    plot._set_following(False)
    texts = right_click(panel, 100)
    wanted = next(action for action in panel.menu.actions() if action.text().startswith("Hold at step"))
    step = int(wanted.text().rpartition(" ")[2])
    assert abs(step - 100) <= 1, "as near as pixels are"
    assert texts == [f"Hold at step {step}", "Run on to step…", "Show all points"]
    with qtbot.waitSignal(panel.hold_requested) as asked:
        wanted.trigger()
    assert asked.args == [step]
    panel.menu.hide()
    panel.set_program(is_rerunnable=True, is_running=True)
    assert right_click(panel, 30)[0].startswith("Record step")
    panel.menu.hide()
    training.end("finished")
    assert right_click(panel, 100) == ["Show all points"], "nothing is still to come"
    panel.menu.hide()


def test_a_drag_with_the_right_button_zooms_and_opens_no_menu(training: TrainingModel, panel: LossPanel) -> None:
    fill(training)
    view = plot_of(panel)._view.viewport()
    start = point_at(panel, 50)
    QTest.mousePress(view, Qt.MouseButton.RightButton, pos=start)
    QTest.mouseMove(view, start + QPoint(40, 0))
    QTest.mouseRelease(view, Qt.MouseButton.RightButton, pos=start + QPoint(40, 0))
    assert not panel.menu.isVisible()
