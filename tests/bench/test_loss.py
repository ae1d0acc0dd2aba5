"""Benchmark: drawing the curve of ten million losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from gui.panels.loss import LossPanel
from gui.theme import ThemeManager
from gui.training import TrainingModel

FRAME_S = 1 / 60


def test_ten_million_points(qtbot: QtBot, benchmark: Any) -> None:
    training = TrainingModel()
    panel = LossPanel(training, ThemeManager(training))
    qtbot.addWidget(panel)
    panel.resize(1600, 220)
    panel.show()
    count = 10_000_000
    training.add_points(np.arange(count), np.random.default_rng(0).random(count))
    plot = panel.plot
    assert plot is not None
    plot.refresh()

    def draw() -> None:
        plot.refresh()
        plot._view.viewport().repaint()

    benchmark(draw)
    if benchmark.stats is not None:
        print(f"\n10M points: {benchmark.stats.stats.median / FRAME_S:.3f} of a frame (60 Hz)")
    panel.shut_down()
