"""Tests of the model of a training."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from gui.training import TrainingModel
from tests.engine.traces import small_trace


def test_points_move_the_step_and_are_announced_once(qtbot: QtBot) -> None:
    training = TrainingModel()
    with qtbot.waitSignal(training.points_added):
        training.add_points(np.array([3, 4]), np.array([0.5, 0.25]))
    assert training.step == 4
    assert training.series.value_at(3) == 0.5
    with qtbot.assertNotEmitted(training.points_added):
        training.add_points([], [])


def test_state_and_rate_are_announced_when_they_change(qtbot: QtBot) -> None:
    training = TrainingModel()
    with qtbot.waitSignal(training.state_changed):
        training.set_state("running")
    assert not training.is_over
    with qtbot.assertNotEmitted(training.state_changed):
        training.set_state("running")
    with qtbot.waitSignal(training.state_changed):
        training.set_rate(1240.0, 0.1)
    with qtbot.assertNotEmitted(training.state_changed):
        training.set_rate(1240.0, 0.1)
    with qtbot.waitSignal(training.state_changed):
        training.set_state("finished", 9)
    assert (training.step, training.is_over, training.steps_per_second) == (9, True, 1240.0)


def test_reset_forgets_everything(qtbot: QtBot) -> None:
    training = TrainingModel()
    training.add_points(1, 2.0)
    with qtbot.waitSignal(training.recorded_changed):
        training.add_recorded(1, small_trace())
    training.set_state("paused", 1)
    old = training.series
    with qtbot.waitSignal(training.was_reset):
        training.reset()
    assert training.series is not old
    assert len(training.series) == 0
    assert (training.state, training.step, training.recorded) == ("idle", 0, {})
