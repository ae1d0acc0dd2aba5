"""gui.docks: how much room the panels get."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from gui.window import MainWindow


def test_curves_of_logs_get_the_room_until_there_is_a_graph(
    window: MainWindow, tmp_path: Path, trace_file: Path, qtbot: QtBot
) -> None:
    lines = ["step,loss", *(f"{step},{1 / (1 + step)}" for step in range(50))]
    (tmp_path / "metrics.csv").write_text("\n".join(lines))
    window.resize(1280, 800)
    window.open_target(str(tmp_path / "metrics.csv"))
    runs = window.docks.docks["runs"]
    qtbot.waitUntil(lambda: runs.height() > 0.4 * window.height())
    window.open_target(str(trace_file))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    qtbot.waitUntil(lambda: runs.height() < 0.3 * window.height())
