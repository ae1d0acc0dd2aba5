"""Planted mistakes opened as scripts in the real window: each is named with its node; healthy scripts stay quiet."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabBar
from pytestqt.qtbot import QtBot

from engine.diagnose.trail_step import TrailStep
from gui.opening import classify
from gui.window import MainWindow
from tests.engine.diagnose.test_programs import BUGS, FOLDER

pytestmark = pytest.mark.end2end
START_MS = 60_000


TWELVE = (
    "nan_forward", "nan_backward", "unused_parameter", "cut_by_detach", "grad_of_non_leaf", "no_zero_grad",
    "vanishing", "dead_relu", "saturated", "loss_broadcast", "double_softmax", "changed_in_place",
)  # fmt: skip

SOUND = ("adversarial", "classifier", "convolutions", "frozen", "stop_gradient")


def run(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Run a script to its end and wait for everything that it had to tell."""
    window.workspace.run(classify(str(path)))
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    assert window.document.trace is not None, path


def check(window: MainWindow, qtbot: QtBot, name: str) -> None:
    """The script's mistake is in the panel, alone, and "Show me" leads to its node."""
    expected = BUGS[name]
    run(window, qtbot, FOLDER / "bugs" / f"{name}.py")
    assert window.panels is not None
    panel, trace = window.panels.problems, window.document.trace
    assert trace is not None
    found = [finding for finding in panel.findings if finding.kind == expected.kind]
    assert len(found) == 1, (name, [finding.kind for finding in panel.findings])
    node = trace.graph.nodes[found[0].node_id]
    assert (node.name or node.label) == expected.node
    shown = [str(panel.model.index(row, 0).data()) for row in range(panel.model.rowCount())]
    assert found[0].title in shown
    assert {finding.kind for finding in panel.findings} - {expected.kind} <= {"error", "recording"}
    panel.list.setCurrentIndex(panel.model.index(shown.index(found[0].title), 0))
    panel.show_me.click()
    assert window.document.selection == found[0].node_id


@pytest.mark.parametrize("name", TWELVE)
def test_a_planted_mistake_is_named_with_its_node(name: str, window: MainWindow, qtbot: QtBot) -> None:
    check(window, qtbot, name)


@pytest.mark.parametrize("name", SOUND)
def test_healthy_scripts_have_no_problems(name: str, window: MainWindow, qtbot: QtBot) -> None:
    assert window.panels is not None
    run(window, qtbot, FOLDER / "healthy" / f"{name}.py")
    assert [finding.title for finding in window.panels.problems.findings] == []


def test_the_first_nan_is_found_in_three_actions(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot, FOLDER / "bugs" / "nan_forward.py")
    document, panels = window.document, window.panels
    assert panels is not None
    bar, index = next(
        (bar, k) for bar in window.findChildren(QTabBar) for k in range(bar.count())
        if bar.tabText(k).startswith("Problems")
    )  # fmt: skip
    assert bar.tabText(index) == "Problems 1", "how many there are can be read without opening the panel"
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(index).center())  # the first action
    panel = panels.problems
    qtbot.waitUntil(panel.isVisible)
    assert document.trace is not None
    qtbot.mouseClick(panel.show_me, Qt.MouseButton.LeftButton)  # the second
    assert document.selection is not None
    assert document.trace.graph.nodes[document.selection].label == "log"
    lines = (FOLDER / "bugs" / "nan_forward.py").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "torch.log" in text)
    assert panels.source.view.marks[1] == line, "the line of the logarithm is marked"
    qtbot.mouseClick(panel.trace_back, Qt.MouseButton.LeftButton)  # the third: from the loss back to it
    assert document.selection == document.trace.roots[0][0]
    walked: list[TrailStep] = panel.trail.steps
    for step in walked[1:]:
        qtbot.keyClick(panel.trail.list, Qt.Key.Key_Down)
        assert document.selection == step.node_id
    assert [document.trace.graph.nodes[step.node_id].label for step in walked if step.role == "cause"] == ["log"]
    qtbot.mouseClick(panel.trail.back, Qt.MouseButton.LeftButton)
    assert panel.list.isVisible()


def test_findings_that_come_later_leave_cursor_and_selection_alone(window: MainWindow, qtbot: QtBot) -> None:
    document = window.document
    window.workspace.run(classify(str(FOLDER / "bugs" / "no_zero_grad.py")), (), 0)
    qtbot.waitUntil(lambda: window.workspace.is_held, timeout=START_MS)
    assert document.trace is not None
    assert window.panels is not None
    assert window.panels.problems.findings == []
    trace = document.trace
    document.move_to(2)
    document.select(0)
    window.panels.loss.play_requested.emit()
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    assert [finding.kind for finding in window.panels.problems.findings] == ["accumulated"]
    assert document.trace is trace
    assert (document.cursor, document.selection) == (2, 0)


@pytest.mark.parametrize("name", ["vanishing", "exploding"])
def test_the_way_on_which_a_gradient_vanishes_or_explodes_is_weighed_and_lit(
    name: str, window: MainWindow, qtbot: QtBot
) -> None:
    run(window, qtbot, FOLDER / "bugs" / f"{name}.py")
    document, panels, canvas = window.document, window.panels, window.canvas
    assert panels is not None
    assert canvas is not None
    assert document.trace is not None
    window.docks.raise_("problems")
    panel = panels.problems
    row = next(k for k, finding in enumerate(panel.findings) if finding.kind == name)
    panel.list.setCurrentIndex(panel.model.index(row, 0))
    assert panel.trace_back.isVisible()
    qtbot.mouseClick(panel.trace_back, Qt.MouseButton.LeftButton)
    steps = panel.trail.steps
    assert steps[0].node_id == document.selection
    lit = canvas.spotlight.lit
    assert lit is not None
    assert {steps[0].node_id, document.trace.roots[0][0]} <= lit
    assert len(lit) < len(document.trace.graph.nodes), "what is not on the way is dimmed"
    theme = window.themes.theme
    picture = panel.trail.list.grab().toImage()
    seen = {picture.pixelColor(x, y).rgb() for x in range(60, picture.width(), 3) for y in range(picture.height())}
    panel.trail.list.scrollToBottom()
    picture = panel.trail.list.grab().toImage()
    seen |= {picture.pixelColor(x, y).rgb() for x in range(60, picture.width(), 3) for y in range(picture.height())}
    assert (theme.data if name == "vanishing" else theme.accent).rgb() in seen, "the bars of factors"
    while panel.trail.next.isEnabled():
        qtbot.mouseClick(panel.trail.next, Qt.MouseButton.LeftButton)
    assert document.selection == steps[-1].node_id
    qtbot.mouseClick(panel.trail.back, Qt.MouseButton.LeftButton)
    assert not canvas.spotlight.is_on
